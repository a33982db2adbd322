/* statedump.c - prints the state of a task that is not running: statedump PATH VERSION. A line
 * per key: the key, a tab, the value up to its first zero, or, when it has 8 bytes of which one
 * is zero, that number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

int main(int argc, char **argv)
{
	gale_scan scan = gale_state_scan("", 0);
	struct error e = { "usage: statedump PATH VERSION" };
	struct state *s = argc == 3 ? state_open(argv[1], (uint32_t)atoi(argv[2]), &e) : NULL;
	int more = -1;

	while (s != NULL && (more = state_next(s, &scan, &e)) == 1) {
		int64_t number;

		printf("%.*s\t", (int)scan.key.n, (const char *)scan.key.bytes);
		if (scan.value.n == 8 && memchr(scan.value.bytes, 0, 8) != NULL) {
			memcpy(&number, scan.value.bytes, 8);
			printf("%" PRId64 "\n", number);
		} else {
			printf("%.*s\n", (int)scan.value.n, (const char *)scan.value.bytes);
		}
	}
	state_close(s);
	if (more < 0)
		fprintf(stderr, "%s\n", e.text);
	return more != 0;
}
