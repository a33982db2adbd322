/* lasterror.c - see lasterror.h. SPDX-License-Identifier: Apache-2.0 */
#include "lasterror.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logline.h"
#include "memory.h"

enum { END_BYTES = 64 << 10 };

/* read_end reads the last bytes of H's errors into TEXT. Returns how many. */
static size_t read_end(const struct home *h, char *text)
{
	int fd = openat(h->fd, "errors", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0)
		n = pread(fd, text, END_BYTES, st.st_size > END_BYTES ? st.st_size - END_BYTES : 0);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

static void note(struct last_error *e, const struct logline *l)
{
	free(e->label);
	free(e->text);
	*e = (struct last_error){ l->time_ms, xstrndup(l->label, l->n_label), xstrndup(l->text, l->n_text) };
}

/* The first line may be cut; then it is no line. */
struct last_error *last_errors(const struct home *h, const char *const *ids, uint32_t n)
{
	struct last_error *errors = xcalloc((size_t)n + 1, sizeof *errors);
	char *text = xmalloc(END_BYTES), *end = text + read_end(h, text), *next;
	struct logline l;

	for (char *at = text; (next = memchr(at, '\n', (size_t)(end - at))) != NULL; at = next + 1) {
		if (!logline_read(&l, at, (size_t)(next - at)) || l.level != GALE_ERROR)
			continue;
		for (uint32_t i = 0; i < n; i++)
			if (logline_is_from(&l, ids[i], UINT32_MAX))
				note(&errors[i], &l);
	}
	free(text);
	return errors;
}

void last_errors_free(struct last_error *errors, uint32_t n)
{
	for (uint32_t i = 0; errors != NULL && i < n; i++) {
		free(errors[i].label);
		free(errors[i].text);
	}
	free(errors);
}
