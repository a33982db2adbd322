/* awkward.c - a bolt whose own metrics have names that must be escaped for Prometheus.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>

struct awkward {
	int64_t *quoted;	/* all that is special in a label's value */
	int64_t *cut;		/* longer than there is room for: cut within its last letter */
};

static int prepare(void *self, gale_ctx *ctx)
{
	struct awkward *a = self;

	a->quoted = gale_counter(ctx, "say \"hi\" \\ to\nJosé {x=1} #");
	a->cut = gale_counter(ctx, "012345678901234567890123456789é");
	return GALE_OK;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct awkward *a = self;

	(void)ctx;
	(void)t;
	*a->quoted += 3;
	*a->cut += 1;
	return GALE_OK;
}

static const gale_component awkward = {
	.name = "Awkward",
	.kind = GALE_BOLT,
	.self_size = sizeof(struct awkward),
	.prepare = prepare,
	.execute = execute,
};
GALE_PLUGIN(&awkward);
