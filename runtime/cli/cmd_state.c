/* cmd_state.c - gale state: look at what a run has kept or keeps, and move it.
 *
 * What is shown is decided (store.h). Nothing in the directory is changed by any of these.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cmd_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "home.h"
#include "memory.h"
#include "nearest.h"
#include "plan.h"
#include "statelines.h"

enum { FLUSH_BYTES = 1 << 16 };

/* ---- shared ---- */

bool cmd_state_store(struct store *st, const char *name, int *code)
{
	char *home = access(name, F_OK) != 0 ? home_state(name) : NULL;
	const char *dir = home != NULL ? home : name;
	enum statedir_result rc = STATEDIR_FAILED;
	struct error e;

	*st = (struct store){ .dir = { .fd = -1, .lock_fd = -1 }, .scratch = { .lock_fd = -1 } };
	*code = EXIT_NOT_FOUND;
	if (command_has_file(dir)) {
		rc = store_open(st, dir, &e);
		*code = rc == STATEDIR_OK ? EXIT_DONE : rc == STATEDIR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED;
		if (rc != STATEDIR_OK)
			command_say("%s", e.text);
	}
	free(home);
	return rc == STATEDIR_OK;
}

int cmd_state_each_key(struct state *s, cmd_state_key_fn *fn, void *arg, struct error *e)
{
	gale_scan scan = gale_state_scan("", 0);
	int more;

	while ((more = state_next(s, &scan, e)) > 0)
		if (fn(arg, scan.key, scan.value, e) != 0)
			return -1;
	return more;
}

int cmd_state_flush(struct buf *out, struct error *e)
{
	size_t n = out->n;

	out->n = 0;
	if (n > 0 && (fwrite(out->data, 1, n, stdout) != n || fflush(stdout) != 0))
		return error_errno(e, "cannot write to standard output");
	return 0;
}

/* refused says why a task can't be read; the others can. */
static void refused(const struct error *e, int *code)
{
	command_say("%s", e->text);
	*code = EXIT_CONFLICT;
}

/* ---- ls ---- */

static int count_key(void *n, gale_slice key, gale_slice value, struct error *e)
{
	(void)key;
	(void)value;
	(void)e;
	++*(uint64_t *)n;
	return 0;
}

static void list_task(struct store *st, const struct store_task *t, int *code)
{
	struct error e;
	struct state *s = store_state(st, t, NULL, &e);
	uint64_t n_keys = 0, txid;
	char batch[24] = "-";

	if (s == NULL || cmd_state_each_key(s, count_key, &n_keys, &e) != 0) {
		refused(&e, code);
		state_close(s);
		return;
	}
	txid = store_is_coordinator(st, t) ? st->txid : state_txid(s);
	if (st->transactional)
		snprintf(batch, sizeof batch, "%" PRIu64, txid);
	printf("%-20s %5u %8u %10s %12" PRIu64 " %14" PRIu64 "\n", t->component, t->index,
	    state_version(s), batch, n_keys, t->bytes);
	state_close(s);
}

static int list(const struct command_line *line)
{
	struct store st;
	int code;

	if (cmd_state_store(&st, line->operands[1], &code)) {
		printf("%-20s %5s %8s %10s %12s %14s\n", "COMPONENT", "TASK", "VERSION", "BATCH", "KEYS", "BYTES");
		for (size_t i = 0; i < st.n_tasks; i++)
			list_task(&st, &st.tasks[i], &code);
	}
	store_close(&st);
	return code;
}

/* ---- get ---- */

static int get_from(struct store *st, const struct store_task *t, const char *key, struct buf *out,
    struct error *e)
{
	struct state *s = store_state(st, t, NULL, e);
	gale_slice value;
	int found = s != NULL ? state_get(s, key, strlen(key), &value, e) : -1;

	if (found > 0)
		statelines_put(out, t->component, t->index, (gale_slice){ key, strlen(key) }, value);
	state_close(s);
	return found;
}

static int get_all(struct store *st, const char *component, const char *key)
{
	bool any = false, found = false;
	struct buf out = { 0 };
	struct error e;
	int code = EXIT_DONE;

	for (size_t i = 0; i < st->n_tasks && code == EXIT_DONE; i++) {
		if (strcmp(st->tasks[i].component, component) != 0)
			continue;
		any = true;
		switch (get_from(st, &st->tasks[i], key, &out, &e)) {
		case 0:
			break;
		case 1:
			found = true;
			break;
		default:
			refused(&e, &code);
		}
	}
	if (code == EXIT_DONE && !found) {
		command_say(any ? "%s has no such key: %s" : "there is no state of %s in this directory", component, key);
		code = EXIT_NOT_FOUND;
	}
	if (cmd_state_flush(&out, &e) != 0) {
		command_say("%s", e.text);
		code = EXIT_FAILED;
	}
	buf_free(&out);
	return code;
}

