/* toperrors.c - see toperrors.h. SPDX-License-Identifier: Apache-2.0 */
#include "toperrors.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

void toperrors_close(struct toperrors *t)
{
	for (uint32_t c = 0; c < t->n; c++) {
		free(t->last[c].component);
		free(t->last[c].label);
		free(t->last[c].text);
	}
	free(t->last);
	if (t->open) {
		logreader_close(&t->log);
		close(t->dir);
	}
	*t = (struct toperrors){ 0 };
}

static bool same_home(const struct toperrors *t, const struct home *h)
{
	struct stat a, b;

	return t->open && fstat(t->dir, &a) == 0 && fstat(h->fd, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool same_components(const struct toperrors *t, const struct topology *topology)
{
	bool same = t->n == topology->n_components;

	for (uint32_t c = 0; same && c < t->n; c++)
		same = strcmp(t->last[c].component, topology->components[c].id) == 0;
	return same;
}

static void begin(struct toperrors *t, const struct home *h, const struct topology *topology)
{
	toperrors_close(t);
	t->n = topology->n_components;
	t->last = xcalloc((size_t)t->n + 1, sizeof *t->last);
	for (uint32_t c = 0; c < t->n; c++)
		t->last[c].component = xstrdup(topology->components[c].id);
	t->dir = fcntl(h->fd, F_DUPFD_CLOEXEC, 0);
	t->open = t->dir >= 0;
	if (t->open)
		logreader_open(&t->log, t->dir, "errors");
}

/* note: a worker with several components names them all. */
static void note(struct toperrors *t, const struct logline *l)
{
	for (uint32_t c = 0; l->level == GALE_ERROR && c < t->n; c++) {
		struct toperror *x = &t->last[c];

		if (!logline_is_from(l, x->component, UINT32_MAX))
			continue;
		free(x->label);
		free(x->text);
		x->time_ms = l->time_ms;
		x->label = xstrndup(l->label, l->n_label);
		x->text = xstrndup(l->text, l->n_text);
	}
}

void toperrors_read(struct toperrors *t, const struct home *h, const struct topology *topology)
{
	struct logline l;

	if (!same_home(t, h) || !same_components(t, topology))
		begin(t, h, topology);
	while (t->open && logreader_next(&t->log, &l, NULL) > 0)
		note(t, &l);
}

const struct toperror *toperrors_of(const struct toperrors *t, uint32_t c)
{
	return c < t->n && t->last[c].time_ms != 0 ? &t->last[c] : NULL;
}
