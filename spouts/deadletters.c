/* deadletters.c - a spout that feeds dead letters back in.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     deadletters --default--> (what the letters hold; declared in the topology file)
 *
 * A message that failed for good stands as a line of JSON in the topology's dead letter
 * file. This spout reads such a file once, from its start to what was its end when it was
 * opened (so what fails again may go to the same file), and emits the values of each letter:
 *
 *     {"time":"...","topology":"...","component":"lines","stream":"default","id":17,
 *      "attempts":3,"reason":"...","values":["a line"]}
 *
 *     JSON                           value
 *     null, true, "text", [...]      null, bool, string, list
 *     -17                            int; float when it is too large for one
 *     1.0, 1e3                       float
 *     {"$bytes":"base64"}            bytes
 *     {"$string":"base64"}           string that is no valid UTF-8
 *     {"$map":[[key,value],...]}     map
 *
 * A line that is no letter is logged, counted ("malformed") and passed over.
 *
 * JSON is read here by hand, in one pass and straight into values, for what libraries for it
 * make of numbers and strings loses what matters: 17 and 17.0 become the same, integers
 * beyond 2^53 are rounded, and strings end at \u0000.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gale/gale.h>

/* A map in a map is three brackets deep; how deep values may be, gale checks itself. */
enum { MAX_DEPTH = 3 * GALE_MAX_DEPTH + 1 };

struct letters {
	/* properties */
	const char *path;
	const char *component;
	const char *stream;

	FILE *file;
	off_t left;		/* bytes of the file still to read */
	char *line;
	size_t line_room;
	uint64_t line_number;
	int64_t *malformed;
};

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "deadletters: out of memory\n");
		abort();
	}
	return p;
}

/* ---- JSON -------------------------------------------------------------------------- */

/* A value while it is read. Its items are owned; texts point into the line, where they are
 * decoded in place: no text grows by that. */
struct reader {
	char *at, *end;
	int depth;
};

static void free_items(gale_value *v)
{
	if (v->type != GALE_LIST && v->type != GALE_MAP)
		return;
	gale_value *items = (gale_value *)(uintptr_t)v->u.items;
	uint32_t n = v->type == GALE_LIST ? v->n : 2 * v->n;
	for (uint32_t i = 0; i < n; i++)
		free_items(&items[i]);
	free(items);
	*v = gale_null();
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
		r->at++;
}

/* take moves past the character C, and blanks before it, if it is there. */
static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

/* take_hex reads the four digits of a \u. Returns -1 when there are none. */
static long take_hex(struct reader *r)
{
	long code = 0;
	if (r->end - r->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		char c = *r->at++;
		const char *digit = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
		if (c == '\0' || digit == NULL)
			return -1;
		code = code << 4 | (digit - digits);
	}
	return code;
}

