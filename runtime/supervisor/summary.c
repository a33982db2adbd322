/* summary.c - see summary.h. SPDX-License-Identifier: Apache-2.0 */
#include "summary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"

/* ---- adding up --------------------------------------------------------------------- */

static void keep_earliest(uint64_t *sum, uint64_t ns)
{
	if (ns != 0 && (*sum == 0 || ns < *sum))
		*sum = ns;
}

static void keep_latest(uint64_t *sum, uint64_t ns)
{
	if (ns > *sum)
		*sum = ns;
}

/* add_metric adds by name: the workers of a component need not ask in the same order. */
static void add_metric(struct status *sum, const struct status_metric *m)
{
	for (uint32_t i = 0; i < STATUS_METRICS; i++) {
		struct status_metric *into = &sum->metrics[i];

		if (into->name[0] == '\0')
			memcpy(into->name, m->name, sizeof into->name - 1);
		if (strncmp(into->name, m->name, sizeof into->name - 1) != 0)
			continue;
		into->gauge = m->gauge;
		into->value = (int64_t)((uint64_t)into->value + (uint64_t)m->value);
		return;
	}
}

static void add_counters(struct status *sum, const struct status *page)
{
	for (uint32_t i = 0; i < STATUS_STREAMS; i++) {
		sum->streams[i].emitted += page->streams[i].emitted;
		sum->streams[i].transferred += page->streams[i].transferred;
	}
	sum->executed += page->executed;
	sum->acked += page->acked;
	sum->failed += page->failed;
	sum->timed_out += page->timed_out;
	sum->dead_lettered += page->dead_lettered;
	sum->replayed += page->replayed;
	sum->ticks += page->ticks;
	sum->frames_in += page->frames_in;
	sum->frames_out += page->frames_out;
	sum->bytes_in += page->bytes_in;
	sum->bytes_out += page->bytes_out;
	sum->busy_ns += page->busy_ns;
	sum->idle_ns += page->idle_ns;
	sum->blocked_ns += page->blocked_ns;
	sum->pending += page->pending;
	sum->held += page->held;
	sum->unbounded |= page->unbounded;
}

void tally_add(struct tally *t, const struct status *page)
{
	t->pages++;
	add_counters(&t->sum, page);
	keep_earliest(&t->sum.first_emit_ns, page->first_emit_ns);
	keep_earliest(&t->sum.first_ack_ns, page->first_ack_ns);
	keep_latest(&t->sum.last_ack_ns, page->last_ack_ns);
	keep_latest(&t->sum.last_execute_ns, page->last_execute_ns);
	for (uint32_t i = 0; i < STATUS_METRICS && page->metrics[i].name[0] != '\0'; i++)
		add_metric(&t->sum, &page->metrics[i]);
	hist_merge(&t->sum.execute, &page->execute);
	hist_merge(&t->sum.process, &page->process);
	hist_merge(&t->sum.complete, &page->complete);
}

/* Dead letters leave their spout by its last stream; they are no messages of their own. */
static uint64_t messages(const struct component *c, const struct status *sum)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < STATUS_STREAMS; i++)
		n += sum->streams[i].emitted;
	if (c->n_outputs > 0 && c->n_outputs <= STATUS_STREAMS - 1 &&
	    strcmp(c->outputs[c->n_outputs - 1].id, DEAD_LETTER_STREAM) == 0)
		n -= sum->streams[c->n_outputs - 1].emitted;
	return n;
}

struct summary *summary_make(const struct plan *plan, const struct status *const *pages, uint32_t rounds)
{
	const struct topology *t = plan->topology;
	struct summary *s = xcalloc(1, sizeof *s);

	s->plan = plan;
	s->components = xcalloc((size_t)t->n_components + 1, sizeof *s->components);
	for (uint32_t i = 0; i < rounds * plan->n_stages; i++) {
		uint32_t component = plan->stages[i % plan->n_stages].component;

		if (pages[i] == NULL)
			continue;
		tally_add(&s->components[component], pages[i]);
		if (component < t->n_spouts)
			tally_add(&s->spouts, pages[i]);
		else if (component < t->n_components)
			keep_latest(&s->last_execute_ns, pages[i]->last_execute_ns);
	}
	for (uint32_t c = 0; c < t->n_components; c++) {
		const struct status *sum = &s->components[c].sum;

		if (c < t->n_spouts)
			s->emitted += messages(&t->components[c], sum);
		for (uint32_t i = 0; i < STATUS_STREAMS; i++)
			s->tuples += sum->streams[i].transferred;
	}
	return s;
}

