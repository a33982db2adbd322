/* chaos.c - kills a running topology again and again, and looks whether anything is lost.
 *
 *     test/chaos [--exactly-once transactional|opaque | --chained] --kills N --seed S
 *         [--kinds spout,bolt,acker,coordinator,supervisor] [--rate R]
 *
 * N is the number of SIGKILLs. They come in rounds. Each begins when the topology has
 * recovered from the last one and has run on undisturbed for a moment:
 *
 *   one       a process of one of the kinds, each kind as often as the others
 *   two       a second one while the first is being replaced
 *   burst     three to five, within half a second
 *   pause     a worker is stopped (SIGSTOP) for a while; in every second such round one is
 *             killed meanwhile, it or another
 *   all       all workers at once, every second time the supervisor too; when there are
 *             enough kills left
 *
 * A supervisor that was killed is started again at once. R is ids a second, 20000 when it is
 * not given; 0 is as many as the topology takes. The topology is in chaos_run.c.
 *
 * Afterwards the spout is told to come to an end, the run must end by itself, with exit code 0,
 * and what it has left is compared (chaos_oracle.c). The last line on standard output is
 *
 *     kills=N lost=L duplicates=D recovery_p50_ms=X recovery_max_ms=Y
 *
 * With --chained the spout and two of its bolts share their processes.
 *
 * With --exactly-once the topology is a transactional one, what it has left must be exact
 * (chaos_exact.c), and the line says "doubled" for "duplicates". The coordinator stands where
 * ackers would: "acker" among the kinds means it, and R is 5000 when it is not given.
 *
 * Recovery is measured from each kill as chaos_rate.c says; when something was stopped, from
 * when it was let go. Exit code 0: nothing was lost, all went well; with --exactly-once nothing
 * doubled either.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "error.h"
#include "memory.h"
#include "test/chaos_parts.h"
#include "test/seed.h"

enum {
	SAMPLE_MS = 3,
	LEAST_CALM_MS = 300, MORE_CALM_MS = 400,	/* between two rounds */
	RECOVERY_S = 120,				/* later it is stuck; a busy machine takes long */
	END_S = 120,
	MOST_WORKERS = 64
};

struct chaos {
	struct run run;
	uint64_t seed;			/* state of the generator */
	bool kinds[KINDS];
	struct kill *kills;
	size_t n, wanted;		/* kills so far, and in the end */
	unsigned next_kind, next_round;
	double former;			/* rate before this round */
	uint64_t began_ns;
	bool wrong;
};

static unsigned below(struct chaos *c, unsigned n)
{
	return pick(&c->seed, n);
}

static double seconds(const struct chaos *c)
{
	return (double)(clock_now_ns() - c->began_ns) / 1e9;
}

/* ---- time -------------------------------------------------------------------------------- */

/* step lets a few milliseconds pass and takes a sample. False: gale has ended by itself. */
static bool step(struct chaos *c)
{
	struct timespec t = { 0, SAMPLE_MS * NS_PER_MS };

	nanosleep(&t, NULL);
	rate_sample(c->run.journal, c->kills, c->n);
	return run_watch(&c->run);
}

static bool wait_ms(struct chaos *c, unsigned ms)
{
	uint64_t until = clock_now_ns() + ms * (uint64_t)NS_PER_MS;

	while (clock_now_ns() < until)
		if (!step(c))
			return false;
	return true;
}

static bool wrong(struct chaos *c, const char *what)
{
	if (!c->wrong)
		fprintf(stderr, "chaos: after %.3f s and %zu kills: %s\n", seconds(c), c->n, what);
	c->wrong = true;
	return false;
}

static bool all_recovered(const struct chaos *c, size_t first)
{
	for (size_t i = first; i < c->n; i++)
		if (c->kills[i].recovered_ns == UINT64_MAX)
			return false;
	return true;
}

/* wait_recovery waits until all kills from the one numbered FIRST on are over. */
static bool wait_recovery(struct chaos *c, size_t first)
{
	uint64_t until = clock_now_ns() + RECOVERY_S * (uint64_t)NS_PER_S;

	while (!all_recovered(c, first)) {
		if (!step(c))
			return wrong(c, "gale has ended by itself");
		if (clock_now_ns() > until)
			return wrong(c, "it does not recover");
	}
	for (size_t i = first; i < c->n; i++)
		fprintf(stderr, "%8.3f s  %-12s recovered after %4.0f ms\n",
		    (double)(c->kills[i].at_ns - c->began_ns) / 1e9, c->kills[i].label,
		    (double)c->kills[i].recovered_ns / 1e6);
	return true;
}

