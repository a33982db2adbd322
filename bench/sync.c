/* sync.c - what a sync costs: appends 4 KiB to FILE and calls fdatasync, N times.
 *
 *     sync FILE N        prints the median and the 99th percentile, in microseconds
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static char block[4096];
	int fd = argc == 3 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t *took = calloc(n + 1, sizeof *took);

	if (fd < 0 || n == 0 || took == NULL) {
		fprintf(stderr, "usage: sync FILE N\n");
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t before = now_ns();

		if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0) {
			perror(argv[1]);
			return 1;
		}
		took[i] = now_ns() - before;
	}
	qsort(took, n, sizeof *took, compare);
	printf("%llu %llu\n", (unsigned long long)took[n / 2] / 1000,
	    (unsigned long long)took[n * 99 / 100] / 1000);
	unlink(argv[1]);
	return 0;
}
