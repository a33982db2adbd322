/* log.c - a bolt that logs every tuple: to see what passes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> log
 *
 * A line of the log is `field=value field=value`, the values as JSON (see format.h), cut
 * after 1,000 bytes.
 */
#include <gale/gale.h>

#include "format.h"

enum { MAX_LINE = 1000 };

struct log {
	/* property */
	const char *level;

	gale_level number;
	struct text text;
};

static int prepare(void *self, gale_ctx *ctx)
{
	static const char *const names[] = {
		[GALE_ERROR] = "error", [GALE_WARN] = "warn",
		[GALE_INFO] = "info", [GALE_DEBUG] = "debug",
	};
	struct log *l = self;
	(void)ctx;
	for (gale_level i = GALE_ERROR; i <= GALE_DEBUG; i++)
		if (strcmp(names[i], l->level) == 0)
			l->number = i;
	return GALE_OK;
}

/* shortened gives V with no more text than a line takes, so that a long text is not first
 * written out and then cut. */
static gale_value shortened(const gale_value *v)
{
	gale_value s = *v;
	if ((s.type == GALE_STRING || s.type == GALE_BYTES) && s.n > MAX_LINE)
		s.n = MAX_LINE;
	return s;
}

/* cut ends the text behind MAX_LINE bytes, and not in the middle of a character. */
static void cut(struct text *t)
{
	if (t->n > MAX_LINE) {
		t->n = MAX_LINE;
		while (((unsigned char)t->bytes[t->n] & 0xc0) == 0x80)
			t->n--;
		text_puts(t, "...");
	}
	text_putc(t, '\0');
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct log *l = self;
	l->text.n = 0;
	for (uint32_t i = 0; i < t->n && l->text.n <= MAX_LINE; i++) {
		gale_value v = shortened(&t->values[i]);
		text_puts(&l->text, i > 0 ? " " : "");
		text_puts(&l->text, t->source->fields[i].name);
		text_putc(&l->text, '=');
		text_json(&l->text, ctx, &v);
	}
	cut(&l->text);
	gale_log(ctx, l->number, l->text.bytes);
	return GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct log *l = self;
	(void)ctx;
	free(l->text.bytes);
}

static const gale_component log_bolt = {
	.name = "Log",
	.doc = "Logs every tuple as field=value, up to 1,000 bytes of it.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct log),
	.props = GALE_PROPS(
	    GALE_PROP(struct log, level, GALE_PROP_STRING, "The level to log at.",
		.fallback = "info", .choices = "error|warn|info|debug")),
	.prepare = prepare,
	.execute = execute,
	.cleanup = cleanup,
};
GALE_PLUGIN(&log_bolt);
