/* load.c - see load.h: reading the file, and the order of the steps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "checks.h"
#include "json.h"
#include "memory.h"

/* ---- reading ---------------------------------------------------------------------- */

/* open_file opens FILE for reading if it is of a kind that has an end. A fifo (the shell's
 * <(...) is one) is waited for until somebody writes. */
static int open_file(const char *file, struct error *e)
{
	struct stat st;
	int fd;

	if (stat(file, &st) < 0)
		return error_errno(e, "cannot read this file");
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return error_set(e, "cannot read this: it is %s, not a file",
		    S_ISDIR(st.st_mode) ? "a directory" : "a device or a socket");
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_errno(e, "cannot read this file");
	return fd;
}

/* read_file reads all of FD, and one byte more than is allowed at most. */
static int read_file(int fd, struct buf *b, struct error *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char block[65536];
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return error_errno(e, "cannot read this file");
		n = read(fd, block, sizeof block);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return error_errno(e, "cannot read this file");
		if (n > 0)
			buf_add(b, block, (size_t)n);
		if (b->n > JSON_MAX_BYTES)
			return error_set(
			    e, "this file has more than %d MiB", JSON_MAX_BYTES >> 20);
	}
}

/* folder_of gives the absolute path of the folder that FILE is in. */
static char *folder_of(const char *file, const char *cwd)
{
	const char *slash = strrchr(file, '/');
	int n = slash != NULL ? (int)(slash - file) : 0;

	if (slash == NULL)
		return xstrdup(cwd);
	if (file[0] == '/')
		return n > 0 ? xstrndup(file, (size_t)n) : xstrdup("/");
	return xasprintf("%s/%.*s", strcmp(cwd, "/") == 0 ? "" : cwd, n, file);
}

/* ---- checking --------------------------------------------------------------------- */

/* complete gives what the steps have made if it is whole. */
static struct topology *complete(struct check *c, const char *file)
{
	struct topology *t = c->t;

	t->file = xstrdup(file);
	if (c->d->n_errors == 0)
		return t;
	topology_free(t);
	return NULL;
}

struct topology *load_text(const char *file, char *text, size_t n,
    const struct load_options *options, struct diagnostics *d)
{
	char *cwd = get_current_dir_name(), *folder = folder_of(file, cwd != NULL ? cwd : "/");
	struct check c = {
		.d = d,
		.path = &options->path,
		.no_plugins = options->no_plugins,
		.folder = folder,
		.cwd = cwd != NULL ? cwd : "/",
	};
	struct topology *t = NULL;

	diag_source(d, file, text, n);
	c.json = json_parse(d, JSON_MAX_VALUES);
	if (c.json != NULL) {
		c.t = xcalloc(1, sizeof *c.t);
		substitute(c.json, options->definitions, folder, d);
		check_shape(&c);
		check_parts(&c);
		check_graph(&c);
		check_batches(&c);
		t = complete(&c, file);
		check_finish(&c);
	}
	json_free(c.json);
	free(folder);
	free(cwd);
	return t;
}

struct topology *load_topology(
    const char *file, const struct load_options *options, struct diagnostics *d)
{
	struct buf b = { 0 };
	struct error e;
	int fd = open_file(file, &e);

	if (fd >= 0 && read_file(fd, &b, &e) == 0) {
		close(fd);
		return load_text(file, buf_text(&b), b.n, options, d);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	diag_source(d, file, NULL, 0);
	diag_error(d, 0, 0, "%s", e.text);
	return NULL;
}
