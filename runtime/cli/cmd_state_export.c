/* cmd_state_export.c - gale state export: a whole state directory in one file.
 *
 * A line of JSON each (statelines.h):
 *
 *     {"gale":"state","format":1}
 *     {"file":"topology","content":"topology durable-wordcount\n..."}
 *     {"file":"positions/lines.0.a","content":{"$bytes":"..."}}
 *     {"component":"tally","task":0,"version":1,"txid":12}
 *     {"component":"tally","task":0,"key":"the","value":{"$bytes":"LwAAAAAAAAA="},"int":47}
 *     ...
 *     {"lines":4711,"xxh3":"0123456789abcdef"}
 *
 * A line with a version begins a task; its keys follow. txid 0: in no batches. The last line has the
 * number of lines before it and the XXH3_64bits of all their bytes.
 *
 * What is written is decided, so every task of a transactional topology is at the record's txid.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cmd_state.h"
#include "memory.h"
#include "statelines.h"

enum { WRITE_BYTES = 1 << 16 };

struct export {
	struct store store;
	char *path, *temporary;
	int fd;
	struct buf out;		/* not written yet */
	uint64_t n_lines;
	XXH3_state_t checksum;
	const struct store_task *task;
};

static int write_out(struct export *x, struct error *e)
{
	for (size_t done = 0; done < x->out.n; ) {
		ssize_t n = write(x->fd, x->out.data + done, x->out.n - done);

		if (n < 0 && errno != EINTR)
			return error_errno(e, "cannot write %s", x->temporary);
		done += n > 0 ? (size_t)n : 0;
	}
	x->out.n = 0;
	return 0;
}

/* end_line: the bytes of OUT from FROM on are a line. */
static int end_line(struct export *x, size_t from, struct error *e)
{
	XXH3_64bits_update(&x->checksum, x->out.data + from, x->out.n - from);
	x->n_lines++;
	return x->out.n < WRITE_BYTES ? 0 : write_out(x, e);
}

/* ---- the lines ---- */

static int put_head(struct export *x, struct error *e)
{
	buf_puts(&x->out, "{\"gale\":\"state\",\"format\":1}\n");
	return end_line(x, 0, e);
}

/* put_file adds the file NAME of the directory; one that is not there need not be. */
static int put_file(struct export *x, const char *name, struct error *e)
{
	size_t from = x->out.n;
	struct buf content = { 0 };
	int found = statedir_read(&x->store.dir, name, &content, e);

	if (found > 0) {
		buf_puts(&x->out, "{\"file\":");
		buf_json_string(&x->out, name, strlen(name));
		buf_puts(&x->out, ",\"content\":");
		statelines_put_bytes(&x->out, (gale_slice){ content.data, content.n });
		buf_puts(&x->out, "}\n");
	}
	buf_free(&content);
	return found <= 0 ? found : end_line(x, from, e);
}

static int put_positions(struct export *x, struct error *e)
{
	char *path = xasprintf("%s/positions", x->store.dir.path);
	DIR *d = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (d == NULL && errno != ENOENT)
		rc = error_errno(e, "cannot read %s", path);
	while (rc == 0 && d != NULL && (entry = readdir(d)) != NULL) {
		char *name = xasprintf("positions/%s", entry->d_name);

		if (entry->d_name[0] != '.')
			rc = put_file(x, name, e);
		free(name);
	}
	if (d != NULL)
		closedir(d);
	free(path);
	return rc;
}

static int put_key(void *arg, gale_slice key, gale_slice value, struct error *e)
{
	struct export *x = arg;
	size_t from = x->out.n;

	statelines_put(&x->out, x->task->component, x->task->index, key, value);
	return end_line(x, from, e);
}

static int put_task(struct export *x, const struct store_task *t, struct error *e)
{
	size_t from = x->out.n;
	struct state *s = store_state(&x->store, t, NULL, e);
	int rc = -1;

	if (s != NULL) {
		x->task = t;
		buf_puts(&x->out, "{\"component\":");
		buf_json_string(&x->out, t->component, strlen(t->component));
		buf_printf(&x->out, ",\"task\":%u,\"version\":%u,\"txid\":%" PRIu64 "}\n", t->index,
		    state_version(s), state_txid(s));
		rc = end_line(x, from, e);
	}
	if (rc == 0)
		rc = cmd_state_each_key(s, put_key, x, e);
	state_close(s);
	return rc;
}

static int put_end(struct export *x, struct error *e)
{
	buf_printf(&x->out, "{\"lines\":%" PRIu64 ",\"xxh3\":\"%016" PRIx64 "\"}\n", x->n_lines,
	    (uint64_t)XXH3_64bits_digest(&x->checksum));
	return write_out(x, e);
}

static int put_all(struct export *x, struct error *e)
{
	int rc = put_head(x, e);

	if (rc == 0)
		rc = put_file(x, "run", e);
	if (rc == 0)
		rc = put_file(x, "topology", e);
	if (rc == 0)
		rc = put_positions(x, e);
	for (size_t i = 0; rc == 0 && i < x->store.n_tasks; i++)
		rc = put_task(x, &x->store.tasks[i], e);
	return rc == 0 ? put_end(x, e) : rc;
}

/* ---- the file ---- */

/* into_place makes what was written the file, also if the power fails. */
static int into_place(struct export *x, struct error *e)
{
	char *slash = strrchr(x->path, '/'), *dir = slash == NULL ? xstrdup(".") :
	    xstrndup(x->path, slash == x->path ? 1 : (size_t)(slash - x->path));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fsync(x->fd) != 0 || rename(x->temporary, x->path) != 0 || fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		rc = error_errno(e, "cannot write %s", x->path);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

static int write_file(struct export *x, struct error *e)
{
	int rc;

	x->temporary = xasprintf("%s.new", x->path);
	x->fd = open(x->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (x->fd < 0)
		return error_errno(e, "cannot write %s", x->temporary);
	XXH3_64bits_reset(&x->checksum);
	rc = put_all(x, e);
	if (rc == 0)
		rc = into_place(x, e);
	if (rc != 0)
		unlink(x->temporary);
	close(x->fd);
	return rc;
}

int cmd_state_export(const struct command_line *line)
{
	struct export x = { .path = line->operands[2] };
	struct error e;
	int code;

	if (cmd_state_store(&x.store, line->operands[1], &code) && write_file(&x, &e) != 0) {
		command_say("%s", e.text);
		code = EXIT_FAILED;
	}
	store_close(&x.store);
	buf_free(&x.out);
	free(x.temporary);
	return code;
}