void summary_free(struct summary *s)
{
	if (s == NULL)
		return;
	free(s->components);
	free(s);
}

uint64_t summary_seconds_ns(const struct summary *s)
{
	uint64_t first = s->spouts.sum.first_emit_ns;
	uint64_t last = plan_tracks(s->plan) ? s->spouts.sum.last_ack_ns : s->last_execute_ns;

	return first != 0 && last > first ? last - first : 0;
}

/* ---- as JSON ----------------------------------------------------------------------- */

static void put_decimal(struct buf *out, uint64_t ns, uint64_t unit_ns, int digits)
{
	uint64_t part = unit_ns;

	buf_printf(out, "%" PRIu64 ".", ns / unit_ns);
	for (int i = 0; i < digits; i++) {
		part /= 10;
		buf_printf(out, "%" PRIu64, part ? ns / part % 10 : 0);
	}
}

static void put_count(struct buf *out, const char *name, uint64_t n)
{
	buf_printf(out, ", \"%s\": %" PRIu64, name, n);
}

static void put_seconds(struct buf *out, const char *name, uint64_t ns)
{
	buf_printf(out, ", \"%s\": ", name);
	put_decimal(out, ns, NS_PER_S, 6);
}

static void put_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ", \"%s\": ", name);
	buf_json_string(out, text, strlen(text));
}

static void put_hist(struct buf *out, const char *name, const struct hist *h)
{
	buf_printf(out, ", \"%s\": { \"p50\": ", name);
	put_decimal(out, hist_quantile(h, 0.50), 1000, 1);
	buf_puts(out, ", \"p99\": ");
	put_decimal(out, hist_quantile(h, 0.99), 1000, 1);
	buf_puts(out, ", \"max\": ");
	put_decimal(out, h->max_ns, 1000, 1);
	buf_puts(out, " }");
}

/* put_streams: from stream number STATUS_STREAMS - 1 on they are counted together. */
static void put_streams(struct buf *out, const struct component *c, const struct status *sum)
{
	buf_puts(out, ", \"streams\": [");
	for (uint32_t i = 0; i < c->n_outputs && i < STATUS_STREAMS; i++) {
		bool rest = i == STATUS_STREAMS - 1 && c->n_outputs > STATUS_STREAMS;
		const char *id = rest ? "*" : c->outputs[i].id;

		buf_puts(out, i == 0 ? "{ \"id\": " : ", { \"id\": ");
		buf_json_string(out, id, strlen(id));
		put_count(out, "emitted", sum->streams[i].emitted);
		put_count(out, "transferred", sum->streams[i].transferred);
		buf_puts(out, " }");
	}
	buf_puts(out, "]");
}

static void put_metrics(struct buf *out, const struct status *sum)
{
	buf_puts(out, ", \"metrics\": {");
	for (uint32_t i = 0; i < STATUS_METRICS && sum->metrics[i].name[0] != '\0'; i++) {
		const struct status_metric *m = &sum->metrics[i];

		buf_puts(out, i == 0 ? " " : ", ");
		buf_json_string(out, m->name, strnlen(m->name, sizeof m->name));
		buf_printf(out, ": %" PRId64, m->value);
	}
	buf_puts(out, sum->metrics[0].name[0] ? " }" : "}");
}

