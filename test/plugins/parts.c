/* parts.c - a library of many components, for the tests of the validator.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>

static int next(void *self, gale_ctx *ctx)
{
	(void)self;
	(void)ctx;
	return GALE_DONE;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static int call(void *self, gale_ctx *ctx)
{
	(void)self;
	(void)ctx;
	return GALE_OK;
}

static int resume(void *self, gale_ctx *ctx, const gale_resume *r)
{
	(void)self;
	(void)ctx;
	(void)r;
	return GALE_OK;
}

static int choose(void *self, gale_ctx *ctx, const gale_value *values, uint32_t n,
    uint32_t n_tasks, uint32_t *tasks)
{
	(void)self;
	(void)ctx;
	(void)values;
	(void)n;
	(void)n_tasks;
	tasks[0] = 0;
	return 1;
}

struct knobs {
	bool on;
	int64_t count;
	double share;
	const char *mode, *path, *label, *cache;
};

static const gale_component source = {
	.name = "Source",
	.doc = "Emits words.",
	.kind = GALE_SPOUT,
	.next = next,
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING },
	                            { "size", GALE_INT }, { "extra", GALE_ANY }),
	    GALE_DIRECT_STREAM("aimed", { "word", GALE_STRING })),
};

static const gale_component plain = {
	.name = "Plain", .doc = "Emits words and nothing else.", .kind = GALE_SPOUT, .next = next,
	.resume = resume,
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING })),
};

static const gale_component reader = {
	.name = "Reader",
	.doc = "Reads words.",
	.kind = GALE_BOLT,
	.execute = execute,
	.inputs = GALE_FIELDS({ "word", GALE_STRING }),
	.outputs =
	    GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING }, { "n", GALE_INT })),
};

static const gale_component sizes = {
	.name = "Sizes", .doc = "Reads sizes.", .kind = GALE_BOLT, .execute = execute,
	.inputs = GALE_FIELDS({ "size", GALE_INT }, { "extra", GALE_FLOAT }),
};

static const gale_component wrong = {
	.name = "Wrong", .doc = "Reads words as numbers.", .kind = GALE_BOLT, .execute = execute,
	.inputs = GALE_FIELDS({ "word", GALE_INT }),
};

static const gale_component sink = {
	.name = "Sink", .doc = "Takes anything.", .kind = GALE_BOLT, .execute = execute,
	.tick = call, .finish = call,
};

static const gale_component kept = {
	.name = "Kept", .doc = "Takes anything, and keeps it.", .kind = GALE_BOLT, .execute = execute,
	.finish = call, .state_version = 3, .finish_batch = call, .publish = call,
};

static const gale_component script = {
	.name = "Script",
	.doc = "Emits what the file says.",
	.kind = GALE_BOLT,
	.execute = execute,
	.outputs_from_json = true,
};

static const gale_component knobs = {
	.name = "Knobs",
	.doc = "Has properties.",
	.kind = GALE_BOLT,
	.execute = execute,
	.self_size = sizeof(struct knobs),
	.props = GALE_PROPS(GALE_PROP(struct knobs, on, GALE_PROP_BOOL, "whether"),
	    GALE_PROP(struct knobs, count, GALE_PROP_INT, "how many", .fallback = "7", .min = 1,
	        .max = 10),
	    GALE_PROP(struct knobs, share, GALE_PROP_FLOAT, "how much", .fallback = "0.5"),
	    GALE_PROP(struct knobs, mode, GALE_PROP_STRING, "which way", .fallback = "up",
	        .choices = "up|down"),
	    GALE_PROP(struct knobs, path, GALE_PROP_PATH, "where", .required = true),
	    GALE_PROP(struct knobs, label, GALE_PROP_STRING, "a name"),
	    GALE_PROP(struct knobs, cache, GALE_PROP_PATH, "where else", .fallback = "cache")),
};

static const gale_component first = {
	.name = "First", .doc = "Chooses the first task.", .kind = GALE_GROUPING, .choose = choose,
};

GALE_PLUGIN(&source, &plain, &reader, &sizes, &wrong, &sink, &kept, &script, &knobs, &first);
