/* exposition.c - see exposition.h. SPDX-License-Identifier: Apache-2.0 */
#include "exposition.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"

#define REPLACEMENT "\xEF\xBF\xBD"

void exposition_family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_begin(struct buf *out, const char *name)
{
	buf_puts(out, name);
	buf_puts(out, "{");
}

void exposition_label(struct buf *out, const char *name, const char *value)
{
	size_t n = strlen(value), step;

	if (out->n > 0 && out->data[out->n - 1] != '{')
		buf_puts(out, ",");
	buf_printf(out, "%s=\"", name);
	for (const char *c = value; n > 0; c += step, n -= step) {
		step = utf8_length(c, n);
		if (step == 0) {
			buf_puts(out, REPLACEMENT);
			step = 1;
		} else if (*c == '\n') {
			buf_puts(out, "\\n");
		} else {
			if (*c == '\\' || *c == '"')
				buf_puts(out, "\\");
			buf_add(out, c, step);
		}
	}
	buf_puts(out, "\"");
}

void exposition_count(struct buf *out, uint64_t n)
{
	buf_printf(out, "} %" PRIu64 "\n", n);
}

void exposition_signed(struct buf *out, int64_t n)
{
	buf_printf(out, "} %" PRId64 "\n", n);
}

/* put_seconds leaves out zeros at the end. */
static void put_seconds(struct buf *out, uint64_t ns)
{
	buf_printf(out, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
	while (out->data[out->n - 1] == '0')
		out->n--;
	if (out->data[out->n - 1] == '.')
		out->n--;
}

void exposition_seconds(struct buf *out, uint64_t ns)
{
	buf_puts(out, "} ");
	put_seconds(out, ns);
	buf_puts(out, "\n");
}

static void put_bucket(struct buf *out, const char *name, const struct buf *labels, uint64_t below_ns, uint64_t n)
{
	buf_puts(out, name);
	buf_puts(out, "_bucket{");
	buf_add(out, labels->data, labels->n);
	buf_puts(out, labels->n > 0 ? ",le=\"" : "le=\"");
	if (below_ns == 0)
		buf_puts(out, "+Inf");
	else
		put_seconds(out, below_ns - 1);
	buf_puts(out, "\"");
	exposition_count(out, n);
}

static void put_rest(struct buf *out, const char *name, const char *suffix, const struct buf *labels)
{
	buf_puts(out, name);
	buf_puts(out, suffix);
	buf_puts(out, "{");
	buf_add(out, labels->data, labels->n);
}

/* The count is that of the buckets, not H's own, which may be one further while a worker counts. */
void exposition_histogram(struct buf *out, const char *name, const struct buf *labels, const struct hist *h)
{
	uint64_t n = 0;
	uint32_t i = 0;

	for (uint32_t log2 = EXPOSITION_FIRST_LOG2; log2 <= EXPOSITION_LAST_LOG2; log2++) {
		/* The bucket that 2^log2 ns counts in, by hist_add. */
		for (; i < (log2 - HIST_PARTS_LOG2 + 1) * HIST_PARTS; i++)
			n += h->count[i];
		put_bucket(out, name, labels, UINT64_C(1) << log2, n);
	}
	for (; i < HIST_BUCKETS; i++)
		n += h->count[i];
	put_bucket(out, name, labels, 0, n);
	put_rest(out, name, "_sum", labels);
	exposition_seconds(out, h->sum_ns);
	put_rest(out, name, "_count", labels);
	exposition_count(out, n);
}
