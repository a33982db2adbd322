/* split.c - a bolt that splits lines into words.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (line: string) --> split --default--> (word: string)
 *
 * A word is what stands between ASCII white space: space, \t, \n, \v, \f, \r. All other
 * bytes belong to words and are passed on as they are, be they UTF-8 or not.
 *
 * Each word is emitted as a view into the line: gale copies it straight into the frame that
 * goes to the next bolt, so nothing is allocated here. Words are anchored to their line by
 * themselves, and returning GALE_OK acks the line: should the run lose a word on the way,
 * its line comes again.
 */
#include <stdint.h>
#include <string.h>

#include <gale/gale.h>

/* White space is looked for in eight bytes at a time, as one 64-bit number whose lowest
 * byte is the first: twice as fast as byte by byte, for the branches that a machine can't
 * foresee are those at the ends of words, and a loop over bytes has more of them. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte must be the lowest");

#define EACH(BYTE) (UINT64_C(0x0101010101010101) * (BYTE))

/* blanks gives a number with the highest bit set of each byte of EIGHT that is white space.
 * Each sum below stays within its byte, for `low` has no highest bits. */
static uint64_t blanks(uint64_t eight)
{
	uint64_t low = eight & EACH(0x7f);
	uint64_t no_space = (low ^ EACH(' ')) + EACH(0x7f);
	uint64_t from_tab = low + EACH(0x80 - '\t');
	uint64_t above_return = low + EACH(0x7f - '\r');
	return (~no_space | (from_tab & ~above_return)) & ~eight & EACH(0x80);
}

/* load gives the bytes at AT, eight or as many as there are before END; the rest is 0,
 * which is no white space. */
static uint64_t load(const char *at, const char *end)
{
	uint64_t eight = 0;
	if (end - at >= 8)
		memcpy(&eight, at, 8);
	else
		memcpy(&eight, at, (size_t)(end - at));
	return eight;
}

/* emit_word emits what stands between WORD and END, if anything does. */
static int emit_word(gale_ctx *ctx, const char *word, const char *end)
{
	if (word == end)
		return 0;
	return gale_emit(ctx, 0, gale_string(word, (size_t)(end - word)));
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	const gale_value *line = gale_in(t, 0);
	const char *word = line->u.s, *end = word + line->n;

	for (const char *at = word; at < end; at += 8) {
		for (uint64_t found = blanks(load(at, end)); found != 0; found &= found - 1) {
			const char *blank = at + __builtin_ctzll(found) / 8;
			if (emit_word(ctx, word, blank) != 0)
				return GALE_FAIL;
			word = blank + 1;
		}
	}
	return emit_word(ctx, word, end) == 0 ? GALE_OK : GALE_FAIL;
}

static const gale_component split = {
	.name = "Split",
	.doc = "Splits lines into words at ASCII white space.",
	.kind = GALE_BOLT,
	.inputs = GALE_FIELDS({ "line", GALE_STRING }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING })),
	.execute = execute,
};
GALE_PLUGIN(&split);
