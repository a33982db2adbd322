/* filter.c - a bolt that lets through the lines that match a regular expression.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything with a string) --> filter --default--> (line: string)
 *
 * The expression is an extended one of POSIX, as `grep -E` reads it, and is looked for
 * anywhere in the text: ^ and $ hold it to the ends. Text is taken as bytes; a point stands
 * for any of them but NUL.
 *
 * What does not match is dropped, which is a success like any other: its message is acked.
 * With `fail` it fails instead, to be tried again and, when topology.max.attempts are used
 * up, to go to the dead letters.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gale/gale.h>

struct filter {
	/* properties */
	const char *field;
	const char *match;
	bool invert;
	bool fail;

	regex_t regex;
	bool compiled;
	char *copy;		/* room for a text and a NUL byte */
	size_t room;
};

static int prepare(void *self, gale_ctx *ctx)
{
	struct filter *f = self;
	int code = regcomp(&f->regex, f->match, REG_EXTENDED | REG_NOSUB);
	if (code == 0) {
		f->compiled = true;
		return GALE_OK;
	}
	char why[256];
	regerror(code, &f->regex, why, sizeof why);
	return gale_fatalf(ctx, "\"match\" is no regular expression: %s: %s", why, f->match);
}

/* no_text ends the worker: a field that isn't there, or is no string, is a mistake in the
 * topology, and trying the tuple again would not help. */
static int no_text(const struct filter *f, gale_ctx *ctx, const gale_tuple *t)
{
	return gale_fatalf(ctx, "the stream \"%s\" of \"%s\" has no string \"%s\" to match; "
	    "name one of its fields in \"field\"", t->source->stream, t->source->component,
	    f->field);
}

/* look gives 0 when the text matches, or REG_NOMATCH, or REG_ESPACE. The text may contain
 * NUL bytes: REG_STARTEND, from BSD, says where it ends. It is copied to have one behind it
 * all the same, for checkers of memory look for it. */
static int look(struct filter *f, const gale_value *text)
{
	regmatch_t range = { .rm_so = 0, .rm_eo = (regoff_t)text->n };
	if (text->n >= f->room) {
		f->room = 2 * (size_t)text->n + 1;
		f->copy = realloc(f->copy, f->room);
		if (f->copy == NULL) {
			fprintf(stderr, "filter: no memory for %zu bytes\n", f->room);
			abort();
		}
	}
	memcpy(f->copy, text->u.s, text->n);
	f->copy[text->n] = '\0';
	return regexec(&f->regex, f->copy, 0, &range, REG_STARTEND);
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct filter *f = self;
	const gale_value *text = gale_field_of(t, f->field);
	if (text == NULL || text->type != GALE_STRING)
		return no_text(f, ctx, t);
	int code = look(f, text);
	if (code != 0 && code != REG_NOMATCH)
		return gale_fatal(ctx, "the regular expression takes more memory than there is");
	if ((code == 0) != f->invert)
		return gale_emit(ctx, 0, *text);
	return f->fail ? gale_failed(ctx, "the text does not pass the filter") : GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct filter *f = self;
	(void)ctx;
	if (f->compiled)
		regfree(&f->regex);
	free(f->copy);
}

static const gale_component filter = {
	.name = "Filter",
	.doc = "Passes on the texts that match a regular expression.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct filter),
	.props = GALE_PROPS(
	    GALE_PROP(struct filter, field, GALE_PROP_STRING,
		"The field to look at; a string.", .fallback = "line"),
	    GALE_PROP(struct filter, match, GALE_PROP_STRING,
		"What to look for: an extended regular expression of POSIX.", .required = true),
	    GALE_PROP(struct filter, invert, GALE_PROP_BOOL,
		"Pass on what does not match."),
	    GALE_PROP(struct filter, fail, GALE_PROP_BOOL,
		"Let fail what does not pass, instead of dropping it.")),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "line", GALE_STRING })),
	.prepare = prepare,
	.execute = execute,
	.cleanup = cleanup,
};
GALE_PLUGIN(&filter);
