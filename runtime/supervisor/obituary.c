/* obituary.c - see obituary.h. SPDX-License-Identifier: Apache-2.0 */
#include "obituary.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "corefile.h"
#include "relay.h"
#include "wire.h"

enum { SHOWN_MAX = 120 };	/* bytes of values or words that are shown */

static void add_cut(struct buf *out, const char *s, size_t n)
{
	relay_escape(out, s, n < SHOWN_MAX ? n : SHOWN_MAX);
	if (n > SHOWN_MAX)
		buf_puts(out, RELAY_CUT);
}

void obituary_values(struct buf *out, const struct status *page)
{
	size_t n = page->hand_n < STATUS_HAND_BYTES ? page->hand_n : STATUS_HAND_BYTES;
	gale_value values[GALE_MAX_FIELDS];
	struct buf text = { 0 };
	int count = -1;

	if (page->hand_n <= STATUS_HAND_BYTES)
		count = wire_read_values(page->hand, n, values);
	if (count < 0) {
		buf_puts(out, "raw \"");
		add_cut(out, (const char *)page->hand, n);
		buf_puts(out, "\"");
		return;
	}
	for (int i = 0; i < count; i++) {
		buf_puts(&text, i == 0 ? "[" : ", ");
		wire_describe(&text, &values[i]);
	}
	buf_puts(&text, count == 0 ? "[]" : "]");
	add_cut(out, text.data, text.n);
	buf_free(&text);
}

/* hand_stage gives which stage had the tuple in hand; who is called comes after the caller.
 * UINT32_MAX: none had. */
static uint32_t hand_stage(const struct obituary *o)
{
	uint32_t i = o->plan->workers[o->worker].n_stages;

	while (i-- > 0)
		if (o->pages[i] != NULL && o->pages[i]->hand_since_ns != 0)
			return i;
	return UINT32_MAX;
}

const struct status *obituary_hand(const struct obituary *o)
{
	uint32_t stage = hand_stage(o);

	return stage != UINT32_MAX ? o->pages[stage] : NULL;
}

static void add_hand(struct buf *out, const struct obituary *o)
{
	const struct status *page = obituary_hand(o);
	uint64_t since = page != NULL ? page->hand_since_ns : 0;
	char source[96];

	if (since == 0)
		return;
	buf_puts(out, "; tuple in hand");
	if (o->plan->workers[o->worker].n_stages > 1)
		buf_printf(out, " of %s", o->plan->topology->components[
		    plan_stages(o->plan, o->worker)[hand_stage(o)].component].id);
	buf_printf(out, " for %" PRIu64 " ms: from %s",
	    o->now_ns > since ? (o->now_ns - since) / NS_PER_MS : 0,
	    plan_task_label(o->plan, page->hand_source, source, sizeof source));
	if (page->hand_root != 0 && o->plan->coordinator != UINT32_MAX)
		buf_printf(out, ", batch %" PRIu64, page->hand_root);
	else if (page->hand_root != 0)
		buf_printf(out, ", root %016" PRIx64, page->hand_root);
	else
		buf_puts(out, ", not tracked");
	buf_printf(out, ", %u bytes: ", page->hand_n);
	obituary_values(out, page);
}

void obituary_cause(struct buf *out, const struct obituary *o)
{
	int s = WIFSIGNALED(o->status) ? WTERMSIG(o->status) : 0;
	const char *name = s ? sigabbrev_np(s) : NULL;

	if (o->killed_because != NULL) {
		buf_printf(out, "was killed by gale: %s", o->killed_because);
	} else if (o->left_because != NULL) {
		buf_printf(out, "left, as gale told it: %s", o->left_because);
	} else if (s == 0) {
		buf_printf(out, "exited with code %d", WEXITSTATUS(o->status));
	} else {
		buf_printf(out, "was killed by SIG%s (signal %d%s)", name ? name : "?", s,
		    WCOREDUMP(o->status) ? ", core dumped" : "");
		if (s == SIGKILL)
			buf_puts(out, o->oom ? ", by the kernel: out of memory" : ", by somebody");
	}
}

/* What it said over its channel, or left on its page. */
static void add_last_words(struct buf *out, const struct obituary *o)
{
	const char *words = o->fatal;
	size_t n = words != NULL ? strlen(words) : 0;

	if (n == 0 && o->pages[0] != NULL) {
		words = o->pages[0]->last_words;
		n = strnlen(words, sizeof o->pages[0]->last_words);	/* nothing there is trusted */
	}
	if (n == 0)
		return;
	buf_puts(out, ": ");
	relay_escape(out, words, n);
}

void obituary_write(struct buf *out, const struct obituary *o)
{
	buf_printf(out, "%s (pid %d, start %u) ", o->plan->workers[o->worker].label, (int)o->pid,
	    o->start);
	obituary_cause(out, o);
	if (o->asks_core && WIFSIGNALED(o->status) && WCOREDUMP(o->status)) {
		buf_puts(out, ", core: ");
		corefile_where(out, o->pid, NULL);
	}
	add_last_words(out, o);
	add_hand(out, o);
}
