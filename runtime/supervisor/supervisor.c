/* supervisor.c - see supervisor.h. SPDX-License-Identifier: Apache-2.0 */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "crew.h"
#include "pinned.h"
#include "life.h"
#include "logfile.h"
#include "memory.h"
#include "outlet.h"
#include "output.h"
#include "overview.h"
#include "progress.h"
#include "recorder.h"
#include "requests.h"
#include "rundir.h"
#include "spawn.h"
#include "statedir.h"
#include "status.h"
#include "web.h"

enum {
	READY_MS = 30000,
	STOP_MS = 5000,
	OUTLET_WAIT_MS = 2000,		/* for a slow reader of standard error, at the end */
	EXIT_REFUSED = 5		/* what the state directory holds does not fit */
};

struct supervisor {
	struct rundir dir;
	struct pinned pinned;
	char *state_dir;
	struct crew crew;
	struct requests requests;
	struct overview *overview;
	const struct home *home;	/* NULL: it runs in the foreground */
	int tell_fd;
	struct outlet outlet;
	struct logfile log;		/* of a submitted topology, and */
	struct output output;		/* its standard output */
	struct progress progress;
	struct recorder recorder;
	struct web *web;		/* NULL: it serves no page */
	struct pollfd *polls;
	size_t polls_cap;
	int signal_fd;
	uint32_t drain_ms;		/* how long a signal lets it drain; UINT32_MAX: for ever */
	sigset_t old_mask;
	struct sigaction old_pipe, old_child, old_large;
	unsigned n_signals;
	int signal;			/* that ended the run; 0: none */
};

/* ---- signals ----------------------------------------------------------------------- */

/* The first one drains, the second one kills. One that comes when all is over anyway
 * changes nothing. */
static void interrupt(struct supervisor *s, int number)
{
	s->n_signals++;
	if (s->n_signals == 1 && s->crew.lives.phase < RUN_STOPPING) {
		if (s->crew.lives.phase == RUN_ACTIVE)
			outlet_say(&s->outlet, "SIG%s: finishing what is open; a second one stops "
			    "at once", sigabbrev_np(number));
		s->signal = number;
		requests_end(&s->requests, s->drain_ms, clock_now_ns());
	} else if (s->n_signals > 1) {
		if (s->signal == 0)
			s->signal = number;
		s->crew.impatient = true;
		lives_kill(&s->crew.lives, clock_now_ns());
	}
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			spawn_bury(&s->crew.workers[0].child, s->crew.plan->n_workers,
			    sizeof *s->crew.workers);
		else
			interrupt(s, (int)info.ssi_signo);
	}
}

/* SIGHUP counts unless it is ignored (nohup). SIGINT counts even when ignored, which is
 * what a shell does to background jobs: `kill -INT` from a script is meant. */
