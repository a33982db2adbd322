/* tap.c - see tap.h. SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "wire.h"

/* ---- what is wanted ---- */

void tap_value_init(struct tap_value *v, const char *text)
{
	char *end;

	*v = (struct tap_value){ .text = xstrdup(text), .n = strlen(text) };
	if (v->n == 0 || strspn(text, "+-.0123456789eE") != v->n)
		return;
	errno = 0;
	v->i = strtoll(text, &end, 10);
	v->is_int = *end == '\0' && errno == 0;
	v->f = strtod(text, &end);
	v->is_float = *end == '\0';
}

void tap_value_free(struct tap_value *v)
{
	free(v->text);
}

bool tap_value_fits(const struct tap_value *v, uint8_t type)
{
	switch (type) {
	case GALE_INT:
		return v->is_int;
	case GALE_FLOAT:
		return v->is_float;
	case GALE_BOOL:
		return strcmp(v->text, "true") == 0 || strcmp(v->text, "false") == 0;
	case GALE_NULL:
		return strcmp(v->text, "null") == 0;
	case GALE_LIST:
	case GALE_MAP:
		return false;
	default:
		return true;
	}
}

static bool equals(const struct tap_value *wanted, const gale_value *v)
{
	switch (v->type) {
	case GALE_STRING:
	case GALE_BYTES:
		return v->n == wanted->n && memcmp(v->u.s, wanted->text, v->n) == 0;
	case GALE_INT:
		return wanted->is_int && v->u.i == wanted->i;
	case GALE_FLOAT:
		return wanted->is_float && v->u.f == wanted->f;
	case GALE_BOOL:
		return strcmp(wanted->text, v->u.b ? "true" : "false") == 0;
	case GALE_NULL:
		return strcmp(wanted->text, "null") == 0;
	default:
		return false;
	}
}

/* take_number reads a number below END and the blank behind it. */
static bool take_number(const char **text, uint32_t end, uint32_t *n)
{
	char *rest;
	unsigned long number;

	if (**text < '0' || **text > '9')
		return false;
	number = strtoul(*text, &rest, 10);
	if (number >= end || (*rest != ' ' && *rest != '\0'))
		return false;
	*n = (uint32_t)number;
	*text = rest + (*rest == ' ');
	return true;
}

static int find_field(const struct stream *s, const char *name, size_t n)
{
	for (uint32_t i = 0; i < s->n_fields; i++)
		if (strlen(s->fields[i].name) == n && memcmp(s->fields[i].name, name, n) == 0)
			return (int)i;
	return -1;
}

/* take_where reads FIELD=VALUE. */
static bool take_where(struct tap *tap, const char *text)
{
	size_t n = strcspn(text, "=");

	if (text[n] == '\0')
		return false;
	tap->where = true;
	tap->field = xcalloc(tap->component->n_outputs, sizeof *tap->field);
	for (uint32_t i = 0; i < tap->component->n_outputs; i++)
		tap->field[i] = find_field(&tap->component->outputs[i], text, n);
	tap_value_init(&tap->value, text + n + 1);
	return true;
}

bool tap_parse(struct tap *tap, const struct topology *t, const char *text, uint32_t *component)
{
	*tap = (struct tap){ .stream = TAP_ALL_STREAMS, .tokens_ns = TAP_BURST * (NS_PER_S / TAP_RATE) };
	if (!take_number(&text, t->n_components, component))
		return false;
	tap->component = &t->components[*component];
	if (strncmp(text, "*", 1) == 0 && (text[1] == ' ' || text[1] == '\0'))
		text += 1 + (text[1] == ' ');
	else if (!take_number(&text, tap->component->n_outputs, &tap->stream))
		return false;
	return *text == '\0' || take_where(tap, text);
}

void tap_free(struct tap *tap)
{
	free(tap->field);
	tap_value_free(&tap->value);
	buf_free(&tap->lines);
}

/* ---- which of them ---- */

static bool suits(const struct tap *tap, uint32_t stream, const gale_value *values)
{
	if (tap->stream != TAP_ALL_STREAMS && tap->stream != stream)
		return false;
	return !tap->where || (tap->field[stream] >= 0 &&
	    equals(&tap->value, &values[tap->field[stream]]));
}

bool tap_sees(struct tap *tap, uint32_t stream, const gale_value *values, uint64_t now_ns)
{
	enum { EACH_NS = NS_PER_S / TAP_RATE };

	if (!suits(tap, stream, values))
		return false;
	if (now_ns > tap->now_ns) {
		tap->tokens_ns += now_ns - tap->now_ns;
		tap->now_ns = now_ns;
		if (tap->tokens_ns > (uint64_t)TAP_BURST * EACH_NS)
			tap->tokens_ns = (uint64_t)TAP_BURST * EACH_NS;
	}
	if (tap->tokens_ns < EACH_NS) {
		tap->unsampled++;
		return false;
	}
	tap->tokens_ns -= EACH_NS;
	return true;
}

