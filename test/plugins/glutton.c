/* glutton.c - bolts for tests that use more and more memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Both take KIB of memory for each tuple and write its first value, a string, as a line of `path`.
 *
 *     Glutton    has a state: a successor can go on where it was
 *     Hoard      emits something in the end that it keeps in memory: none can
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <gale/gale.h>

#include "journal.h"

struct glutton {
	/* properties */
	const char *path;
	int64_t kib;

	int fd;
	void *eaten;		/* a list: the first bytes of each point to the one before */
};

static int prepare(void *self, gale_ctx *ctx)
{
	struct glutton *g = self;

	(void)ctx;
	g->fd = journal_open(g->path);
	return GALE_OK;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct glutton *g = self;
	const gale_value *v = &t->values[0];
	void *more = malloc((size_t)g->kib << 10);

	(void)ctx;
	if (more == NULL)
		return GALE_FAIL;
	memset(more, 'x', (size_t)g->kib << 10);
	*(void **)more = g->eaten;
	g->eaten = more;
	journal(g->fd, "%.*s\n", (int)v->n, v->u.s);
	return GALE_OK;
}

static int execute_and_count(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	if (gale_state_add(ctx, "n", 1, 1, NULL) != 0)
		return GALE_FAIL;
	return execute(self, ctx, t);
}

static int finish(void *self, gale_ctx *ctx)
{
	(void)self, (void)ctx;
	return GALE_DONE;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct glutton *g = self;

	(void)ctx;
	journal_close(g->fd);
	while (g->eaten != NULL) {
		void *next = *(void **)g->eaten;

		free(g->eaten);
		g->eaten = next;
	}
}

#define INPUTS	GALE_FIELDS({ "line", GALE_STRING })
#define PROPS	GALE_PROPS( \
	GALE_PROP(struct glutton, path, GALE_PROP_PATH, "Where to write lines.", .required = true), \
	GALE_PROP(struct glutton, kib, GALE_PROP_INT, "How much memory each tuple takes.", .fallback = "1024", .min = 1, .max = 1 << 20))

static const gale_component glutton = {
	.name = "Glutton", .doc = "Never has enough.", .kind = GALE_BOLT, .self_size = sizeof (struct glutton),
	.inputs = INPUTS, .prepare = prepare, .execute = execute_and_count, .cleanup = cleanup, .props = PROPS,
	.state_version = 1,
};

static const gale_component hoard = {
	.name = "Hoard", .doc = "Keeps all of it.", .kind = GALE_BOLT, .self_size = sizeof (struct glutton),
	.inputs = INPUTS, .prepare = prepare, .execute = execute, .finish = finish, .cleanup = cleanup,
	.props = PROPS,
};

GALE_PLUGIN(&glutton, &hoard);
