/* statereader.c - see statereader.h. SPDX-License-Identifier: Apache-2.0 */
#include "statereader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

int statereader_open(struct statereader *r, const char *path, struct error *e)
{
	*r = (struct statereader){ .path = path, .file = fopen(path, "re") };
	XXH3_64bits_reset(&r->checksum);
	return r->file != NULL ? 0 : error_errno(e, "cannot read %s", path);
}

void statereader_close(struct statereader *r)
{
	if (r->file != NULL)
		fclose(r->file);
	free(r->text);
	buf_free(&r->line.name);
	buf_free(&r->line.key);
	buf_free(&r->line.value);
	buf_free(&r->owner);
}

static int bad(const struct statereader *r, struct error *e)
{
	return error_set(e, "%s is no export of a state directory, or is damaged: line %" PRIu64
	    " is not what gale state export writes", r->path, r->n_lines + 1);
}

/* ---- one line ---- */

/* is_name: NAME can be that of a file, beside others. */
static bool is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < 200;
}

static bool take_name(struct statelines_reader *p, struct buf *name)
{
	return statelines_take_string(p, name) && memchr(name->data != NULL ? name->data : "", '\0', name->n) == NULL &&
	    buf_text(name) != NULL;
}

static bool take_file(struct statelines_reader *p, struct line *line)
{
	static const char positions[] = "positions/";
	const char *name;

	if (!take_name(p, &line->name) || !statelines_take_text(p, ",\"content\":") || !statelines_take_bytes(p, &line->value))
		return false;
	line->kind = LINE_FILE;
	name = line->name.data;
	return strcmp(name, "run") == 0 || strcmp(name, "topology") == 0 ||
	    (strncmp(name, positions, sizeof positions - 1) == 0 && is_name(name + sizeof positions - 1));
}

/* take_int passes the int64_t over that stands beside a value for people. */
static bool take_int(struct statelines_reader *p)
{
	uint64_t number;

	return !statelines_take_text(p, ",\"int\":") || (statelines_take_text(p, "-"), statelines_take_number(p, &number));
}

static bool take_key(struct statelines_reader *p, const struct statereader *r, struct line *line)
{
	line->kind = LINE_KEY;
	return statelines_take_bytes(p, &line->key) && statelines_take_text(p, ",\"value\":") &&
	    statelines_take_bytes(p, &line->value) && take_int(p) && line->key.n <= GALE_MAX_VALUE &&
	    line->value.n <= GALE_MAX_VALUE && r->owner.n > 0 && strcmp(r->owner.data, line->name.data) == 0 &&
	    r->owner_task == line->task;
}

static bool take_task(struct statelines_reader *p, struct statereader *r, struct line *line)
{
	if (!take_name(p, &line->name) || !is_name(line->name.data) || !statelines_take_text(p, ",\"task\":") ||
	    !statelines_take_number(p, &line->task) || line->task > UINT32_MAX)
		return false;
	if (statelines_take_text(p, ",\"key\":"))
		return take_key(p, r, line);
	line->kind = LINE_TASK;
	if (!statelines_take_text(p, ",\"version\":") || !statelines_take_number(p, &line->version) || line->version == 0 ||
	    line->version > UINT32_MAX || !statelines_take_text(p, ",\"txid\":") || !statelines_take_number(p, &line->txid))
		return false;
	r->owner.n = 0;
	buf_add(&r->owner, line->name.data, line->name.n + 1);
	r->owner_task = line->task;
	return true;
}

/* take_end: the line that was written for the lines and the bytes before it. */
static bool take_end(struct statelines_reader *p, const struct statereader *r, struct line *line)
{
	char text[64];

	snprintf(text, sizeof text, "%" PRIu64 ",\"xxh3\":\"%016" PRIx64 "\"", r->n_lines,
	    (uint64_t)XXH3_64bits_digest(&r->checksum));
	line->kind = LINE_END;
	return statelines_take_text(p, text);
}

static bool take_line(struct statelines_reader *p, struct statereader *r)
{
	bool taken;

	if (r->n_lines == 0) {
		taken = statelines_take_text(p, "{\"gale\":\"state\",\"format\":1");
		r->line.kind = LINE_HEAD;
	} else if (statelines_take_text(p, "{\"file\":")) {
		taken = take_file(p, &r->line);
	} else if (statelines_take_text(p, "{\"component\":")) {
		taken = take_task(p, r, &r->line);
	} else {
		taken = statelines_take_text(p, "{\"lines\":") && take_end(p, r, &r->line);
	}
	return taken && statelines_take_text(p, "}") && p->at == p->end;
}

int statereader_next(struct statereader *r, struct error *e)
{
	ssize_t n = getline(&r->text, &r->room, r->file);
	struct statelines_reader p = { 0 };

	if (n < 0 && ferror(r->file))
		return error_errno(e, "cannot read %s", r->path);
	if (n < 0)
		return error_set(e, "%s is not whole: its last line is missing", r->path);
	if (n > 0)
		p = (struct statelines_reader){ r->text, r->text + n - 1, false };
	if (n == 0 || *p.end != '\n' || !take_line(&p, r))
		return bad(r, e);
	XXH3_64bits_update(&r->checksum, r->text, (size_t)n);
	r->n_lines++;
	if (r->line.kind == LINE_END && getc(r->file) != EOF)
		return bad(r, e);
	return 0;
}