static void put_component(struct buf *out, const struct summary *s, uint32_t number)
{
	const struct topology *t = s->plan->topology;
	const struct component *c = number < t->n_components ? &t->components[number] : NULL;
	const char *own = s->plan->n_ackers > 0 ? ACKER_ID : COORDINATOR_ID;
	const char *id = c != NULL ? c->id : own;
	const char *kind = c == NULL ? own : number < t->n_spouts ? "spout" : "bolt";
	uint32_t n_own = plan_own(s->plan);
	const struct status *sum = &s->components[number].sum;
	uint64_t emitted = 0, transferred = 0;

	for (uint32_t i = 0; i < STATUS_STREAMS; i++) {
		emitted += sum->streams[i].emitted;
		transferred += sum->streams[i].transferred;
	}
	buf_puts(out, "    { \"id\": ");
	buf_json_string(out, id, strlen(id));
	put_text(out, "kind", kind);
	put_count(out, "workers", c ? c->parallelism : n_own);
	put_count(out, "tasks", c ? c->n_tasks : n_own);
	put_count(out, "emitted", emitted);
	put_count(out, "transferred", transferred);
	put_count(out, "executed", sum->executed);
	put_count(out, "acked", sum->acked);
	put_count(out, "failed", sum->failed);
	put_count(out, "timed_out", sum->timed_out);
	put_count(out, "dead_lettered", sum->dead_lettered);
	put_count(out, "replayed", sum->replayed);
	put_count(out, "ticks", sum->ticks);
	put_count(out, "pending", sum->pending);
	put_count(out, "frames_in", sum->frames_in);
	put_count(out, "frames_out", sum->frames_out);
	put_count(out, "bytes_in", sum->bytes_in);
	put_count(out, "bytes_out", sum->bytes_out);
	put_count(out, "busy_ms", sum->busy_ns / NS_PER_MS);
	put_count(out, "idle_ms", sum->idle_ns / NS_PER_MS);
	put_count(out, "blocked_ms", sum->blocked_ns / NS_PER_MS);
	put_hist(out, "execute_latency_us", &sum->execute);
	put_hist(out, "process_latency_us", &sum->process);
	put_hist(out, "complete_latency_us", &sum->complete);
	if (c != NULL) {
		put_streams(out, c, sum);
		put_metrics(out, sum);
	}
	buf_puts(out, " }");
}

static void put_start(struct buf *out, const struct summary *s, const struct summary_end *end)
{
	uint64_t first = s->spouts.sum.first_ack_ns;

	buf_puts(out, ", \"start_ms\": ");
	if (first > end->exec_ns)
		put_decimal(out, first - end->exec_ns, NS_PER_MS, 3);
	else
		buf_puts(out, "null");		/* nothing was ever acked */
}

void summary_json(struct buf *out, const struct summary *s, const struct summary_end *end)
{
	const struct topology *t = s->plan->topology;
	uint32_t n = t->n_components + plan_tracks(s->plan);

	buf_printf(out, "{ \"exit\": %d", end->exit);
	put_text(out, "name", t->name);
	if (end->error != NULL)
		put_text(out, "error", end->error);
	put_seconds(out, "seconds", summary_seconds_ns(s));
	put_seconds(out, "wall_seconds", end->now_ns - end->exec_ns);
	put_start(out, s, end);
	buf_puts(out, ",\n ");
	buf_printf(out, " \"emitted\": %" PRIu64, s->emitted);
	put_count(out, "acked", s->spouts.sum.acked);
	put_count(out, "failed", s->spouts.sum.failed);
	put_count(out, "timed_out", s->spouts.sum.timed_out);
	put_count(out, "dead_lettered", s->spouts.sum.dead_lettered);
	put_count(out, "replayed", s->spouts.sum.replayed);
	put_count(out, "tuples", s->tuples);
	put_count(out, "restarts", s->restarts);
	if (end->dead_letter_file != NULL)
		put_text(out, "dead_letter_file", end->dead_letter_file);
	put_hist(out, "complete_latency_us", &s->spouts.sum.complete);
	buf_puts(out, ",\n  \"components\": [\n");
	for (uint32_t i = 0; i < n; i++) {
		put_component(out, s, i);
		buf_puts(out, i + 1 < n ? ",\n" : "\n");
	}
	buf_puts(out, "  ] }\n");
}

/* ---- for people -------------------------------------------------------------------- */

/* put_grouped writes 1234567 as 1,234,567. */
static void put_grouped(struct buf *out, uint64_t n)
{
	if (n >= 1000) {
		put_grouped(out, n / 1000);
		buf_printf(out, ",%03" PRIu64, n % 1000);
	} else {
		buf_printf(out, "%" PRIu64, n);
	}
}

