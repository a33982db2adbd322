/* procfs.c - see procfs.h. SPDX-License-Identifier: Apache-2.0 */
#include "procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

uint64_t procfs_cpu_ns(uint32_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (pid == 0 || clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* read_text reads up to SIZE - 1 bytes of FILE; false: it can't. */
static bool read_text(uint32_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%u/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

uint64_t procfs_pss_bytes(uint32_t pid)
{
	char text[1024];
	const char *line;

	if (pid == 0 || !read_text(pid, "smaps_rollup", text, sizeof text) ||
	    (line = strstr(text, "\nPss:")) == NULL)
		return 0;
	return strtoull(line + strlen("\nPss:"), NULL, 10) * 1024;
}

bool procfs_lives(uint32_t pid)
{
	char text[256];
	const char *state;

	if (pid == 0 || !read_text(pid, "stat", text, sizeof text) || (state = strrchr(text, ')')) == NULL)
		return false;
	return state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}