/* calm waits for a while in which nothing happens, and takes the rate. */
static bool calm(struct chaos *c)
{
	uint64_t until = clock_now_ns() + RECOVERY_S * (uint64_t)NS_PER_S, from;

	do {
		from = clock_now_ns();
		if (!wait_ms(c, LEAST_CALM_MS + below(c, MORE_CALM_MS)))
			return wrong(c, "gale has ended by itself");
		c->former = rate_since(from);
	} while (c->former <= 0 && from < until);
	/* What had been held up comes faster than it is made. */
	if (c->run.rate > 0 && c->former > (double)c->run.rate)
		c->former = (double)c->run.rate;
	return c->former > 0 || wrong(c, "nothing is acked");
}

/* ---- kills ------------------------------------------------------------------------------- */

static void note(struct chaos *c, enum kind kind, const char *label)
{
	struct kill *k = &c->kills[c->n++];

	k->kind = kind;
	k->former = c->former;
	k->recovered_ns = UINT64_MAX;
	snprintf(k->label, sizeof k->label, "%s", label);
	k->at_ns = clock_now_ns();
}

static enum kind next_kind(struct chaos *c)
{
	do
		c->next_kind = (c->next_kind + 1) % KINDS;
	while (!c->kinds[c->next_kind]);
	return c->next_kind;
}

static void kill_supervisor(struct chaos *c)
{
	note(c, SUPERVISOR, "supervisor");
	run_kill_supervisor(&c->run);
}

/* signal_one sends SIGNAL to some worker of KIND, waiting for one if there is none just now.
 * It is left in V unless that is NULL. */
static bool signal_one(struct chaos *c, enum kind kind, int signal, struct victim *v)
{
	struct victim all[MOST_WORKERS];
	bool sent = false;

	for (int tries = 0; !sent && tries < 1000; tries++) {
		size_t n = run_workers(&c->run, kind, all, MOST_WORKERS), chosen = n > 0 ? below(c, (unsigned)n) : 0;

		if (n > 0) {
			if (signal == SIGKILL)
				note(c, all[chosen].kind, all[chosen].label);
			sent = victim_signal(&all[chosen], signal);
			if (signal == SIGKILL && !sent)
				c->n--;
		}
		for (size_t i = 0; i < n; i++)
			if (sent && i == chosen && v != NULL)
				*v = all[i];
			else
				victim_close(&all[i]);
		if (!sent && !step(c))
			return wrong(c, "gale has ended by itself");
	}
	return sent || wrong(c, "a worker is missing");
}

static bool kill_one(struct chaos *c)
{
	enum kind kind = next_kind(c);

	if (c->n == c->wanted)
		return true;
	if (kind != SUPERVISOR)
		return signal_one(c, kind, SIGKILL, NULL);
	kill_supervisor(c);
	return true;
}

/* ---- rounds ------------------------------------------------------------------------------ */

static bool kill_several(struct chaos *c, unsigned n, unsigned within_ms)
{
	for (unsigned i = 0; i < n; i++) {
		if (i > 0 && !wait_ms(c, below(c, within_ms / n)))
			return wrong(c, "gale has ended by itself");
		if (!kill_one(c))
			return false;
	}
	return true;
}

static bool round_one(struct chaos *c)
{
	return kill_one(c);
}

static bool round_two(struct chaos *c)
{
	return kill_several(c, 2, 200);
}

static bool round_burst(struct chaos *c)
{
	return kill_several(c, 3 + below(c, 3), 500);
}

static bool round_pause(struct chaos *c)
{
	size_t first = c->n;
	struct victim stopped;
	bool well;

	if (!signal_one(c, SUPERVISOR, SIGSTOP, &stopped))
		return false;
	fprintf(stderr, "%8.3f s  %-12s stopped\n", seconds(c), stopped.label);
	well = wait_ms(c, below(c, 150)) && (below(c, 2) == 0 || kill_one(c)) && wait_ms(c, 20 + below(c, 250));
	victim_signal(&stopped, SIGCONT);
	victim_close(&stopped);
	for (size_t i = first; i < c->n; i++)
		c->kills[i].at_ns = clock_now_ns();
	return well || wrong(c, "gale has ended by itself");
}

