/* progress.c - see progress.h. SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>

#include "buf.h"
#include "clock.h"

enum { TERMINAL_MS = 250, FILE_MS = 10000 };

static uint64_t step_ns(const struct progress *p)
{
	return (uint64_t)(p->terminal ? TERMINAL_MS : FILE_MS) * NS_PER_MS;
}

void progress_start(struct progress *p, const char *name, bool terminal, bool quiet,
    uint64_t now_ns)
{
	*p = (struct progress){ .name = name, .terminal = terminal, .last_ns = now_ns };
	p->next_ns = quiet ? 0 : now_ns + step_ns(p);
}

static void measure(struct progress *p, uint64_t done, uint64_t now_ns)
{
	uint64_t more = done > p->last_done ? done - p->last_done : 0;
	double rate = (double)more * 1e9 / (double)(now_ns - p->last_ns + 1);

	p->rate = p->terminal && p->rate > 0 ? 0.75 * p->rate + 0.25 * rate : rate;
	p->last_done = done;
	p->last_ns = now_ns;
}

void progress_show(struct progress *p, const struct progress_now *now, struct outlet *o,
    uint64_t now_ns)
{
	struct buf text = { 0 };

	if (p->next_ns == 0 || now_ns < p->next_ns)
		return;
	p->next_ns = now_ns + step_ns(p);
	measure(p, now->done, now_ns);
	buf_printf(&text, "%.32s: %" PRIu64 " %s, %.0f/s, %" PRIu64 " pending", p->name, now->done,
	    now->tracked ? "acked" : "emitted", p->rate, now->pending);
	if (now->failed > 0)
		buf_printf(&text, ", %" PRIu64 " failed", now->failed);
	if (p->terminal)
		outlet_status(o, buf_text(&text));
	else
		outlet_say(o, "%s", buf_text(&text));
	buf_free(&text);
}
