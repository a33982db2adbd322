/* cmd_state_verify.c - gale state verify: is all of a state directory sound, and of one batch?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_state.h"
#include "memory.h"
#include "offsets.h"
#include "plan.h"
#include "positionfile.h"

struct verify {
	struct store store;
	const char *component;	/* of the last task that was sound, and its version */
	uint32_t version;
	bool damaged;
};

static void bad(struct verify *v, const char *component, uint32_t index, const struct error *e)
{
	printf("%s.%u  %s\n", component, index, e->text);
	v->damaged = true;
}

/* ---- tasks ---- */

static int check_version(struct verify *v, const struct store_task *t, uint32_t version, struct error *e)
{
	bool same = v->component != NULL && strcmp(v->component, t->component) == 0;

	if (same && version != v->version)
		return error_set(e, "the state %s is of version %u, that of other tasks of %s of version %u: restore "
		    "the whole state directory from one copy", t->path, version, t->component, v->version);
	v->component = t->component;
	v->version = version;
	return 0;
}

static int check_record(const struct store *st, struct error *e)
{
	const uint8_t *at = (const uint8_t *)st->record.data, *end = at + st->record.n;
	struct offsets o = { 0 };
	bool good = st->record.n == 0 || (offsets_read(&o, &at, end) && at == end);

	offsets_free(&o);
	return good ? 0 : error_set(e, "the record in %s/state/" COORDINATOR_ID ".0 is damaged: restore the whole "
	    "state directory from one copy", st->dir.path);
}

static void verify_task(struct verify *v, const struct store_task *t)
{
	struct store *st = &v->store;
	uint64_t prepared, n_keys;
	struct error e;
	struct state *s = store_state(st, t, &prepared, &e);

	if (s == NULL || state_check(s, &n_keys, &e) != 0 || check_version(v, t, state_version(s), &e) != 0 ||
	    (store_is_coordinator(st, t) && check_record(st, &e) != 0)) {
		bad(v, t->component, t->index, &e);
	} else {
		printf("%s.%u  ok: version %u, %" PRIu64 " keys", t->component, t->index, state_version(s), n_keys);
		if (st->transactional)
			printf(", batch %" PRIu64, store_is_coordinator(st, t) ? st->txid : state_txid(s));
		printf(st->transactional && !store_is_coordinator(st, t) && prepared > st->txid ?
		    "; the round up to %" PRIu64 " is not decided\n" : "\n", prepared);
	}
	state_close(s);
}

/* ---- tasks that should be there ---- */

static bool is_there(const struct store *st, const char *component, uint32_t index)
{
	for (size_t i = 0; i < st->n_tasks; i++)
		if (st->tasks[i].index == index && strcmp(st->tasks[i].component, component) == 0)
			return true;
	return false;
}

/* verify_missing looks for those of "bolt ID: CLASS, N tasks, finish, state V" (fit.h). Every one
 * has a state from the first record on. */
static void verify_missing(struct verify *v)
{
	const struct store *st = &v->store;
	struct error e;

	for (const char *line = st->topology.data; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t n = strcspn(line, "\n"), n_id = strcspn(line, ":");
		char *text = xstrndup(line, n), *id = xstrndup(line + 5, n_id > 5 ? n_id - 5 : 0), *tasks = NULL;

		if (strncmp(text, "bolt ", 5) == 0 && strstr(text, ", state ") != NULL)
			tasks = strchr(text, ',');
		for (uint32_t i = 0; tasks != NULL && i < strtoul(tasks + 1, NULL, 10); i++)
			if (!is_there(st, id, i)) {
				error_set(&e, "the state %s/state/%s.%u is missing: restore the whole state directory "
				    "from one copy", st->dir.path, id, i);
				bad(v, id, i, &e);
			}
		free(id);
		free(text);
	}
}

/* ---- positions ---- */

/* is_damaged tells whether there is a file positions/STEM.SLOT that is no position. */
static bool is_damaged(const struct statedir *dir, const char *stem, char slot, struct error *e)
{
	char *name = xasprintf("positions/%s.%c", stem, slot);
	struct buf b = { 0 };
	struct position p = { 0 };
	uint64_t sequence;
	uint32_t run;
	int found = statedir_read(dir, name, &b, e);
	bool good = found == 0 || (found > 0 && position_get(&p, b.data, b.n, &sequence, &run, e) == 0);

	position_free(&p);
	buf_free(&b);
	free(name);
	return !good;
}

/* verify_position: of two files one may be a write that was cut short (positionfile.h). */
static void verify_position(struct verify *v, const char *stem)
{
	const struct statedir *dir = &v->store.dir;
	struct error e, why;

	if (is_damaged(dir, stem, 'a', &why) && is_damaged(dir, stem, 'b', &why)) {
		error_set(&e, "the position %s/positions/%s is damaged: %s; to start from the beginning, remove its "
		    "files", dir->path, stem, why.text);
		printf("%s  %s\n", stem, e.text);
		v->damaged = true;
	} else {
		printf("%s  ok: a position\n", stem);
	}
}

static void verify_positions(struct verify *v)
{
	char *path = xasprintf("%s/positions", v->store.dir.path);
	DIR *d = opendir(path);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		size_t n = strlen(entry->d_name);
		char *stem = xstrndup(entry->d_name, n > 2 ? n - 2 : 0);

		if (n > 2 && strcmp(entry->d_name + n - 2, ".a") == 0)
			verify_position(v, stem);
		free(stem);
	}
	if (d != NULL)
		closedir(d);
	free(path);
}

int cmd_state_verify(const struct command_line *line)
{
	struct verify v = { 0 };
	int code;

	if (cmd_state_store(&v.store, line->operands[1], &code)) {
		for (size_t i = 0; i < v.store.n_tasks; i++)
			verify_task(&v, &v.store.tasks[i]);
		if (v.store.transactional && v.store.txid > 0)
			verify_missing(&v);
		verify_positions(&v);
		if (v.damaged)
			code = EXIT_CONFLICT;
	}
	store_close(&v.store);
	return code;
}