static bool round_all(struct chaos *c)
{
	struct victim all[MOST_WORKERS];
	size_t n = run_workers(&c->run, SUPERVISOR, all, MOST_WORKERS);

	/* Too few kills left, or some are not to be killed: one will do. */
	if (c->wanted - c->n <= n || !(c->kinds[SPOUT] && c->kinds[BOLT] && (c->kinds[ACKER] || c->kinds[COORDINATOR]))) {
		for (size_t i = 0; i < n; i++)
			victim_close(&all[i]);
		return kill_one(c);
	}
	for (size_t i = 0; i < n; i++) {
		note(c, all[i].kind, all[i].label);
		victim_signal(&all[i], SIGKILL);
		victim_close(&all[i]);
	}
	if (c->kinds[SUPERVISOR] && c->n < c->wanted && below(c, 2) == 0)
		kill_supervisor(c);
	return true;
}

static bool (*const rounds[])(struct chaos *) = {
	round_one, round_two, round_one, round_pause, round_one, round_burst, round_one, round_pause,
	round_one, round_two, round_one, round_all,
};

static bool play(struct chaos *c)
{
	size_t n_rounds = sizeof rounds / sizeof *rounds;

	while (c->n < c->wanted) {
		size_t first = c->n;

		if (!calm(c) || !rounds[c->next_round++ % n_rounds](c) || !wait_recovery(c, first))
			return false;
	}
	return true;
}

/* come_to_an_end: what was emitted so far has to come through, and the run ends. */
static bool come_to_an_end(struct chaos *c)
{
	uint64_t until = clock_now_ns() + END_S * (uint64_t)NS_PER_S, most = 0;

	for (int i = 0; i < CHAOS_TASKS; i++)
		if (atomic_load(&c->run.journal->tasks[i].emitted) > most)
			most = atomic_load(&c->run.journal->tasks[i].emitted);
	atomic_store(&c->run.journal->end, most);
	while (step(c))
		if (clock_now_ns() > until)
			return wrong(c, "it does not come to an end");
	return c->run.exit_code == 0 || wrong(c, "it ends, but not with exit code 0");
}

/* ---- the result -------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct times {
	size_t n;
	double p50, max;
};

/* times_of: KINDS is all kinds. */
static struct times times_of(const struct chaos *c, enum kind kind)
{
	double *ms = xcalloc(c->n + 1, sizeof *ms);
	struct times t = { 0 };

	for (size_t i = 0; i < c->n; i++)
		if ((kind == KINDS || c->kills[i].kind == kind) && c->kills[i].recovered_ns != UINT64_MAX)
			ms[t.n++] = (double)c->kills[i].recovered_ns / 1e6;
	qsort(ms, t.n, sizeof *ms, ascending);
	if (t.n > 0) {
		t.p50 = ms[(t.n - 1) / 2];
		t.max = ms[t.n - 1];
	}
	free(ms);
	return t;
}

static bool report_at_least_once(struct chaos *c, bool ended, const struct times *t)
{
	struct verdict v;
	uint64_t lost;

	oracle_compare(&c->run, ended, &v);
	lost = v.false_acks + v.missing + v.silent + v.miscounted;
	printf("ids=%" PRIu64 " seconds=%.1f false_acks=%" PRIu64 " missing=%" PRIu64 " never_acked=%" PRIu64
	    " miscounted=%" PRIu64 " overcounted=%" PRIu64 "\n", v.ids, seconds(c), v.false_acks, v.missing,
	    v.silent, v.miscounted, v.overcounted);
	printf("kills=%zu lost=%" PRIu64 " duplicates=%" PRIu64 " recovery_p50_ms=%.0f recovery_max_ms=%.0f\n",
	    c->n, lost, v.duplicates, t->p50, t->max);
	return lost == 0;
}

/* report_exactly_once: a run that has not ended has lost all. */
static bool report_exactly_once(struct chaos *c, bool ended, const struct times *t)
{
	struct exact_verdict v = { 0 };

	if (ended)
		exact_compare(&c->run, &v);
	else
		v.lost = atomic_load(&c->run.journal->tasks[0].emitted);
	printf("ids=%" PRIu64 " batches=%" PRIu64 " seconds=%.1f sink_lost=%" PRIu64 " sink_doubled=%" PRIu64
	    " state_lost=%" PRIu64 " state_doubled=%" PRIu64 " wrong=%" PRIu64 "\n", v.ids, v.batches, seconds(c),
	    v.sink_lost, v.sink_doubled, v.lost - v.sink_lost, v.doubled - v.sink_doubled, v.wrong);
	printf("kills=%zu lost=%" PRIu64 " doubled=%" PRIu64 " recovery_p50_ms=%.0f recovery_max_ms=%.0f\n",
	    c->n, v.lost, v.doubled, t->p50, t->max);
	return v.ids > 0 && v.batches > 0 && v.lost == 0 && v.doubled == 0 && v.wrong == 0;
}