static void put_rate(struct buf *out, uint64_t n, uint64_t ns)
{
	if (ns == 0)
		return;
	buf_puts(out, " (");
	put_grouped(out, (uint64_t)((double)n * 1e9 / (double)ns));
	buf_puts(out, "/s)");
}

static void put_verdicts(struct buf *out, const struct summary *s, uint64_t ns)
{
	const struct status *sum = &s->spouts.sum;

	put_grouped(out, sum->acked);
	buf_puts(out, " acked");
	put_rate(out, sum->acked, ns);
	buf_puts(out, ", ");
	put_grouped(out, sum->failed);
	buf_puts(out, " failed");
	if (sum->timed_out > 0) {
		buf_puts(out, " (");
		put_grouped(out, sum->timed_out);
		buf_puts(out, " timed out)");
	}
}

void summary_text(struct buf *out, const struct summary *s, const struct summary_end *end)
{
	const char *name = s->plan->topology->name;
	const struct status *sum = &s->spouts.sum;
	uint64_t ns = summary_seconds_ns(s);

	buf_printf(out, "gale: %s: ", name);
	put_decimal(out, ns, NS_PER_S, 3);
	buf_puts(out, " s: ");
	if (plan_tracks(s->plan)) {
		put_verdicts(out, s, ns);
	} else {
		put_grouped(out, s->emitted);
		buf_puts(out, " emitted");
		put_rate(out, s->emitted, ns);
		buf_puts(out, ", nothing tracked");
	}
	buf_puts(out, "; ");
	put_grouped(out, s->tuples);
	buf_puts(out, " tuples");
	put_rate(out, s->tuples, ns);
	buf_puts(out, "\n");
	if (sum->complete.n > 0) {
		buf_printf(out, "gale: %s: complete latency p50 ", name);
		put_decimal(out, hist_quantile(&sum->complete, 0.50), NS_PER_MS, 3);
		buf_puts(out, " ms, p99 ");
		put_decimal(out, hist_quantile(&sum->complete, 0.99), NS_PER_MS, 3);
		buf_puts(out, " ms\n");
	}
	if (sum->dead_lettered > 0) {
		buf_printf(out, "gale: %s: %" PRIu64 " dead letter%s", name, sum->dead_lettered,
		    sum->dead_lettered == 1 ? "" : "s");
		if (end->dead_letter_file != NULL)
			buf_printf(out, " in %s", end->dead_letter_file);
		buf_puts(out, "\n");
	}
}

/* ---- into a file ------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* write_directly: our own standard output or error under another name (/dev/stdout), and
 * what is no regular file, are written and not replaced. Returns 1 when that is not so. */
static int write_directly(const char *file, const char *text, size_t n)
{
	struct stat st, own;
	int to, rc;

	if (stat(file, &st) != 0)
		return 1;
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &own) == 0 && own.st_dev == st.st_dev && own.st_ino == st.st_ino)
			return write_all(fd, text, n);
	if (S_ISREG(st.st_mode))
		return 1;
	to = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (to < 0)
		return -1;
	rc = write_all(to, text, n);
	return close(to) == 0 ? rc : -1;
}

static int replace(const char *file, const char *text, size_t n)
{
	char *target = realpath(file, NULL);	/* a link stays a link */
	char *unfinished = xasprintf("%s.%d.tmp", target ? target : file, (int)getpid());
	int fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int rc = -1;

	if (fd >= 0) {
		rc = write_all(fd, text, n);
		if (rc == 0)
			rc = fsync(fd);
		if (close(fd) != 0)
			rc = -1;
		if (rc == 0)
			rc = rename(unfinished, target ? target : file);
		if (rc != 0)
			unlink(unfinished);
	}
	free(target);
	free(unfinished);
	return rc;
}

int summary_write(const char *file, const char *text, size_t n, struct error *e)
{
	int rc = write_directly(file, text, n);

	if (rc > 0)
		rc = replace(file, text, n);
	return rc == 0 ? 0 : error_errno(e, "cannot write the summary %s", file);
}
