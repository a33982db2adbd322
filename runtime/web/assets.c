/* assets.c - see assets.h. SPDX-License-Identifier: Apache-2.0 */
#include "assets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What Debian has for the page. */
static const struct library {
	const char *name, *path, *package;
} libraries[] = {
	{ "dygraph.min.js", "/usr/share/javascript/dygraphs/dygraph.min.js", "libjs-dygraphs" },
	{ "dygraph.css", "/usr/share/javascript/dygraphs/dygraph.css", "libjs-dygraphs" },
};

const struct asset *assets_find(const char *name)
{
	for (const struct asset *a = ui_files; a->name != NULL; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

const char *assets_type(const char *name)
{
	static const char *const types[][2] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".json", "application/json; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
		if (strcmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static int read_file(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[16384];
	ssize_t n = -1;

	while (fd >= 0 && ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			buf_add(b, block, (size_t)n);
	if (fd >= 0)
		close(fd);
	return n == 0 ? 0 : -1;
}

unsigned assets_library(const char *name, struct buf *b, struct error *e)
{
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		const struct library *l = &libraries[i];

		if (strcmp(l->name, name) != 0)
			continue;
		if (read_file(l->path, b) == 0)
			return 200;
		buf_free(b);
		error_set(e, "cannot read %s: apt-get install %s", l->path, l->package);
		return 404;
	}
	error_set(e, "there is no file \"%s\"", name);
	return 404;
}