static char *put_utf8(char *to, long code)
{
	static const unsigned char first[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (int i = n - 1; i > 0; i--, code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(first[n] | code);
	return to + n;
}

/* take_code reads what follows \u and puts its character at TO; NULL when it is none. */
static char *take_code(struct reader *r, char *to)
{
	long code = take_hex(r);
	if (code >= 0xd800 && code < 0xdc00) {
		long low = take_word(r, "\\u") ? take_hex(r) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return NULL;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	} else if (code < 0 || (code >= 0xdc00 && code <= 0xdfff)) {
		return NULL;
	}
	return put_utf8(to, code);
}

/* take_escape reads what follows a backslash and puts it at TO; NULL when it is none. */
static char *take_escape(struct reader *r, char *to)
{
	static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	if (r->at == r->end)
		return NULL;
	char c = *r->at++;
	if (c == 'u')
		return take_code(r, to);
	for (const char *l = letters; *l != '\0'; l += 2) {
		if (l[0] == c) {
			*to = l[1];
			return to + 1;
		}
	}
	return NULL;
}

static bool take_string(struct reader *r, gale_value *v)
{
	if (!take(r, '"'))
		return false;
	char *start = r->at, *to = r->at;
	while (r->at < r->end && *r->at != '"') {
		char c = *r->at++;
		if ((unsigned char)c < ' ')
			return false;
		if (c != '\\')
			*to++ = c;
		else if ((to = take_escape(r, to)) == NULL)
			return false;
	}
	*v = gale_string(start, (size_t)(to - start));
	return take(r, '"');
}

static bool take_number(struct reader *r, gale_value *v)
{
	/* The line ends with a NUL, so the C library stops there at the latest. */
	size_t n = strspn(r->at, "+-0123456789.eE");
	if (n == 0 || strchr("-0123456789", *r->at) == NULL)
		return false;
	char *stop;
	errno = 0;
	*v = gale_int(strtoll(r->at, &stop, 10));
	if (errno != 0 || stop != r->at + n)
		*v = gale_float(strtod(r->at, &stop));
	bool all = stop == r->at + n;
	r->at += n;
	return all;
}

static bool take_value(struct reader *r, gale_value *v);

/* take_list reads values up to the closing bracket. */
static bool take_list(struct reader *r, gale_value *v)
{
	gale_value *items = NULL;
	uint32_t n = 0;
	*v = gale_list(NULL, 0);
	if (take(r, ']'))
		return true;
	do {
		if ((n & (n - 1)) == 0)
			items = checked(realloc(items, (2 * (size_t)n + 1) * sizeof *items));
		items[n] = gale_null();
		bool ok = take_value(r, &items[n]);
		*v = gale_list(items, ++n);
		if (!ok)
			return false;
	} while (take(r, ','));
	return take(r, ']');
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 :
	    c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* decode_base64 decodes V's text in place. */
static bool decode_base64(gale_value *v)
{
	char *text = (char *)(uintptr_t)v->u.s, *to = text;
	uint32_t n = v->n, bits = 0;
	if (n % 4 != 0)
		return false;
	for (int pad = 0; pad < 2 && n > 0 && text[n - 1] == '='; pad++)
		n--;
	for (uint32_t i = 0; i < n; i++) {
		int digit = base64_digit(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			*to++ = (char)(bits >> (6 - 2 * (i % 4)));
	}
	v->n = (uint32_t)(to - text);
	return true;
}

/* pairs_to_map makes a map of a list of lists of two. */
static bool pairs_to_map(gale_value *v)
{
	uint32_t n = v->n;
	const gale_value *pairs = v->u.items;
	for (uint32_t i = 0; i < n; i++)
		if (pairs[i].type != GALE_LIST || pairs[i].n != 2)
			return false;
	gale_value *items = checked(calloc(2 * (size_t)n + 1, sizeof *items));
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&items[2 * i], pairs[i].u.items, 2 * sizeof *items);
		free((void *)(uintptr_t)pairs[i].u.items);
	}
	free((void *)(uintptr_t)pairs);
	*v = gale_map(items, n);
	return true;
}

/* take_tagged reads {"$bytes": ...} and its like, from behind the brace. */
static bool take_tagged(struct reader *r, gale_value *v)
{
	gale_value tag;
	if (!take_string(r, &tag) || !take(r, ':') || !take_value(r, v) || !take(r, '}'))
		return false;
	if (tag.n == 4 && memcmp(tag.u.s, "$map", 4) == 0)
		return v->type == GALE_LIST && pairs_to_map(v);
	if (v->type != GALE_STRING || !decode_base64(v))
		return false;
	if (tag.n == 7 && memcmp(tag.u.s, "$string", 7) == 0)
		return true;
	v->type = GALE_BYTES;
	return tag.n == 6 && memcmp(tag.u.s, "$bytes", 6) == 0;
}

static bool take_compound(struct reader *r, gale_value *v)
{
	if (r->depth == MAX_DEPTH)
		return false;
	r->depth++;
	bool ok = *r->at++ == '[' ? take_list(r, v) : take_tagged(r, v);
	r->depth--;
	return ok;
}

static bool take_value(struct reader *r, gale_value *v)
{
	skip_blanks(r);
	if (r->at == r->end)
		return false;
	switch (*r->at) {
	case '"':
		return take_string(r, v);
	case '[':
	case '{':
		return take_compound(r, v);
	case 't':
		*v = gale_bool(true);
		return take_word(r, "true");
	case 'f':
		*v = gale_bool(false);
		return take_word(r, "false");
	case 'n':
		return take_word(r, "null");
	default:
		return take_number(r, v);
	}
}

/* ---- Letters ----------------------------------------------------------------------- */

/* A letter: what this spout wants to know of one. */
struct letter {
	gale_value component, stream, values;
};

static bool is(const gale_value *v, const char *text)
{
	return v->type == GALE_STRING && v->n == strlen(text) && memcmp(v->u.s, text, v->n) == 0;
}

/* take_member reads one "key": value into the place it belongs to. */
static bool take_member(struct reader *r, struct letter *l)
{
	gale_value key, value = gale_null();
	if (!take_string(r, &key) || !take(r, ':'))
		return false;
	bool ok = take_value(r, &value);
	gale_value *place = is(&key, "component") ? &l->component :
	    is(&key, "stream") ? &l->stream : is(&key, "values") ? &l->values : NULL;
	if (place == NULL) {
		free_items(&value);
		return ok;
	}
	free_items(place);
	*place = value;
	return ok;
}

/* take_letter reads a whole line. */
static bool take_letter(struct reader *r, struct letter *l)
{
	if (!take(r, '{'))
		return false;
	do {
		if (!take_member(r, l))
			return false;
	} while (take(r, ','));
	if (!take(r, '}'))
		return false;
	skip_blanks(r);
	return r->at == r->end && l->component.type == GALE_STRING &&
	    l->stream.type == GALE_STRING && l->values.type == GALE_LIST;
}

static bool wanted(const struct letters *s, const struct letter *l)
{
	return (s->component == NULL || is(&l->component, s->component)) &&
	    (s->stream == NULL || is(&l->stream, s->stream));
}

static void complain(struct letters *s, gale_ctx *ctx, const char *what)
{
	char text[PATH_MAX + 256];
	snprintf(text, sizeof text, "%s:%llu: %s; passed over", s->path,
	    (unsigned long long)s->line_number, what);
	gale_log(ctx, GALE_WARN, text);
	++*s->malformed;
}

/* emit_letter emits the letter that the N bytes of s->line are. */
static void emit_letter(struct letters *s, gale_ctx *ctx, size_t n)
{
	struct reader r = { .at = s->line, .end = s->line + n };
	struct letter l = { 0 };
	if (!take_letter(&r, &l))
		complain(s, ctx, "this is no dead letter");
	else if (wanted(s, &l) &&
	    gale_emit_kept(ctx, 0, s->line_number, l.values.u.items, l.values.n) != 0)
		complain(s, ctx, "its values are not those of the stream that is declared");
	free_items(&l.component);
	free_items(&l.stream);
	free_items(&l.values);
}

static int open_letters(void *self, gale_ctx *ctx)
{
	struct letters *s = self;
	struct stat st;
	s->malformed = gale_counter(ctx, "malformed");
	if (ctx->n_tasks > 1)
		return gale_fatalf(ctx, "%u tasks would each feed back all letters of %s; take "
		    "\"parallelism\" off \"%s\"", ctx->n_tasks, s->path, ctx->component);
	bool found = stat(s->path, &st) == 0;
	if (found && !S_ISREG(st.st_mode))	/* to open a fifo would block */
		return gale_fatalf(ctx, "can't read %s: it is no regular file", s->path);
	s->file = found ? fopen(s->path, "re") : NULL;
	if (s->file == NULL)
		return gale_fatalf(ctx, "can't read %s: %s; \"path\" must name a dead letter file",
		    s->path, strerror(errno));
	s->left = st.st_size;
	return GALE_OK;
}

static int next(void *self, gale_ctx *ctx)
{
	struct letters *s = self;
	if (s->left <= 0)
		return GALE_DONE;
	ssize_t n = getline(&s->line, &s->line_room, s->file);
	if (n < 0 && ferror(s->file))
		return gale_fatalf(ctx, "can't read %s: %s", s->path, strerror(errno));
	if (n < 0)
		return GALE_DONE;
	s->left -= n;
	s->line_number++;
	if (strspn(s->line, " \t\r\n") < (size_t)n)
		emit_letter(s, ctx, (size_t)n);
	return GALE_EMITTED;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct letters *s = self;
	(void)ctx;
	if (s->file != NULL)
		fclose(s->file);
	free(s->line);
}

static const gale_component deadletters = {
	.name = "DeadLetters",
	.doc = "Emits the values of the messages in a dead letter file once more.",
	.kind = GALE_SPOUT,
	.outputs_from_json = true,
	.self_size = sizeof (struct letters),
	.props = GALE_PROPS(
	    GALE_PROP(struct letters, path, GALE_PROP_PATH,
		"The dead letter file.", .required = true),
	    GALE_PROP(struct letters, component, GALE_PROP_STRING,
		"Only letters of this spout; without it, of all."),
	    GALE_PROP(struct letters, stream, GALE_PROP_STRING,
		"Only letters of this stream; without it, of all.")),
	.open = open_letters,
	.next = next,
	.cleanup = cleanup,
};
GALE_PLUGIN(&deadletters);
