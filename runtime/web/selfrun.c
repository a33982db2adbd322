/* selfrun.c - see selfrun.h. SPDX-License-Identifier: Apache-2.0 */
#include "selfrun.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "exitcode.h"
#include "memory.h"

enum {
	ARGUMENTS = 16,
	ROOM = 32 << 20,
	PATIENCE_MS = 20000	/* longer than any command waits for a supervisor */
};

struct wish {
	struct wish *next;
	void (*done)(void *arg, const struct selfrun_result *r);
	void *arg;
};

struct selfrun {
	struct selfrun *next;
	struct selfruns *all;
	char *key;			/* its arguments */
	struct child_process *child;	/* NULL: it has ended */
	struct wish *wishes;
};

struct selfruns {
	struct watches *watches;
	struct selfrun *list;
};

struct selfruns *selfruns_open(struct watches *ws)
{
	struct selfruns *all = xcalloc(1, sizeof *all);

	all->watches = ws;
	return all;
}

static void selfrun_free(struct selfrun *s)
{
	struct wish *next;

	if (s->child != NULL)
		child_cancel(s->child);
	for (struct wish *w = s->wishes; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	free(s->key);
	free(s);
}

void selfruns_close(struct selfruns *all)
{
	struct selfrun *next;

	if (all == NULL)
		return;
	for (struct selfrun *s = all->list; s != NULL; s = next) {
		next = s->next;
		selfrun_free(s);
	}
	free(all);
}

/* last_said gives the last line of TEXT without "gale: "; free it. */
static char *last_said(const char *text)
{
	static const char prefix[] = "gale: ";
	size_t n = strlen(text), from;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	for (from = n; from > 0 && text[from - 1] != '\n'; from--)
		;
	if (n - from > sizeof prefix - 1 && strncmp(text + from, prefix, sizeof prefix - 1) == 0)
		from += sizeof prefix - 1;
	return xstrndup(text + from, n - from);
}

struct selfrun_result selfrun_result_of(const struct child_result *r, char **said)
{
	struct selfrun_result result = { .out = r->out, .n_out = r->n_out };

	*said = r->end == CHILD_LATE ? xstrdup("it takes too long") : r->end == CHILD_TALKATIVE ?
	    xstrdup("it is too much to show") : last_said(r->err);
	result.said = *said;
	result.code = r->end == CHILD_EXITED ? r->code : r->end == CHILD_TAKEN ? EXIT_DONE :
	    r->end == CHILD_LATE ? EXIT_TIMED_OUT : EXIT_FAILED;
	return result;
}

static void take_out(struct selfrun *s)
{
	for (struct selfrun **at = &s->all->list; *at != NULL; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			return;
		}
}

/* It is out of the list when people are told: who asks then gets a new one. */
static void ended(void *arg, const struct child_result *r)
{
	struct selfrun *s = arg;
	char *said;
	struct selfrun_result result = selfrun_result_of(r, &said);
	struct wish *w;

	s->child = NULL;
	while ((w = s->wishes) != NULL) {
		s->wishes = w->next;
		w->done(w->arg, &result);
		free(w);
	}
	take_out(s);
	selfrun_free(s);
	free(said);
}

static struct selfrun *find(const struct selfruns *all, const char *key)
{
	for (struct selfrun *s = all->list; s != NULL; s = s->next)
		if (s->child != NULL && strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

/* begin starts a new one; NULL with E set. KEY is taken. */
static struct selfrun *begin(struct selfruns *all, const char *const *argv, char *key, struct error *e)
{
	const char *whole[ARGUMENTS + 2] = { "/proc/self/exe" };
	struct child_order order = { .argv = whole, .input = "", .room = ROOM, .deadline_ms = PATIENCE_MS };
	struct selfrun *s = xcalloc(1, sizeof *s);

	for (size_t i = 0; i < ARGUMENTS && argv[i] != NULL; i++)
		whole[i + 1] = argv[i];
	*s = (struct selfrun){ .all = all, .key = key, .next = all->list };
	s->child = child_begin(all->watches, &order, ended, s, e);
	if (s->child == NULL) {
		selfrun_free(s);
		return NULL;
	}
	all->list = s;
	return s;
}

int selfrun_ask(struct selfruns *all, const char *const *argv, void (*done)(void *arg, const struct selfrun_result *r),
    void *arg, struct error *e)
{
	struct buf key = { 0 };
	struct selfrun *s;
	struct wish *w;

	for (size_t i = 0; argv[i] != NULL; i++)
		buf_printf(&key, "%zu:%s", strlen(argv[i]), argv[i]);
	s = find(all, buf_text(&key));
	if (s == NULL)
		s = begin(all, argv, buf_text(&key), e);
	else
		buf_free(&key);
	if (s == NULL)
		return -1;
	w = xmalloc(sizeof *w);
	*w = (struct wish){ .next = s->wishes, .done = done, .arg = arg };
	s->wishes = w;
	return 0;
}

void selfrun_forget(struct selfruns *all, const void *arg)
{
	for (struct selfrun *s = all->list; s != NULL; s = s->next)
		for (struct wish **at = &s->wishes, *w; (w = *at) != NULL; ) {
			if (w->arg != arg) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			free(w);
		}
}
