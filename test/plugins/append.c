/* append.c - a sink for tests that keeps nothing in memory: what it has acked is in the file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writes the first value of each tuple as a line at the end of `path`, with one write(2), and
 * acks it then. Tuples whose line is in `spare` fail. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <gale/gale.h>

#include "journal.h"

struct append {
	/* properties */
	const char *path, *spare;
	int64_t us;
	bool hold;

	int fd;
};

static int prepare(void *self, gale_ctx *ctx)
{
	struct append *a = self;

	(void)ctx;
	a->fd = journal_open(a->path);
	return GALE_OK;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct append *a = self;
	const gale_value *v = &t->values[0];
	struct timespec pause = { .tv_sec = a->us / 1000000, .tv_nsec = a->us % 1000000 * 1000 };

	if (a->us > 0)
		nanosleep(&pause, NULL);
	if (a->hold) {
		gale_hold(ctx, t);
		return GALE_OK;
	}
	if (v->type == GALE_INT) {
		journal(a->fd, "%" PRId64 "\n", v->u.i);
		return GALE_OK;
	}
	if (a->spare != NULL && v->n == strlen(a->spare) && memcmp(v->u.s, a->spare, v->n) == 0)
		return gale_failed(ctx, "spared");
	journal(a->fd, "%.*s\n", (int)v->n, v->u.s);
	return GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	(void)ctx;
	journal_close(((struct append *)self)->fd);
}

static const gale_component append = {
	.name = "Append", .doc = "Writes the first value as a line.", .kind = GALE_BOLT,
	.self_size = sizeof (struct append),
	.props = GALE_PROPS(
		GALE_PROP(struct append, path, GALE_PROP_PATH, "The file.", .required = true),
		GALE_PROP(struct append, spare, GALE_PROP_STRING, "A line that fails."),
		GALE_PROP(struct append, us, GALE_PROP_INT, "Microseconds that each takes."),
		GALE_PROP(struct append, hold, GALE_PROP_BOOL, "Keep them open, and do nothing.")),
	.prepare = prepare, .execute = execute, .cleanup = cleanup,
};
GALE_PLUGIN(&append);