static int take_signals(struct supervisor *s, struct error *e)
{
	struct sigaction plain = { .sa_handler = SIG_DFL }, ignored = { .sa_handler = SIG_IGN };
	struct sigaction hangup = { 0 };
	sigset_t set;

	sigaction(SIGHUP, NULL, &hangup);
	sigaction(SIGCHLD, &plain, &s->old_child);	/* inherited SIG_IGN would eat exits */
	sigaction(SIGPIPE, &ignored, &s->old_pipe);
	sigaction(SIGXFSZ, &ignored, &s->old_large);	/* a log that is too large costs lines */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	if (hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signal_fd >= 0 ? 0 : error_errno(e, "cannot watch for signals");
}

/* Signals that came in the last moment are dropped: what they want is done. */
static void give_signals_back(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (s->signal_fd >= 0) {
		while (read(s->signal_fd, &info, sizeof info) > 0)
			;
		close(s->signal_fd);
	}
	sigaction(SIGCHLD, &s->old_child, NULL);
	sigaction(SIGPIPE, &s->old_pipe, NULL);
	sigaction(SIGXFSZ, &s->old_large, NULL);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* ---- the loop ---------------------------------------------------------------------- */

/* The descriptors of a turn: signals, our output, the topology's, the page, those at the desk, then the
 * workers'. */
enum { POLL_SIGNALS, POLL_OUTLET, POLL_OUTPUT, POLL_WEB, POLL_DESK, POLL_CREW = POLL_DESK + REQUESTS_POLLS };

static nfds_t fill_polls(struct supervisor *s)
{
	int out = outlet_waits(&s->outlet) ? s->outlet.fd : -1;
	size_t n = POLL_CREW + (size_t)s->crew.plan->n_workers * CREW_POLLS;

	s->polls = xgrow(s->polls, &s->polls_cap, n, sizeof *s->polls);
	s->polls[POLL_SIGNALS] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	s->polls[POLL_OUTLET] = (struct pollfd){ .fd = out, .events = POLLOUT };
	s->polls[POLL_OUTPUT] = (struct pollfd){ .fd = s->output.fd, .events = POLLIN };
	s->polls[POLL_WEB] = (struct pollfd){ .fd = s->web != NULL ? web_fd(s->web) : -1, .events = POLLIN };
	requests_fill_polls(&s->requests, s->polls + POLL_DESK);
	crew_fill_polls(&s->crew, s->polls + POLL_CREW);
	return n;
}

/* timeout_ms: until the next deadline but the page's, rounded up; -1: there is none. */
static int timeout_ms(const struct supervisor *s)
{
	uint64_t next = crew_deadline(&s->crew), now = clock_now_ns();
	uint64_t request = requests_deadline(&s->requests);

	if (s->progress.next_ns != 0 && (next == 0 || s->progress.next_ns < next))
		next = s->progress.next_ns;
	if (request != 0 && (next == 0 || request < next))
		next = request;
	if (s->recorder.next_ns != 0 && (next == 0 || s->recorder.next_ns < next))
		next = s->recorder.next_ns;
	if (next == 0)
		return -1;
	return next <= now ? 0 : (int)((next - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* wait_ms: how long to wait at most. */
static int wait_ms(const struct supervisor *s)
{
	int ms = timeout_ms(s), web = s->web != NULL ? web_timeout_ms(s->web) : -1;

	return ms < 0 || (web >= 0 && web < ms) ? web : ms;
}

static void add_progress(struct progress_now *now, const struct status *page)
{
	now->failed += page->failed;
	now->pending += page->pending;
	now->done += now->tracked ? page->acked : 0;
	for (uint32_t k = 0; k < STATUS_STREAMS && !now->tracked; k++)
		now->done += page->streams[k].emitted;
}

static void show_progress(struct supervisor *s, uint64_t now_ns)
{
	struct progress_now now = { .tracked = plan_tracks(s->crew.plan) };

	if (s->progress.next_ns == 0 || now_ns < s->progress.next_ns)
		return;
	for (uint32_t i = 0; i < s->crew.plan->n_workers; i++) {
		if (s->crew.plan->workers[i].component >= s->crew.plan->topology->n_spouts)
			continue;
		add_progress(&now, &s->crew.past[s->crew.plan->workers[i].first_stage].sum);
		if (crew_page(&s->crew, i) != NULL)
			add_progress(&now, crew_page(&s->crew, i));
	}
	progress_show(&s->progress, &now, &s->outlet, now_ns);
}

/* show_status keeps the page up to date, and tells who waits for the start. */
static void show_status(struct supervisor *s)
{
	static const enum topology_status of_phase[] = {
		[RUN_STARTING] = TOPOLOGY_STARTING, [RUN_ACTIVE] = TOPOLOGY_ACTIVE,
		[RUN_DRAINING] = TOPOLOGY_DRAINING, [RUN_STOPPING] = TOPOLOGY_DRAINING,
		[RUN_OVER] = TOPOLOGY_DRAINING,
	};
	enum topology_status status = of_phase[s->crew.lives.phase];

	if (status == TOPOLOGY_ACTIVE && !s->crew.lives.active)
		status = TOPOLOGY_INACTIVE;
	if (s->home != NULL && home_inactive(s->home) == s->crew.lives.active)
		home_set_inactive(s->home, !s->crew.lives.active);
	s->overview->restarts = s->crew.restarts;
	s->overview->status = status;
	if (s->crew.lives.phase == RUN_STARTING || s->overview->active_ns != 0)
		return;
	s->overview->active_ns = clock_now_ns();
	if (s->tell_fd >= 0 && s->crew.lives.phase == RUN_ACTIVE &&
	    write(s->tell_fd, "up\n", 3) < 0 && errno != EPIPE)
		outlet_say(&s->outlet, "warn: can't tell who started it: %s", strerror(errno));
}

/* mind_rundir: without its directory no worker can be started again, and nobody can look at it. */
static void mind_rundir(struct supervisor *s)
{
	struct buf text = { 0 };

	if (s->crew.lives.phase >= RUN_STOPPING || rundir_is_there(&s->dir))
		return;
	buf_printf(&text, "its run directory %s was removed, as it is when its user logs out (loginctl enable-linger "
	    "keeps it): it is stopped, and can be resumed", s->dir.path);
	crew_fail(&s->crew, buf_text(&text));
	buf_free(&text);
	s->crew.lives.failed = true;
	lives_stop(&s->crew.lives, clock_now_ns());
}

/* What happened comes before what is late: after a stop of this very process (SIGSTOP)
 * everything looks late. */
static void loop(struct supervisor *s)
{
	while (s->crew.lives.phase != RUN_OVER) {
		nfds_t n = fill_polls(s);

		if (poll(s->polls, n, wait_ms(s)) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		crew_serve(&s->crew, s->polls + POLL_CREW);
		requests_serve(&s->requests, s->polls + POLL_DESK, clock_now_ns());
		if (s->polls[POLL_OUTLET].revents)
			outlet_push(&s->outlet);
		if (s->polls[POLL_OUTPUT].revents)
			output_serve(&s->output, &s->outlet);
		if (s->polls[POLL_SIGNALS].revents)
			read_signals(s);
		crew_expire(&s->crew, clock_now_ns());
		show_progress(s, clock_now_ns());
		mind_rundir(s);
		show_status(s);
		requests_answer(&s->requests, clock_now_ns());
		recorder_turn(&s->recorder, &s->crew, clock_now_ns());
		if (s->web != NULL)
			web_serve(s->web);
	}
}

/* ---- from the first to the last ---------------------------------------------------- */

/* enough_descriptors is asked after the limit was raised as far as it goes. */
static int enough_descriptors(const struct plan *p, struct error *e)
{
	uint32_t need = plan_descriptors(p);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
		return 0;
	return error_set(e, "a process of this topology needs up to %u open files, and the limit is %llu: "
	    "raise it (ulimit -Hn, or LimitNOFILE= of systemd), or use fewer workers", need,
	    (unsigned long long)limit.rlim_cur);
}

/* prepare_state: without a state directory that stays, there is one for this run. */
static int prepare_state(struct supervisor *s, const struct run_options *options, struct error *e)
{
	s->crew.run = options->run;
	if (options->state_dir != NULL) {
		s->crew.state_dir = options->state_dir;
		return 0;
	}
	s->crew.state_dir = s->state_dir = rundir_state(s->dir.path);
	return statedir_make_temporary(s->state_dir, e);
}

static int prepare_web(struct supervisor *s, const char *listen, struct error *e)
{
	struct web_options options = { .listen = listen, .only = s->dir.path };

	if (listen == NULL)
		return 0;
	s->web = web_open(&options, e);
	return s->web != NULL ? 0 : -1;
}

static int prepare(struct supervisor *s, const struct topology *t, const struct run_options *options,
    struct error *e)
{
	char *path;
	int rc;

	if (take_signals(s, e) != 0 || spawn_prepare(e) != 0 || enough_descriptors(s->crew.plan, e) != 0 ||
	    rundir_create(&s->dir, t->name, e) != 0)
		return -1;
	if (options->home == NULL && pinned_take(&s->pinned, s->dir.path, t, e) != 0)
		return -1;
	path = rundir_topology(s->dir.path);
	rc = topology_write(t, path, e);
	free(path);
	s->overview = rc == 0 ? overview_create(s->dir.path, t->name, options->run, e) : NULL;
	if (s->overview == NULL || (options->home != NULL && home_link_rundir(options->home, s->dir.path, e) != 0))
		return -1;
	s->crew.run_dir = s->dir.path;
	return prepare_web(s, options->listen, e) != 0 ? -1 : prepare_state(s, options, e);
}

static void greet(struct supervisor *s)
{
	char *greeting = s->web != NULL ? web_greeting(s->web) : NULL;

	if (greeting != NULL)
		outlet_say(&s->outlet, "%s", greeting);
	free(greeting);
}

static void run(struct supervisor *s, struct topology *t, const struct run_options *options)
{
	struct error e;

	if (prepare(s, t, options, &e) != 0) {
		crew_fail(&s->crew, e.text);
		s->crew.lives.failed = true;
		return;
	}
	progress_start(&s->progress, t->name, s->outlet.terminal, options->quiet, clock_now_ns());
	if (requests_open(&s->requests, &s->crew, s->crew.state_dir, &e) != 0)
		outlet_say(&s->outlet, "%s: warn: %s", t->name, e.text);
	mover_serve(&s->requests.mover, t, options->home, s->overview);
	s->crew.lives.active = !options->inactive;
	s->home = options->home;
	s->drain_ms = options->home != NULL ? (uint32_t)topology_ms(t, NULL, "topology.message.timeout.secs") : UINT32_MAX;
	s->tell_fd = options->home != NULL ? options->tell_fd : -1;
	recorder_start(&s->recorder, clock_now_ns());
	greet(s);
	if (options->home != NULL)
		outlet_say(&s->outlet, "run %u begins; the supervisor is process %d", options->run, (int)getpid());
	crew_start(&s->crew);
	loop(s);
	outlet_status(&s->outlet, "");
	spawn_sweep();
	if (options->home != NULL)
		outlet_say(&s->outlet, "run %u is over%s", options->run, s->crew.lives.failed ? ": it failed" : "");
}

/* any_refused: a spout found that it can't go on from its position. */
static bool any_refused(const struct supervisor *s)
{
	for (uint32_t i = 0; i < s->crew.plan->n_workers; i++)
		if (crew_page(&s->crew, i) != NULL && crew_page(&s->crew, i)->refused)
			return true;
	return false;
}

/* conclude gathers what the pages say, before they are gone. */
static void conclude(const struct supervisor *s, struct run_result *r)
{
	uint32_t n = s->crew.plan->n_stages;
	const struct status **pages = xcalloc(2 * (size_t)n + 1, sizeof *pages);

	for (uint32_t i = 0; i < n; i++) {
		pages[i] = s->crew.pages[i];
		pages[n + i] = s->crew.past[i].pages > 0 ? &s->crew.past[i].sum : NULL;
	}
	r->plan = s->crew.plan;
	r->summary = summary_make(s->crew.plan, pages, 2);
	r->summary->restarts = s->crew.restarts;
	r->error = s->crew.why;
	r->stopped = s->requests.ends;
	r->forget = s->requests.forget;
	r->exit = s->crew.lives.failed ? (any_refused(s) ? EXIT_REFUSED : 1) : s->signal != 0 ? 128 + s->signal : 0;
	free(pages);
}

/* open_outlet: what a submitted topology says goes to its log, and so does its standard output. */
static void open_outlet(struct supervisor *s, const struct topology *t, const struct home *home)
{
	struct error e;

	outlet_open(&s->outlet, STDERR_FILENO);
	if (home == NULL)
		return;
	if (logfile_open(&s->log, home->path, t, &e) == 0)
		outlet_open_log(&s->outlet, &s->log, t->name);
	else
		outlet_say(&s->outlet, "%s: warn: %s", t->name, e.text);
	if (output_open(&s->output, &e) != 0)
		outlet_say(&s->outlet, "%s: warn: %s", t->name, e.text);
}

static void close_outlet(struct supervisor *s)
{
	output_close(&s->output, &s->outlet);
	outlet_close(&s->outlet, OUTLET_WAIT_MS);
	logfile_close(&s->log);
}

int supervisor_run(struct topology *t, const struct run_options *options,
    struct run_result *r)
{
	struct supervisor s = { .signal_fd = -1, .dir = { .lock_fd = -1 }, .output.fd = -1, .log.dir = -1,
		.requests.desk = { .dir = -1, .listener = -1 } };

	*r = (struct run_result){ 0 };
	open_outlet(&s, t, options->home);
	s.crew.plan = plan_make(t);
	s.crew.outlet = &s.outlet;
	s.crew.program = options->worker_program;
	s.crew.keeps_cores = options->home != NULL;	/* in the home, where workers are */
	crew_init(&s.crew, options->ready_ms ? options->ready_ms : READY_MS,
	    options->stop_ms ? options->stop_ms : STOP_MS);

	run(&s, t, options);
	conclude(&s, r);

	if (options->home != NULL)
		home_link_rundir(options->home, NULL, NULL);
	requests_close(&s.requests);	/* whose last words the page tells */
	web_finish(s.web);
	web_close(s.web);
	overview_close(s.overview);
	recorder_free(&s.recorder);
	rundir_remove(&s.dir);
	pinned_drop(&s.pinned);
	crew_free(&s.crew);
	close_outlet(&s);
	give_signals_back(&s);
	free(s.polls);
	free(s.state_dir);
	return r->exit;
}

void run_result_free(struct run_result *r)
{
	summary_free(r->summary);
	plan_free(r->plan);
	*r = (struct run_result){ 0 };
}
