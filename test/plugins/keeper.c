/* keeper.c - bolts for tests that keep state. Input everywhere: (n: int, key: string).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     Keep    puts "n" -> key for each tuple, with `size` more bytes; journals "persist",
 *             "cleanup". `bad` makes its persist fail; n = 13 fails (`fail13`), once it is kept
 *     Wrong   makes mistake n with its state
 *     Bare    uses state and declares none
 */
#include <inttypes.h>
#include <string.h>

#include <gale/gale.h>

#include "journal.h"

#define INPUTS GALE_FIELDS({ "n", GALE_INT }, { "key", GALE_STRING })

/* ---- Keep ---- */

struct keep {
	/* properties */
	const char *journal;
	int64_t size, nap_us;
	bool bad, fail13;

	int log;
};

static int keep_prepare(void *self, gale_ctx *ctx)
{
	struct keep *k = self;

	(void)ctx;
	k->log = journal_open(k->journal);
	return GALE_OK;
}

static int keep_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct keep *k = self;
	int64_t n = gale_in(t, 0)->u.i;
	char key[32], *value = calloc(1, (size_t)k->size + 64);
	int length = snprintf(key, sizeof key, "%" PRId64, n), got;

	if (k->nap_us > 0)
		usleep((useconds_t)k->nap_us);
	memcpy(value, gale_in(t, 1)->u.s, gale_in(t, 1)->n);
	got = gale_state_put(ctx, key, (size_t)length, value, gale_in(t, 1)->n + (size_t)k->size);
	free(value);
	if (k->fail13 && n == 13)
		return gale_failed(ctx, "thirteen");
	return got == 0 ? GALE_OK : GALE_FATAL;
}

static int keep_persist(void *self, gale_ctx *ctx)
{
	struct keep *k = self;

	journal(k->log, "persist\n");
	return k->bad ? gale_fatal(ctx, "it is a bad day") : GALE_OK;
}

static void keep_cleanup(void *self, gale_ctx *ctx)
{
	struct keep *k = self;

	(void)ctx;
	journal(k->log, "cleanup\n");
	journal_close(k->log);
}

static const gale_component keep = {
	.name = "Keep", .doc = "Keeps what it gets.", .kind = GALE_BOLT, .self_size = sizeof (struct keep),
	.inputs = INPUTS, .prepare = keep_prepare, .execute = keep_execute, .persist = keep_persist,
	.cleanup = keep_cleanup, .state_version = 3,
	.props = GALE_PROPS(
		GALE_PROP(struct keep, journal, GALE_PROP_PATH, "Where to write what happens."),
		GALE_PROP(struct keep, size, GALE_PROP_INT, "Bytes that a value has besides."),
		GALE_PROP(struct keep, nap_us, GALE_PROP_INT, "How long a tuple takes."),
		GALE_PROP(struct keep, bad, GALE_PROP_BOOL, "Whether persist fails."),
		GALE_PROP(struct keep, fail13, GALE_PROP_BOOL, "Whether 13 fails.")),
};

/* ---- Wrong ---- */

static int wrong_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	static char huge[GALE_MAX_VALUE + 1];
	gale_scan a = gale_state_scan("", 0), b = a;

	(void)self;
	gale_state_put(ctx, "a", 1, "text", 4);
	switch (gale_in(t, 0)->u.i) {
	case 0:
		gale_state_put(ctx, huge, sizeof huge, "x", 1);
		break;
	case 1:
		gale_state_put(ctx, "x", 1, huge, sizeof huge);
		break;
	case 2:
		gale_state_add(ctx, "a", 1, 1, NULL);
		break;
	case 3:
		gale_state_next(ctx, &a);
		gale_state_next(ctx, &b);
		gale_state_next(ctx, &a);
		break;
	case 4:
		gale_state_merge(ctx, "x", 1, sizeof huge);
		break;
	case 5:
		gale_temporary(ctx, "/etc/passwd");
		break;
	default:
		break;
	}
	return GALE_OK;
}

static void wrong_cleanup(void *self, gale_ctx *ctx)
{
	(void)self;
	gale_state_put(ctx, "x", 1, "y", 1);
}

static const gale_component wrong = {
	.name = "Wrong", .doc = "Makes mistakes.", .kind = GALE_BOLT, .inputs = INPUTS,
	.execute = wrong_execute, .cleanup = wrong_cleanup, .state_version = 1,
};

/* ---- Bare ---- */

static int bare_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	gale_slice value;

	(void)self, (void)t;
	gale_state_get(ctx, "x", 1, &value);
	return GALE_OK;
}

static const gale_component bare = {
	.name = "Bare", .doc = "Has no state.", .kind = GALE_BOLT, .inputs = INPUTS,
	.execute = bare_execute,
};

GALE_PLUGIN(&keep, &wrong, &bare);
