/* cmd_state_import.c - gale state import: a state directory from what an export wrote.
 *
 * The file is read twice: first all of it is checked, then it is written, into DIR.new, which
 * becomes DIR when it is complete and synced. So there is the whole of it or nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_state.h"
#include "memory.h"
#include "statereader.h"
#include "spread.h"

enum { FLUSH_BYTES = 32 << 20 };

/* A task that is written. */
struct target {
	char *path;
	uint32_t version;
	uint64_t txid;
	struct state *state;	/* NULL: closed for now */
};

struct import {
	const char *file, *dir;
	char *temporary;
	struct statereader reader;
	struct spread *spreads;		/* n_spreads, of --tasks */
	size_t n_spreads;
	struct buf topology;		/* from now on, with a NUL */
	struct target *targets;		/* those of the task in hand, or of the component that is spread */
	uint32_t n_targets;
	size_t n_bytes;			/* put into them since they were written last */
	char *component;		/* theirs */
};

/* spread_of gives what --tasks says of the line's component, or NULL. */
static struct spread *spread_of(const struct import *i)
{
	for (size_t s = 0; s < i->n_spreads; s++)
		if (strcmp(i->reader.line.name.data, i->spreads[s].component) == 0)
			return &i->spreads[s];
	return NULL;
}

/* ---- the check ---- */

static int check_topology(struct import *i, struct error *e)
{
	const struct buf *text = &i->reader.line.value;

	i->topology.n = 0;
	buf_add(&i->topology, text->data, text->n);
	buf_text(&i->topology);
	for (size_t s = 0; s < i->n_spreads; s++)
		if (spread_topology(&i->spreads[s], &i->topology, e) != 0)
			return -1;
	return 0;
}

static int check_line(struct import *i, struct error *e)
{
	const struct line *line = &i->reader.line;
	struct spread *spread;

	if (line->kind == LINE_FILE && strcmp(line->name.data, "topology") == 0)
		return check_topology(i, e);
	if ((line->kind != LINE_TASK && line->kind != LINE_KEY) || (spread = spread_of(i)) == NULL)
		return 0;
	if (line->kind == LINE_TASK)
		return spread_task(spread, line->version, line->txid, e);
	spread_key(spread, line->task, &line->key);
	return 0;
}

/* ---- files ---- */

