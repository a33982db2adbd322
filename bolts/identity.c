/* identity.c - a bolt that passes on what the spout `sequence` emits: the middle of a
 * benchmark, and the least that a bolt can do.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (n: int, payload: bytes) --> identity --default--> (n: int, payload: bytes)
 */
#include <gale/gale.h>

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	return gale_emit(ctx, 0, *gale_in(t, 0), *gale_in(t, 1));
}

static const gale_component identity = {
	.name = "Identity",
	.doc = "Passes on the numbers of the spout `sequence`, with their payload.",
	.kind = GALE_BOLT,
	.inputs = GALE_FIELDS({ "n", GALE_INT }, { "payload", GALE_BYTES }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "n", GALE_INT }, { "payload", GALE_BYTES })),
	.execute = execute,
};
GALE_PLUGIN(&identity);
