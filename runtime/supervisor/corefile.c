/* corefile.c - see corefile.h; core(5) has the patterns. SPDX-License-Identifier: Apache-2.0 */
#include "corefile.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* read_line gives the first line of the file PATH, "" when it can't be read. */
static void read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, line, size - 1) : -1;

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

/* expand adds PATTERN with what is known of it; all else stays as it is, and is rare. */
static bool expand(struct buf *out, pid_t pid, const char *pattern)
{
	bool has_pid = false;

	for (const char *p = pattern; *p != '\0'; p++) {
		if (p[0] == '%' && (p[1] == 'p' || p[1] == 'P')) {
			buf_printf(out, "%d", (int)pid);
			has_pid = true;
			p++;
		} else if (p[0] == '%' && p[1] == '%') {
			buf_puts(out, "%");
			p++;
		} else {
			buf_add(out, p, 1);
		}
	}
	return has_pid;
}

void corefile_where(struct buf *out, pid_t pid, const char *pattern)
{
	char read[512], uses_pid[8], *here;

	if (pattern == NULL) {
		read_line("/proc/sys/kernel/core_pattern", read, sizeof read);
		pattern = read;
	}
	if (pattern[0] == '|') {
		buf_puts(out, "given to ");
		buf_add(out, pattern + 1, strcspn(pattern + 1, " "));
		return;
	}
	if (pattern[0] != '/' && (here = getcwd(NULL, 0)) != NULL) {
		buf_printf(out, "%s/", here);
		free(here);
	}
	read_line("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof uses_pid);
	if (!expand(out, pid, pattern) && strcmp(uses_pid, "1") == 0)
		buf_printf(out, ".%d", (int)pid);
}