static int sync_dir(const char *path, struct error *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		rc = error_errno(e, "cannot sync %s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_file(const struct import *i, const char *name, const struct buf *content, struct error *e)
{
	char *path = xasprintf("%s/%s", i->temporary, name);
	FILE *f = fopen(path, "wxe");
	int rc = 0;

	if (f == NULL || fchmod(fileno(f), S_IRUSR | S_IWUSR) != 0 ||
	    (content->n > 0 && fwrite(content->data, 1, content->n, f) != content->n) || fflush(f) != 0 || fsync(fileno(f)) != 0)
		rc = error_errno(e, "cannot write %s", path);
	if (f != NULL)
		fclose(f);
	free(path);
	return rc;
}

/* ---- states ---- */

/* pause_targets writes and closes what is open, so that many targets need little memory. */
static int pause_targets(struct import *i, struct error *e)
{
	int rc = 0;

	for (uint32_t t = 0; t < i->n_targets; t++) {
		if (i->targets[t].state != NULL && rc == 0)
			rc = state_commit(i->targets[t].state, e);
		state_close(i->targets[t].state);
		i->targets[t].state = NULL;
	}
	i->n_bytes = 0;
	return rc;
}

static int open_target(struct target *t, struct error *e)
{
	if (t->state == NULL)
		t->state = state_open(t->path, t->version, e);
	return t->state != NULL ? 0 : -1;
}

static int end_targets(struct import *i, struct error *e)
{
	int rc = pause_targets(i, e);

	for (uint32_t t = 0; t < i->n_targets; t++) {
		struct target *target = &i->targets[t];

		if (rc == 0 && target->txid > 0)
			rc = open_target(target, e) == 0 ? state_adopt(target->state, target->txid, e) : -1;
		state_close(target->state);
		free(target->path);
	}
	free(i->targets);
	free(i->component);
	i->targets = NULL;
	i->component = NULL;
	i->n_targets = 0;
	return rc;
}

/* begin_targets makes the targets of the line's task: itself, or those that it is spread among. */
static int begin_targets(struct import *i, struct error *e)
{
	const struct line *line = &i->reader.line;
	const struct spread *spread = spread_of(i);

	if (spread != NULL && i->component != NULL && strcmp(i->component, line->name.data) == 0)
		return 0;
	if (end_targets(i, e) != 0)
		return -1;
	i->component = xstrdup(line->name.data);
	i->n_targets = spread != NULL ? spread->n_tasks : 1;
	i->targets = xcalloc(i->n_targets, sizeof *i->targets);
	for (uint32_t t = 0; t < i->n_targets; t++) {
		char *path = statedir_state(i->temporary, i->component, spread != NULL ? t : (uint32_t)line->task);

		i->targets[t] = (struct target){ .path = path, .version = (uint32_t)line->version, .txid = line->txid };
	}
	return 0;
}

static int write_key(struct import *i, struct error *e)
{
	const struct line *line = &i->reader.line;
	const struct spread *spread = spread_of(i);
	struct target *t = &i->targets[spread != NULL ? spread_target(spread, &line->key) : 0];

	if (open_target(t, e) != 0 ||
	    state_put(t->state, line->key.data, line->key.n, line->value.data, line->value.n, e) != 0)
		return -1;
	i->n_bytes += line->key.n + line->value.n;
	return i->n_bytes >= FLUSH_BYTES || state_full(t->state) ? pause_targets(i, e) : 0;
}

static int write_line(struct import *i, struct error *e)
{
	const struct line *line = &i->reader.line;

	switch (line->kind) {
	case LINE_FILE:
		return strcmp(line->name.data, "topology") == 0 ? write_file(i, "topology", &i->topology, e) :
		    write_file(i, line->name.data, &line->value, e);
	case LINE_TASK:
		return begin_targets(i, e);
	case LINE_KEY:
		return write_key(i, e);
	default:
		return 0;
	}
}

/* ---- the whole ---- */

/* each_line reads the file and calls FN for every line. */
static int each_line(struct import *i, int (*fn)(struct import *i, struct error *e), struct error *e)
{
	int rc = statereader_open(&i->reader, i->file, e);

	do {
		if (rc == 0)
			rc = statereader_next(&i->reader, e);
		if (rc == 0)
			rc = fn(i, e);
	} while (rc == 0 && i->reader.line.kind != LINE_END);
	statereader_close(&i->reader);
	return rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* make makes the folders; what another import left there when it died goes. */
static int make(const struct import *i, struct error *e)
{
	static const char *const folders[] = { "", "/positions", "/state" };
	struct buf nothing = { 0 };

	nftw(i->temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
		char *path = xasprintf("%s%s", i->temporary, folders[f]);
		int rc = mkdir(path, S_IRWXU);

		if (rc != 0)
			error_errno(e, "cannot make %s", path);
		free(path);
		if (rc != 0)
			return -1;
	}
	return write_file(i, "lock", &nothing, e);
}

static int into_place(const struct import *i, struct error *e)
{
	const char *slash = strrchr(i->dir, '/');
	char *parent = slash == NULL ? xstrdup(".") :
	    xstrndup(i->dir, slash == i->dir ? 1 : (size_t)(slash - i->dir));
	char *positions = xasprintf("%s/positions", i->temporary);
	int rc = sync_dir(positions, e) != 0 || sync_dir(i->temporary, e) != 0 ? -1 : 0;

	if (rc == 0 && rename(i->temporary, i->dir) != 0)
		rc = error_errno(e, "cannot rename %s to %s", i->temporary, i->dir);
	if (rc == 0)
		rc = sync_dir(parent, e);
	free(positions);
	free(parent);
	return rc;
}

static int write_all(struct import *i, struct error *e)
{
	struct error ignored;
	int rc = make(i, e);

	if (rc == 0)
		rc = each_line(i, write_line, e);
	if (end_targets(i, rc == 0 ? e : &ignored) != 0)
		rc = -1;
	if (rc == 0)
		rc = into_place(i, e);
	if (rc != 0)
		nftw(i->temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return rc;
}

static int run(struct import *i, struct error *e)
{
	if (each_line(i, check_line, e) != 0)
		return EXIT_CONFLICT;
	if (i->topology.n == 0) {
		error_set(e, "%s has no topology in it", i->file);
		return EXIT_CONFLICT;
	}
	for (size_t s = 0; s < i->n_spreads; s++)
		if (spread_check(&i->spreads[s], e) != 0)
			return EXIT_CONFLICT;
	return write_all(i, e) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* read_tasks reads every --tasks, the only option there is. */
static int read_tasks(struct import *i, const struct command_line *line, struct error *e)
{
	i->spreads = xcalloc(line->n_given + 1, sizeof *i->spreads);
	for (size_t s = 0; s < line->n_given; s++) {
		i->n_spreads++;
		if (spread_parse(&i->spreads[s], line->given[s].value, e) != 0)
			return -1;
	}
	return 0;
}

int cmd_state_import(const struct command_line *line)
{
	struct import i = { .file = line->operands[1], .dir = line->operands[2] };
	struct error e;
	struct stat st;
	int code = EXIT_DONE;

	i.temporary = xasprintf("%s.new", i.dir);
	if (read_tasks(&i, line, &e) != 0) {
		command_say("%s", e.text);
		code = EXIT_USAGE;
	} else if (!command_has_file(i.file)) {
		code = EXIT_NOT_FOUND;
	} else if (lstat(i.dir, &st) == 0) {
		command_say("%s is there already: name a directory that is not, or remove it", i.dir);
		code = EXIT_CONFLICT;
	} else if ((code = run(&i, &e)) != EXIT_DONE) {
		command_say("%s", e.text);
	}
	for (size_t s = 0; s < i.n_spreads; s++)
		spread_free(&i.spreads[s]);
	free(i.spreads);
	buf_free(&i.topology);
	free(i.temporary);
	return code;
}