static bool report(struct chaos *c, bool ended)
{
	struct times t = times_of(c, KINDS);
	bool well;

	for (enum kind k = 0; k < KINDS; k++) {
		struct times of = times_of(c, k);

		if (of.n > 0)
			printf("%-11s kills=%zu recovery_p50_ms=%.0f recovery_max_ms=%.0f\n",
			    kind_names[k], of.n, of.p50, of.max);
	}
	well = c->run.promise == AT_LEAST_ONCE ? report_at_least_once(c, ended, &t) : report_exactly_once(c, ended, &t);
	fflush(stdout);
	return well;
}

/* ---- options ----------------------------------------------------------------------------- */

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: chaos [--exactly-once transactional|opaque | --chained] --kills N --seed S\n"
	    "             [--kinds spout,bolt,acker,coordinator,supervisor] [--rate R]\n");
	exit(64);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || *text == '-')
		usage();
	return n;
}

static void read_kinds(struct chaos *c, char *text)
{
	memset(c->kinds, 0, sizeof c->kinds);
	for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
		enum kind k = 0;

		while (k < KINDS && strcmp(word, kind_names[k]) != 0)
			k++;
		if (k == KINDS)
			usage();
		c->kinds[k] = true;
	}
}

static enum promise read_promise(const char *text)
{
	if (strcmp(text, "transactional") == 0)
		return TRANSACTIONAL;
	if (strcmp(text, "opaque") != 0)
		usage();
	return OPAQUE;
}

/* fit_kinds: a transactional topology has a coordinator and no ackers, others the reverse. */
static void fit_kinds(struct chaos *c, enum promise promise)
{
	enum kind is = promise == AT_LEAST_ONCE ? ACKER : COORDINATOR, other = is == ACKER ? COORDINATOR : ACKER;

	if (c->kinds[other])
		fprintf(stderr, "chaos: there is no %s in this topology: the %s is killed instead\n",
		    kind_names[other], kind_names[is]);
	c->kinds[is] |= c->kinds[other];
	c->kinds[other] = false;
}

struct options {
	enum promise promise;
	bool chained;
	uint64_t rate;
};

static struct options read_options(struct chaos *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kills", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
		{ "kinds", required_argument, NULL, 'k' }, { "rate", required_argument, NULL, 'r' },
		{ "exactly-once", required_argument, NULL, 'e' },
		{ "chained", no_argument, NULL, 'c' }, { 0 }
	};
	struct options read = { AT_LEAST_ONCE, false, UINT64_MAX };
	char *kinds = NULL, all[] = "spout,bolt,acker,supervisor", exact[] = "spout,bolt,coordinator,supervisor";
	int o;

	c->seed = random_seed();
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (o == 'n')
			c->wanted = number(optarg);
		else if (o == 's')
			c->seed = number(optarg);
		else if (o == 'k')
			kinds = optarg;
		else if (o == 'r')
			read.rate = number(optarg);
		else if (o == 'c')
			read.chained = true;
		else if (o == 'e')
			read.promise = read_promise(optarg);
		else
			usage();
	if (optind < argc || c->wanted == 0 || c->wanted > 1000000)
		usage();
	read_kinds(c, kinds != NULL ? kinds : read.promise == AT_LEAST_ONCE ? all : exact);
	fit_kinds(c, read.promise);
	if (read.rate == UINT64_MAX)
		read.rate = read.promise == AT_LEAST_ONCE ? 20000 : 5000;
	return read;
}

int main(int argc, char **argv)
{
	struct chaos c = { 0 };
	struct options options = read_options(&c, argc, argv);
	bool ended, well;

	printf("seed=%" PRIu64 " rate=%" PRIu64 "\n", c.seed, options.rate);
	fflush(stdout);
	c.kills = xcalloc(c.wanted, sizeof *c.kills);
	c.next_kind = below(&c, KINDS);
	run_open(&c.run, options.promise, options.chained, options.rate);
	c.began_ns = clock_now_ns();
	run_start(&c.run);
	/* The first second is for starting. */
	ended = wait_ms(&c, 1000) && play(&c) && come_to_an_end(&c);
	well = report(&c, ended) && ended;
	run_close(&c.run, !well);
	free(c.kills);
	return well ? 0 : 1;
}
