/* cmd_logs.c - gale logs: what a topology and its workers have said, and say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "clock.h"
#include "command.h"
#include "duration.h"
#include "logreader.h"
#include "logview.h"
#include "memory.h"

enum { FOLLOW_MS = 100, FLUSH_BYTES = 1 << 16 };

struct logs {
	struct home home;
	struct logreader reader;
	struct logwho who;
	gale_level level;
	int64_t since_ms;
	bool json, follow;
	uint64_t last;		/* how many of the lines that are there are shown; UINT64_MAX: all */
	char **kept;		/* the last ones, a ring; NULL once they are shown */
	uint64_t n_kept;	/* ever */
	struct buf out;
};

/* ---- what is asked for ------------------------------------------------------------- */

static int bad(const char *option, const char *wants, const char *value)
{
	command_say("--%s wants %s, found \"%s\"", option, wants, value);
	return EXIT_USAGE;
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / (long)NS_PER_MS;
}

static bool read_since(const char *text, int64_t *ms)
{
	if (duration_parse(text, ms)) {
		*ms = wall_ms() - *ms;
		return true;
	}
	return logline_when(text, strlen(text), ms);
}

static bool read_count(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *n <= 10000000;
}

static int read_options(struct logs *l, const struct command_line *line)
{
	const char *level = command_value(line, "level"), *since = command_value(line, "since"),
	    *lines = command_value(line, "lines");

	l->level = GALE_DEBUG;
	l->since_ms = INT64_MIN;
	l->last = UINT64_MAX;
	l->json = command_has(line, "json");
	l->follow = command_has(line, "follow");
	if (level != NULL && !logline_level(level, strlen(level), &l->level))
		return bad("level", "error, warn, info or debug", level);
	if (since != NULL && !read_since(since, &l->since_ms))
		return bad("since", "how long ago (90s, 5m, 2h, 1d) or when (2026-11-21T16:43)", since);
	if (lines != NULL && !read_count(lines, &l->last))
		return bad("lines", "a number up to 10000000", lines);
	return EXIT_DONE;
}

/* ---- lines ------------------------------------------------------------------------- */

static bool is_wanted(const struct logs *l, const struct logline *line)
{
	return line->level <= l->level && line->time_ms >= l->since_ms &&
	    (l->who.component == NULL || logline_is_from(line, l->who.component, l->who.task));
}

static void put_json(struct buf *out, const struct logline *line)
{
	char time[LOGLINE_TIME];

	logline_time(time, line->time_ms);
	buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"source\":", time, logline_levels[line->level]);
	buf_json_string(out, line->label, line->n_label);
	buf_puts(out, ",\"text\":");
	buf_json_string(out, line->text, line->n_text);
	buf_puts(out, "}\n");
}

static void put_line(const struct logs *l, struct buf *out, const struct logline *line)
{
	if (l->json) {
		put_json(out, line);
	} else if (line->n_label > 0) {
		logline_write(out, line);
	} else {
		buf_add(out, line->text, line->n_text);
		buf_puts(out, "\n");
	}
}

static int flush(struct logs *l)
{
	size_t n = l->out.n;

	l->out.n = 0;
	if (n == 0 || (fwrite(l->out.data, 1, n, stdout) == n && fflush(stdout) == 0))
		return EXIT_DONE;
	command_say("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILED;
}

static void keep(struct logs *l, const struct logline *line)
{
	char **place;
	struct buf text = { 0 };

	if (l->last == 0)
		return;
	place = &l->kept[l->n_kept++ % l->last];
	put_line(l, &text, line);
	free(*place);
	*place = xstrdup(buf_text(&text));
	buf_free(&text);
}

static int show_kept(struct logs *l)
{
	uint64_t n = l->n_kept < l->last ? l->n_kept : l->last;
	int code = EXIT_DONE;

	for (uint64_t i = l->n_kept - n; i < l->n_kept; i++) {
		buf_puts(&l->out, l->kept[i % l->last]);
		free(l->kept[i % l->last]);
		if (l->out.n >= FLUSH_BYTES && code == EXIT_DONE)
			code = flush(l);
	}
	free(l->kept);
	l->kept = NULL;
	l->last = UINT64_MAX;
	return code;
}

/* show_all shows all lines that are there and have not been shown. */
static int show_all(struct logs *l)
{
	struct logline line;
	struct error e;
	int rc, code = EXIT_DONE;

	while ((rc = logreader_next(&l->reader, &line, &e)) > 0 && code == EXIT_DONE) {
		if (!is_wanted(l, &line))
			continue;
		if (l->kept != NULL)
			keep(l, &line);
		else
			put_line(l, &l->out, &line);
		if (l->out.n >= FLUSH_BYTES)
			code = flush(l);
	}
	if (rc < 0) {
		command_say("%s", e.text);
		code = EXIT_FAILED;
	}
	if (code == EXIT_DONE && l->kept != NULL)
		code = show_kept(l);
	return code == EXIT_DONE ? flush(l) : code;
}

/* await waits until something is written in the home, FOLLOW_MS at most: then there may be news of
 * which WATCH, which may be -1, does not tell. */
static void await(int watch)
{
	char events[4096] __attribute__((aligned(8)));
	struct pollfd p = { .fd = watch, .events = POLLIN };

	if (poll(&p, 1, FOLLOW_MS) > 0)
		while (read(watch, events, sizeof events) > 0)
			;
}

/* follow goes on until nobody writes there any more. Who is asked before the last look whether it
 * lives has its last words in it. */
static int follow(struct logs *l)
{
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), code;
	bool lives;

	if (watch >= 0)
		inotify_add_watch(watch, l->home.path, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
	do {
		lives = home_lives(&l->home);
		code = show_all(l);
		if (lives && code == EXIT_DONE)
			await(watch);
	} while (lives && code == EXIT_DONE);
	if (watch >= 0)
		close(watch);
	return code;
}

static int show(struct logs *l)
{
	int code;

	logreader_open(&l->reader, l->home.fd, "log");
	if (l->last != UINT64_MAX)
		l->kept = xcalloc(l->last + 1, sizeof *l->kept);
	code = l->follow ? follow(l) : show_all(l);
	logreader_close(&l->reader);
	for (uint64_t i = 0; l->kept != NULL && i < l->last; i++)
		free(l->kept[i]);
	free(l->kept);
	buf_free(&l->out);
	return code;
}

int cmd_logs(const struct command_line *line)
{
	struct logs l = { 0 };
	int code = read_options(&l, line);

	if (code == EXIT_DONE)
		code = ask_home(line->operands[0], &l.home);
	if (code != EXIT_DONE)
		return code;
	code = logview_who(&l.who, &l.home, line->operands[1]);
	if (code == EXIT_DONE)
		code = show(&l);
	free(l.who.component);
	home_close(&l.home);
	return code;
}
