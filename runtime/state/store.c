/* store.c - see store.h. SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "plan.h"
#include "snapshot.h"
#include "wire.h"

enum {
	RECORD_HEAD = 9,	/* u64 txid, u8 final */
	WAIT_MS = 5000,		/* for a run that starts or ends, on a busy machine */
	STEP_MS = 10
};

/* ---- copies ---- */

/* open_copy makes the copy anew each time: an earlier one may have been changed. */
static struct state *open_copy(struct store *st, const struct store_task *t, struct error *e)
{
	char *copy = xasprintf("%s/%u-%s.%u", st->scratch.path, ++st->n_copies, t->component, t->index);
	struct state *s = NULL;

	if (snapshot_files(t->files, copy, false, e) == 0)
		s = state_open_copy(copy, t->path, e);
	if (s != NULL)
		state_goes_with_run(s);
	free(copy);
	return s;
}

struct state *store_state(struct store *st, const struct store_task *t, uint64_t *prepared,
    struct error *e)
{
	struct state *s = open_copy(st, t, e);

	if (s == NULL)
		return NULL;
	if (prepared != NULL)
		*prepared = state_txid(s);
	if (!st->transactional || store_is_coordinator(st, t) || state_undo(s, st->txid, e) == 0)
		return s;
	state_close(s);
	return NULL;
}

/* ---- what there is ---- */

bool store_is_coordinator(const struct store *st, const struct store_task *t)
{
	return st->transactional && strcmp(t->component, COORDINATOR_ID) == 0;
}

static uint64_t bytes_in(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (fstatat(dirfd(d), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	if (d != NULL)
		closedir(d);
	return sum;
}

/* add_task takes what is called "COMPONENT.INDEX". Other names are what is left of a process
 * that died while it made one. */
static void add_task(struct store *st, size_t *cap, const char *name)
{
	const char *dot = strrchr(name, '.');
	struct store_task *t;

	if (dot == NULL || dot == name || dot[1] == '\0' || strspn(dot + 1, "0123456789") != strlen(dot + 1))
		return;
	st->tasks = xgrow(st->tasks, cap, st->n_tasks + 1, sizeof *st->tasks);
	t = &st->tasks[st->n_tasks++];
	*t = (struct store_task){ .component = xstrndup(name, (size_t)(dot - name)),
		.index = (uint32_t)strtoul(dot + 1, NULL, 10) };
	t->path = xasprintf("%s/state/%s", st->dir.path, name);
	t->files = xasprintf("%s/%s", st->databases, name);
	t->bytes = bytes_in(t->files);
}

static int compare_tasks(const void *a, const void *b)
{
	const struct store_task *x = a, *y = b;
	int order = strcmp(x->component, y->component);

	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static int find_tasks(struct store *st, struct error *e)
{
	DIR *d = opendir(st->databases);
	struct dirent *entry;
	size_t cap = 0;
	int rc = 0;

	if (d == NULL && errno != ENOENT)
		rc = error_errno(e, "can't read %s", st->databases);
	while (d != NULL && (entry = readdir(d)) != NULL)
		add_task(st, &cap, entry->d_name);
	if (d != NULL)
		closedir(d);
	if (st->n_tasks > 0)
		qsort(st->tasks, st->n_tasks, sizeof *st->tasks, compare_tasks);
	return rc;
}

/* ---- the record ---- */

static int take_record(struct store *st, struct state *s, struct error *e)
{
	static const char key[] = "record";
	gale_slice value;
	int found = state_get(s, key, sizeof key - 1, &value, e);

	if (found <= 0)
		return found;
	if (value.n < RECORD_HEAD)
		return error_set(e, "the record in %s/state/" COORDINATOR_ID ".0 is damaged: restore the whole "
		    "state directory from one copy", st->dir.path);
	st->txid = wire_get64(value.bytes);
	st->final = ((const uint8_t *)value.bytes)[RECORD_HEAD - 1] != 0;
	buf_add(&st->record, (const char *)value.bytes + RECORD_HEAD, value.n - RECORD_HEAD);
	return 0;
}

static int read_record(struct store *st, struct error *e)
{
	struct state *s;
	int rc = 0;

	for (size_t i = 0; i < st->n_tasks && rc == 0; i++)
		if (store_is_coordinator(st, &st->tasks[i])) {
			s = open_copy(st, &st->tasks[i], e);
			rc = s != NULL ? take_record(st, s, e) : -1;
			state_close(s);
		}
	return rc;
}

/* is_transactional looks for the line "transactional ID", the second one of fit.h's text. */
static bool is_transactional(const struct buf *topology)
{
	const char *second = strchr(topology->data, '\n');

	return second != NULL && strncmp(second + 1, "transactional ", 14) == 0;
}

/* visit copies what a run that goes on has into ST's databases, with its leave: as snapshot_visit. */
static int visit(struct store *st, const char *dir, struct error *e)
{
	st->dir.path = realpath(dir, NULL);
	if (st->dir.path != NULL)
		st->dir.fd = open(st->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->dir.fd < 0)
		return error_errno(e, "cannot open the state directory %s", dir);
	return snapshot_visit(st->dir.fd, st->dir.path, st->databases, e);
}

/* open_directory takes what nobody uses as it is, and copies what a run uses. One that can be
 * neither is of a run that starts or ends, which takes a moment. */
static enum statedir_result open_directory(struct store *st, const char *dir, struct error *e)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)WAIT_MS * NS_PER_MS;
	enum statedir_result rc;

	st->databases = xasprintf("%s/databases", st->scratch.path);
	while ((rc = statedir_look(&st->dir, dir, e)) == STATEDIR_CONFLICT) {
		int visited = visit(st, dir, e);

		if (visited == 0)
			return STATEDIR_OK;
		if (visited < 0 || clock_now_ns() >= deadline)
			return STATEDIR_CONFLICT;
		statedir_close(&st->dir);
		clock_pause(STEP_MS);
	}
	if (rc == STATEDIR_OK) {
		free(st->databases);
		st->databases = xasprintf("%s/state", st->dir.path);
	}
	return rc;
}

enum statedir_result store_open(struct store *st, const char *dir, struct error *e)
{
	enum statedir_result rc;
	int found;

	*st = (struct store){ .dir = { .fd = -1, .lock_fd = -1 }, .scratch = { .lock_fd = -1 } };
	if (rundir_create(&st->scratch, "state", e) != 0)
		return STATEDIR_FAILED;
	rc = open_directory(st, dir, e);
	if (rc != STATEDIR_OK)
		return rc;
	found = statedir_read(&st->dir, "topology", &st->topology, e);
	if (found == 0)
		error_set(e, "%s is no state directory that a run has used: there is no file \"topology\" in it",
		    st->dir.path);
	if (found != 1)
		return STATEDIR_FAILED;
	st->transactional = is_transactional(&st->topology);
	if (find_tasks(st, e) != 0)
		return STATEDIR_FAILED;
	return read_record(st, e) == 0 ? STATEDIR_OK : STATEDIR_CONFLICT;
}

void store_close(struct store *st)
{
	for (size_t i = 0; i < st->n_tasks; i++) {
		free(st->tasks[i].component);
		free(st->tasks[i].path);
		free(st->tasks[i].files);
	}
	free(st->tasks);
	free(st->databases);
	buf_free(&st->topology);
	buf_free(&st->record);
	rundir_remove(&st->scratch);
	statedir_close(&st->dir);
	*st = (struct store){ .dir = { .fd = -1, .lock_fd = -1 }, .scratch = { .lock_fd = -1 } };
}
