/* logfile.c - see logfile.h. SPDX-License-Identifier: Apache-2.0 */
#include "logfile.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "logline.h"

enum {
	FLUSH_BYTES = 1 << 16,		/* more than these wait for nobody */
	ERRORS_BYTES = 1 << 20,
	ERRORS_FILES = 2
};

int logfile_open(struct logfile *l, const char *home, const struct topology *t, struct error *e)
{
	*l = (struct logfile){ .dir = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (l->dir < 0)
		return error_errno(e, "cannot open %s", home);
	rotated_open(&l->log, l->dir, LOGFILE_LOG, (uint64_t)topology_int(t, NULL, "topology.log.max.bytes"),
	    (uint32_t)topology_int(t, NULL, "topology.log.files"));
	rotated_open(&l->errors, l->dir, LOGFILE_ERRORS, ERRORS_BYTES, ERRORS_FILES);
	return 0;
}

void logfile_close(struct logfile *l)
{
	if (l->dir < 0)
		return;
	rotated_close(&l->log);
	rotated_close(&l->errors);
	close(l->dir);
	l->dir = -1;
}

void logfile_line(struct logfile *l, gale_level level, const char *label, const char *text, size_t n)
{
	struct timespec now;
	struct logline line = { .level = level, .label = label, .n_label = strlen(label), .text = text, .n_text = n };

	clock_gettime(CLOCK_REALTIME, &now);
	line.time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / (long)NS_PER_MS;
	logline_write(&l->log.waiting, &line);
	if (level <= GALE_WARN)
		logline_write(&l->errors.waiting, &line);
	if (l->log.waiting.n >= FLUSH_BYTES)
		logfile_flush(l);
}

void logfile_flush(struct logfile *l)
{
	rotated_flush(&l->log);
	rotated_flush(&l->errors);
}