static int get(const struct command_line *line)
{
	struct store st;
	int code;

	if (cmd_state_store(&st, line->operands[1], &code))
		code = get_all(&st, line->operands[2], line->operands[3]);
	store_close(&st);
	return code;
}

/* ---- dump ---- */

struct dump {
	const struct store_task *task;
	struct buf out;
};

static int dump_key(void *arg, gale_slice key, gale_slice value, struct error *e)
{
	struct dump *d = arg;

	statelines_put(&d->out, d->task->component, d->task->index, key, value);
	return d->out.n < FLUSH_BYTES ? 0 : cmd_state_flush(&d->out, e);
}

/* is_asked: WHAT is NULL for all that is a plugin's, a component, or one of its tasks. */
static bool is_asked(const struct store *st, const struct store_task *t, const char *what)
{
	char *name;
	bool asked;

	if (what == NULL)
		return !store_is_coordinator(st, t);
	name = xasprintf("%s.%u", t->component, t->index);
	asked = strcmp(what, t->component) == 0 || strcmp(what, name) == 0;
	free(name);
	return asked;
}

static int dump_all(struct store *st, const char *what)
{
	struct dump d = { 0 };
	struct error e;
	bool any = false;
	int code = EXIT_DONE;

	for (size_t i = 0; i < st->n_tasks && code == EXIT_DONE; i++) {
		struct state *s;

		d.task = &st->tasks[i];
		if (!is_asked(st, d.task, what))
			continue;
		any = true;
		s = store_state(st, d.task, NULL, &e);
		if (s == NULL)
			refused(&e, &code);
		else if (cmd_state_each_key(s, dump_key, &d, &e) != 0 || cmd_state_flush(&d.out, &e) != 0) {
			command_say("%s", e.text);
			code = EXIT_FAILED;
		}
		state_close(s);
	}
	if (what != NULL && !any) {
		command_say("there is no state of %s in this directory", what);
		code = EXIT_NOT_FOUND;
	}
	buf_free(&d.out);
	return code;
}

static int dump(const struct command_line *line)
{
	struct store st;
	int code;

	if (cmd_state_store(&st, line->operands[1], &code))
		code = dump_all(&st, line->operands[2]);	/* NULL behind the last */
	store_close(&st);
	return code;
}

/* ---- the command ---- */

static const struct {
	const char *name;
	int (*run)(const struct command_line *line);
	int least, most;	/* operands, the name counted */
	const char *synopsis;
} actions[] = {
	{ "ls", list, 2, 2, "DIR|NAME" },
	{ "get", get, 4, 4, "DIR|NAME COMPONENT KEY" },
	{ "dump", dump, 2, 3, "DIR|NAME [COMPONENT[.TASK]]" },
	{ "verify", cmd_state_verify, 2, 2, "DIR|NAME" },
	{ "export", cmd_state_export, 3, 3, "DIR|NAME FILE" },
	{ "import", cmd_state_import, 3, 3, "FILE DIR [--tasks COMPONENT=N]" },
};

enum { N_ACTIONS = sizeof actions / sizeof *actions };

static int unknown_action(const char *name)
{
	struct nearest near = nearest_to(name);

	for (size_t i = 0; i < N_ACTIONS; i++)
		nearest_try(&near, actions[i].name);
	if (near.best != NULL)
		command_say("\"gale state\" does not know \"%s\"; did you mean \"%s\"?", name, near.best);
	else
		command_say("\"gale state\" does not know \"%s\"; see \"gale help state\".", name);
	return EXIT_USAGE;
}

int cmd_state(const struct command_line *line)
{
	size_t i = 0;

	while (i < N_ACTIONS && strcmp(actions[i].name, line->operands[0]) != 0)
		i++;
	if (i == N_ACTIONS)
		return unknown_action(line->operands[0]);
	if (line->n_operands < actions[i].least || line->n_operands > actions[i].most) {
		command_say("it is: gale state %s %s", actions[i].name, actions[i].synopsis);
		return EXIT_USAGE;
	}
	if (command_has(line, "tasks") && actions[i].run != cmd_state_import) {
		command_say("--tasks is for \"gale state import\"");
		return EXIT_USAGE;
	}
	return actions[i].run(line);
}