/* ---- as what ---- */

/* item_of gives item I of the list or map V; *BODY is where the walk of a packed one is. */
static gale_value item_of(const gale_value *v, size_t i, const uint8_t **body)
{
	gale_value item;

	if (!v->packed)
		return v->u.items[i];
	*body = wire_unpack(*body, &item);
	return item;
}

/* put_bytes writes the first LEFT bytes of V, which end where a character does. */
static bool put_bytes(struct buf *out, const gale_value *v, size_t *left)
{
	gale_value shown = *v;
	bool cut = v->n > *left;

	if (cut) {
		shown.n = (uint32_t)*left;
		for (int i = 0; i < 3 && v->type == GALE_STRING && shown.n > 0 &&
		    ((uint8_t)v->u.s[shown.n] & 0xc0) == 0x80; i++)
			shown.n--;
	}
	*left -= shown.n;
	wire_describe(out, &shown);
	return cut;
}

/* put_value writes V, LEFT bytes of it at most, where each value counts as one at least; true: it
 * was cut. */
static bool put_value(struct buf *out, const gale_value *v, size_t *left)
{
	const uint8_t *body = v->u.body;
	bool map = v->type == GALE_MAP, cut = false;
	size_t items = map ? 2 * (size_t)v->n : v->n, i;

	if (v->type == GALE_STRING || v->type == GALE_BYTES)
		return put_bytes(out, v, left);
	if (v->type != GALE_LIST && !map) {
		*left -= *left > 0;
		wire_describe(out, v);
		return false;
	}
	buf_puts(out, map ? "{\"$map\":[" : "[");
	for (i = 0; i < items && (*left > 0 || (map && i % 2)); i++) {
		gale_value item = item_of(v, i, &body);

		*left -= *left > 0;
		buf_puts(out, map ? (i % 2 ? "," : i ? ",[" : "[") : i ? "," : "");
		cut |= put_value(out, &item, left);
		buf_puts(out, map && i % 2 ? "]" : "");
	}
	buf_puts(out, map ? "]}" : "]");
	return cut || i < items;
}

static void put_time(struct buf *out, struct timespec when)
{
	char stamp[32];
	struct tm tm;

	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&when.tv_sec, &tm));
	buf_printf(out, "\"%s.%03ldZ\"", stamp, when.tv_nsec / NS_PER_MS);
}

void tap_describe(struct buf *out, const struct component *c, uint32_t stream, uint32_t index,
    const gale_value *values, struct timespec when)
{
	const struct stream *s = &c->outputs[stream];
	size_t before = out->n;
	bool cut = false;
	uint32_t i;

	buf_puts(out, "{\"time\":");
	put_time(out, when);
	buf_printf(out, ",\"component\":\"%s\",\"task\":%u,\"stream\":\"%s\",\"values\":{", c->id, index,
	    s->id);
	for (i = 0; i < s->n_fields && out->n - before < TAP_LINE; i++) {
		size_t left = TAP_VALUE;

		buf_puts(out, i > 0 ? "," : "");
		buf_json_string(out, s->fields[i].name, strlen(s->fields[i].name));
		buf_puts(out, ":");
		cut |= put_value(out, &values[i], &left);
	}
	buf_puts(out, cut || i < s->n_fields ? "},\"cut\":true}" : "}}");
}

void tap_add(struct tap *tap, uint32_t stream, uint32_t index, const gale_value *values, struct timespec when)
{
	if (tap->lines.n >= TAP_WAITING) {
		tap->lost++;
		return;
	}
	buf_puts(&tap->lines, "\t");
	tap_describe(&tap->lines, tap->component, stream, index, values, when);
	tap->shown++;
}

bool tap_message(struct tap *tap, struct buf *out)
{
	const char *at = tap->lines.data, *next;
	size_t n = 0;
	uint32_t shown = 0;

	if (tap->unsampled == 0 && tap->lost == 0 && tap->shown == 0)
		return false;
	for (; n < tap->lines.n; n += (size_t)(next - at), at = next, shown++) {
		next = memchr(at + 1, '\t', tap->lines.n - n - 1);
		if (next == NULL)
			next = tap->lines.data + tap->lines.n;
		if (n + (size_t)(next - at) > TAP_MESSAGE)
			break;
	}
	buf_printf(out, "%u %u %u", tap->unsampled, tap->lost, shown);
	buf_add(out, tap->lines.data, n);
	tap->lines.n -= n;
	if (tap->lines.n > 0)
		memmove(tap->lines.data, tap->lines.data + n, tap->lines.n);
	tap->unsampled = tap->lost = 0;
	tap->shown -= shown;
	return true;
}
