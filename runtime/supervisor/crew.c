/* crew.c - see crew.h. SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "death.h"
#include "logline.h"
#include "memlimit.h"
#include "memory.h"
#include "obituary.h"
#include "rundir.h"

enum {
	READ_BYTES = 65536,		/* of one pipe in one turn */
	LAST_READS = 16			/* of READ_BYTES each, of a worker that has ended */
};

void crew_fail(struct crew *c, const char *text)
{
	outlet_tell(c->outlet, GALE_ERROR, "%s: %s", c->plan->topology->name, text);
	if (c->why.text[0] == '\0')
		error_set(&c->why, "%s", text);
}

/* ---- what life.c orders ------------------------------------------------------------ */

/* say tells a worker something, unless its channel is closed. */
#define say(W, ...) \
	((W)->child.control >= 0 ? mail_send(&(W)->mail, (W)->child.control, __VA_ARGS__) : (void)0)

void crew_tell(struct crew *c, uint32_t worker, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	say(&c->workers[worker], "%s", text);
	free(text);
}

bool crew_is_ready(const struct crew *c, uint32_t worker)
{
	enum life state = c->lives.workers[worker].state;

	return (state == LIFE_READY || state == LIFE_ENDED) && c->workers[worker].child.control >= 0;
}

static void order_say(void *arg, uint32_t worker, const char *text)
{
	say(&((struct crew *)arg)->workers[worker], "%s", text);
}

static void say_killed(const struct crew *c, uint32_t worker, const char *what, uint64_t ns)
{
	outlet_tell(c->outlet, GALE_WARN, "%s (pid %d) %s within %llu ms: killed", c->plan->workers[worker].label,
	    (int)c->workers[worker].pid, what, (unsigned long long)(ns / NS_PER_MS));
}

static void order_kill(void *arg, uint32_t worker, enum life_event event)
{
	struct crew *c = arg;
	struct crew_worker *w = &c->workers[worker];

	if (w->child.pid == 0)
		return;
	w->hung = event == EVENT_HUNG || (c->lives.phase < RUN_STOPPING &&
	    c->lives.workers[worker].state != LIFE_RETIRING);
	if (c->impatient) {
		w->killed_because = "at your command";
	} else if (event == EVENT_HUNG) {
		w->killed_because = "it did not answer";
		say_killed(c, worker, "has not answered", c->pulse.timeout_ns);
	} else if (c->lives.workers[worker].state < LIFE_READY) {
		w->killed_because = "it was not ready in time";
		say_killed(c, worker, "was not ready", c->lives.ready_ns);
	} else {
		w->killed_because = "it did not end in time";
		say_killed(c, worker, "did not end", c->lives.stop_ns);
	}
	spawn_kill(&w->child);
}

static struct obituary obituary_of(const struct crew *c, uint32_t worker)
{
	const struct crew_worker *w = &c->workers[worker];

	return (struct obituary){
		.plan = c->plan,
		.worker = worker,
		.start = c->lives.workers[worker].start,
		.pid = w->pid,
		.status = w->wait_status,
		.killed_because = w->killed_because,
		.hung = w->hung,
		.left_because = WIFEXITED(w->wait_status) && WEXITSTATUS(w->wait_status) == 0 ? w->leaves_because : NULL,
		.asks_core = c->keeps_cores,
		.oom = w->oom,
		.fatal = w->fatal,
		.pages = (const struct status *const *)&c->pages[c->plan->workers[worker].first_stage],
		.now_ns = clock_now_ns(),
	};
}

static void describe_death(struct crew *c, uint32_t worker, struct buf *out)
{
	struct obituary o = obituary_of(c, worker);

	if (o.pid != 0)
		obituary_write(out, &o);
	else
		buf_printf(out, "%s could not be started", c->plan->workers[worker].label);
}

static void order_restarts(void *arg, uint32_t worker, uint64_t wait_ns, const char *lost)
{
	struct crew *c = arg;
	uint32_t recent = restarts_recent(&c->lives.restarts, worker, clock_now_ns());
	struct buf text = { 0 };

	c->restarts++;
	describe_death(c, worker, &text);
	if (lost != NULL)
		buf_printf(&text, "; %s", lost);
	buf_puts(&text, "; starting it again");
	if (wait_ns > 0)
		buf_printf(&text, " in %llu ms", (unsigned long long)(wait_ns / NS_PER_MS));
	if (recent > 0)
		buf_printf(&text, " (failure %u of %d within a minute)", recent, RESTART_MOST);
	outlet_tell(c->outlet, GALE_ERROR, "%s: %s", c->plan->topology->name, buf_text(&text));
	buf_free(&text);
}

static void order_fail(void *arg, uint32_t worker, enum life state, enum life_event event,
    const char *why)
{
	struct crew *c = arg;
	const char *label = c->plan->workers[worker].label;
	int pid = (int)c->workers[worker].pid;
	struct buf text = { 0 };

	if (event == EVENT_DIED || event == EVENT_EXITED)
		describe_death(c, worker, &text);
	else if (event == EVENT_TIMEOUT)
		buf_printf(&text, "%s (pid %d) was not ready within %llu ms: it is still %s",
		    label, pid, (unsigned long long)(c->lives.ready_ns / NS_PER_MS),
		    life_names[state]);
	else
		buf_printf(&text, "%s (pid %d) said \"%s\" while %s: it does not follow the "
		    "control protocol", label, pid, life_event_names[event], life_names[state]);
	if (why != NULL)
		buf_printf(&text, "; %s: not started again", why);
	crew_fail(c, buf_text(&text));
	buf_free(&text);
}

static void order_switch(void *arg, uint32_t sender, uint32_t worker, uint32_t start)
{
	say(&((struct crew *)arg)->workers[sender], "switch %u %u", worker, start);
}

static void order_lost(void *arg, uint32_t source, uint32_t worker)
{
	struct crew *c = arg;

	say(&c->workers[source], "lost %u %s %s", worker, c->plan->workers[worker].label,
	    c->workers[worker].cause);
}

static void order_start(void *arg, uint32_t worker);

static const struct life_orders orders = {
	.say = order_say, .kill = order_kill, .start = order_start, .restarts = order_restarts,
	.fail = order_fail,
};
static const struct fence_orders fence_orders = { .switch_to = order_switch, .lost = order_lost };

void crew_freeze(struct crew *c, bool freeze)
{
	uint32_t coordinator = c->plan->coordinator;

	if (coordinator == UINT32_MAX)
		c->frozen = freeze;
	else
		say(&c->workers[coordinator], "%s", freeze ? "freeze" : "thaw");
	c->frozen = c->frozen && freeze;
}

bool crew_frozen(const struct crew *c)
{
	return c->frozen;
}

/* ---- a worker's page, messages, output, end ---------------------------------------- */

const struct status *crew_page(const struct crew *c, uint32_t worker)
{
	return c->pages[c->plan->workers[worker].first_stage];
}

static struct status *find_page(const struct crew *c, uint32_t worker, uint32_t stage)
{
	char *path = rundir_status(c->run_dir, worker, stage);
	struct status *page = status_open(path, 0, NULL);

	free(path);
	if (page != NULL && page->start != c->lives.workers[worker].start) {
		status_close(page);	/* a predecessor's: it died before it had one */
		page = NULL;
	}
	return page;
}

static void find_pages(struct crew *c, uint32_t worker)
{
	const struct plan_worker *w = &c->plan->workers[worker];

	for (uint32_t i = 0; i < w->n_stages; i++)
		if (c->pages[w->first_stage + i] == NULL)
			c->pages[w->first_stage + i] = find_page(c, worker, i);
}

static void keep_fatal(struct crew_worker *w, const char *text)
{
	if (w->fatal == NULL && *text != '\0')
		w->fatal = xstrdup(text);
}

/* name_own tells a successor what its predecessor has died of: nobody else knows that message. */
static void name_own(struct crew *c, uint32_t worker)
{
	struct crew_worker *w = &c->workers[worker];

	if (w->own_root != 0)
		say(w, "obituary %" PRIu64 " %s %s", w->own_root, c->plan->workers[worker].label, w->cause);
	w->own_root = 0;
}

/* tell_level tells WORKER which lines of its COMPONENT get into the log. */
static void tell_level(struct crew *c, uint32_t worker, uint32_t component)
{
	const struct topology *t = c->plan->topology;
	const struct level_set *set = &c->levels.components[component];
	gale_level level = set->set ? set->level : topology_log_level(t, &t->components[component]);

	if (plan_stage_of(c->plan, worker, component) != NULL)
		say(&c->workers[worker], "level %u %s", component, logline_levels[level]);
}

/* tell_levels tells a worker that begins what was set; the config it has read. */
static void tell_levels(struct crew *c, uint32_t worker)
{
	for (uint32_t i = 0; i < c->levels.n; i++)
		if (c->levels.components[i].set)
			tell_level(c, worker, i);
}

/* handle_message takes one message of a worker; false: it is none. */
static bool handle_message(struct crew *c, uint32_t worker, const char *text)
{
	static const enum life_event said[] = {
		[CONTROL_HELLO] = EVENT_HELLO, [CONTROL_READY] = EVENT_READY,
		[CONTROL_ENDED] = EVENT_ENDED, [CONTROL_FATAL] = EVENT_FATAL
	};
	struct control_message m;

	if (!control_parse(&m, text) || m.word > CONTROL_TOLD)
		return false;
	if (m.word == CONTROL_FROZEN) {
		c->frozen = true;
	} else if (m.word == CONTROL_LAID) {
		lives_laid(&c->lives, worker, clock_now_ns());
	} else if (m.word == CONTROL_PONG) {
		pulse_heard(&c->pulse, worker);
	} else if (m.word == CONTROL_TELLS || m.word == CONTROL_TOLD) {
		if (c->listener.says != NULL)
			c->listener.says(c->listener.arg, worker, &m);
	} else if (m.word == CONTROL_SWITCHED) {
		fences_switched(&c->lives.fences, worker, m.worker, m.start);
	} else {
		if (m.word == CONTROL_HELLO) {
			find_pages(c, worker);
			tell_levels(c, worker);		/* before its plugin is opened */
		}
		if (m.word == CONTROL_READY) {
			pulse_began(&c->pulse, worker);
			name_own(c, worker);	/* before "activate" */
			if (c->listener.ready != NULL)
				c->listener.ready(c->listener.arg, worker);
		}
		if (m.word == CONTROL_FATAL)
			keep_fatal(&c->workers[worker], m.text);
		lives_event(&c->lives, worker, said[m.word], clock_now_ns());
	}
	return true;
}

/* read_control reads all that a worker has said. When the channel is at its end the
 * worker is, or will be; one that goes on without a channel is as good as failing. */
static void read_control(struct crew *c, uint32_t worker)
{
	struct crew_worker *w = &c->workers[worker];
	static char text[CONTROL_MAX];
	bool understood = true;
	int n = 0;

	while (w->child.control >= 0 && understood) {
		n = control_receive(w->child.control, text, sizeof text);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		understood = handle_message(c, worker, text);
	}
	if (w->child.control < 0)
		return;
	close(w->child.control);
	w->child.control = -1;
	mail_clear(&w->mail);
	if (!understood)
		keep_fatal(w, "it does not follow the control protocol");
	lives_event(&c->lives, worker, EVENT_FATAL, clock_now_ns());
}

/* read_output relays what a pipe holds, READ_BYTES at most; false: nothing there. */
static bool read_output(struct crew *c, int *fd, struct relay *relay)
{
	static char bytes[READ_BYTES];
	ssize_t n;

	if (*fd < 0)
		return false;
	do
		n = read(*fd, bytes, sizeof bytes);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0) {
		relay_bytes(relay, bytes, (size_t)n, &c->lines);
		return true;
	}
	close(*fd);
	*fd = -1;
	relay_end(relay, &c->lines);
	return false;
}

static void flush_lines(struct crew *c)
{
	outlet_lines(c->outlet, &c->lines);
	c->lines.n = 0;
}

bool crew_bounded(const struct crew *c)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++) {
		const struct status *page = crew_page(c, i);

		if (c->plan->workers[i].component < c->plan->topology->n_spouts &&
		    (c->past[c->plan->workers[i].first_stage].sum.unbounded || (page != NULL && page->unbounded)))
			return false;
	}
	return true;
}

uint64_t crew_pending(const struct crew *c)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < c->plan->n_stages; i++)
		if (c->pages[i] != NULL && c->plan->workers[c->pages[i]->worker].role != ROLE_ACKER)
			n += c->pages[i]->pending;
	return n;
}

static void name_root(struct crew *c, uint32_t worker, uint64_t root)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		if (plan_is_source(c->plan, i))
			say(&c->workers[i], "obituary %" PRIu64 " %s %s", root,
			    c->plan->workers[worker].label, c->workers[worker].cause);
}

/* name_tuple tells the sources what a worker had in hand when it died of itself (A8). Which of
 * the messages of a join is to blame nobody knows: all are charged, or it would go on for ever. */
static void name_tuple(struct crew *c, uint32_t worker, const struct status *page)
{
	if (page->hand_n_roots < 2)
		name_root(c, worker, page->hand_root);
	for (uint32_t i = 0; page->hand_n_roots > 1 && i < page->hand_n_roots && i < STATUS_HAND_ROOTS; i++)
		name_root(c, worker, page->hand_roots[i]);
}

/* deny_cores: one core file of a component is enough, and the next crash is likely the same. */
static void deny_cores(struct crew *c, uint32_t worker)
{
	uint32_t component = c->plan->workers[worker].component;

	if (!c->keeps_cores || !WIFSIGNALED(c->workers[worker].wait_status) ||
	    !WCOREDUMP(c->workers[worker].wait_status))
		return;
	c->crashed[component] = true;
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		if (c->plan->workers[i].component == component)
			spawn_deny_core(&c->workers[i].child);
}

/* judge turns the end of a worker's process into an event. */
static void judge(struct crew *c, uint32_t worker)
{
	struct crew_worker *w = &c->workers[worker];
	bool killed = WIFSIGNALED(w->wait_status) && WTERMSIG(w->wait_status) == SIGKILL;
	uint64_t kills = killed && w->killed_because == NULL ? death_oom_kills() : c->oom_kills;
	struct obituary o;
	struct death death;
	struct buf cause = { 0 };
	char lost[256];
	bool clean;

	if (worker == c->plan->coordinator)
		c->frozen = false;
	w->oom = kills > c->oom_kills;
	c->oom_kills = kills;
	o = obituary_of(c, worker);
	obituary_cause(&cause, &o);
	snprintf(w->cause, sizeof w->cause, "%s", buf_text(&cause));
	buf_free(&cause);
	death_judge(&death, &o, crew_bounded(c), lost, sizeof lost);
	deny_cores(c, worker);
	if (death.by_tuple && o.pages[0]->emitting != 0)
		w->own_root = o.pages[0]->emitting;
	else if (death.by_tuple)
		name_tuple(c, worker, obituary_hand(&o));
	clean = (w->killed_because != NULL && !w->hung) ||
	    (WIFEXITED(w->wait_status) && WEXITSTATUS(w->wait_status) == 0);
	lives_died(&c->lives, worker, clean ? EVENT_EXITED : EVENT_DIED, &death, clock_now_ns());
}

/* bury_worker: its process has ended. What it left in its channel and its pipes counts;
 * a descendant that holds a pipe open for ever does not. */
static void bury_worker(struct crew *c, uint32_t worker)
{
	struct crew_worker *w = &c->workers[worker];

	read_control(c, worker);
	if (spawn_reap(&w->child, &w->wait_status) != 0)
		return;
	for (int i = 0; i < LAST_READS && read_output(c, &w->child.out, &w->out); i++)
		;
	for (int i = 0; i < LAST_READS && read_output(c, &w->child.err, &w->err); i++)
		;
	relay_end(&w->out, &c->lines);
	relay_end(&w->err, &c->lines);
	flush_lines(c);
	spawn_forget(&w->child);
	mail_clear(&w->mail);
	find_pages(c, worker);
	pulse_ended(&c->pulse, worker);
	if (c->listener.gone != NULL)
		c->listener.gone(c->listener.arg, worker);
	judge(c, worker);
}

/* ---- interface --------------------------------------------------------------------- */

/* The descriptors of a worker. */
enum { ON_END, ON_CONTROL, ON_OUT, ON_ERR };

void crew_fill_polls(const struct crew *c, struct pollfd *p)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++, p += CREW_POLLS) {
		const struct child *child = &c->workers[i].child;
		short more = mail_waits(&c->workers[i].mail) ? POLLOUT : 0;

		p[ON_END] = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
		p[ON_CONTROL] = (struct pollfd){ .fd = child->control,
			.events = (short)(POLLIN | more) };
		p[ON_OUT] = (struct pollfd){ .fd = child->out, .events = POLLIN };
		p[ON_ERR] = (struct pollfd){ .fd = child->err, .events = POLLIN };
	}
}

void crew_serve(struct crew *c, const struct pollfd *p)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++, p += CREW_POLLS) {
		struct crew_worker *w = &c->workers[i];

		if (p[ON_CONTROL].revents & POLLOUT)
			mail_push(&w->mail, w->child.control);
		if (p[ON_CONTROL].revents)
			read_control(c, i);
		if (p[ON_OUT].revents)
			read_output(c, &w->child.out, &w->out);
		if (p[ON_ERR].revents)
			read_output(c, &w->child.err, &w->err);
		if (p[ON_END].revents)
			bury_worker(c, i);
	}
	flush_lines(c);
}

/* save_past writes what the starts of WORKER have counted so far, for those who read metrics:
 * before the next one has a page. */
static void save_past(struct crew *c, uint32_t worker, uint32_t stage)
{
	char *path = rundir_past(c->run_dir, worker, stage - c->plan->workers[worker].first_stage);
	struct error e;

	c->past[stage].sum.worker = worker;
	c->past[stage].sum.start = c->pages[stage]->start;
	if (status_save(&c->past[stage].sum, path, &e) != 0)
		outlet_say(c->outlet, "%s: warn: %s", c->plan->topology->name, e.text);
	free(path);
}

/* fold_counts has the page of an executor's only task count as that task's past (counts.h). */
static void fold_counts(struct crew *c, uint32_t stage)
{
	const struct plan_stage *planned = &c->plan->stages[stage];
	char *path = rundir_tasks(c->run_dir);
	struct error e;

	if (planned->n_tasks == 1 && c->counts == NULL &&
	    (c->counts = counts_open(path, c->plan->n_tasks, &e)) == NULL)
		outlet_say(c->outlet, "%s: warn: %s", c->plan->topology->name, e.text);
	if (planned->n_tasks == 1 && c->counts != NULL)
		counts_fold(&c->counts[planned->first_task], c->pages[stage]);
	free(path);
}

/* forget_predecessor makes room for the next start of a worker; what the last one counted
 * goes into the sum, but for what was open. */
static void forget_predecessor(struct crew *c, uint32_t worker)
{
	const struct plan_worker *planned = &c->plan->workers[worker];
	struct crew_worker *w = &c->workers[worker];

	for (uint32_t i = planned->first_stage; i < planned->first_stage + planned->n_stages; i++) {
		if (c->pages[i] == NULL)
			continue;
		tally_add(&c->past[i], c->pages[i]);
		c->past[i].sum.pending = c->past[i].sum.held = 0;
		fold_counts(c, i);
		save_past(c, worker, i);
		status_close(c->pages[i]);
		c->pages[i] = NULL;
	}
	free(w->fatal);
	w->fatal = NULL;
	free(w->leaves_because);
	w->leaves_because = NULL;
	w->told_memory = false;
	w->killed_because = NULL;
	w->hung = w->oom = false;
	w->pid = 0;
}

/* wishes fills in what the config wants of the process. */
static void wishes(const struct crew *c, uint32_t worker, struct spawn *s)
{
	const struct topology *t = c->plan->topology;
	uint32_t component = c->plan->workers[worker].component;
	const struct component *head = component < t->n_components ? &t->components[component] : NULL;
	const struct setting *more_nice = topology_config(t, head, "topology.worker.nice");
	const struct setting *cpus = topology_config(t, head, "topology.worker.cpus");

	if (more_nice != NULL && more_nice->type == SETTING_INT)
		s->nice = (int)more_nice->i;
	if (cpus != NULL && cpus->type == SETTING_STRING)
		s->cpus = cpus->s;
	if (c->keeps_cores)
		s->core = c->crashed[component] ? CORE_DENIED : CORE_ALLOWED;
}

static int start_worker(struct crew *c, uint32_t i, struct error *e)
{
	const struct plan_worker *planned = &c->plan->workers[i];
	struct crew_worker *w = &c->workers[i];
	struct spawn spawn = {
		.program = c->program,
		.run_dir = c->run_dir,
		.state_dir = c->state_dir,
		.run = c->run,
		.worker = i,
		.start = c->lives.workers[i].start + 1,
		.label = planned->label,
		.reads_input = planned->role == ROLE_SPOUT,
	};

	forget_predecessor(c, i);
	w->out.label = w->err.label = planned->label;
	wishes(c, i, &spawn);
	if (spawn_start(&spawn, &w->child, e) != 0)
		return -1;
	w->pid = w->child.pid;
	lives_started(&c->lives, i, clock_now_ns());
	return 0;
}

static void order_start(void *arg, uint32_t worker)
{
	struct crew *c = arg;
	struct death death = { .own = true };
	struct error e;

	if (start_worker(c, worker, &e) == 0)
		return;
	outlet_tell(c->outlet, GALE_ERROR, "%s: %s", c->plan->topology->name, e.text);
	lives_died(&c->lives, worker, EVENT_DIED, &death, clock_now_ns());
}

void crew_start(struct crew *c)
{
	struct error e;

	for (uint32_t i = 0; i < c->plan->n_workers; i++) {
		if (start_worker(c, i, &e) == 0)
			continue;
		crew_fail(c, e.text);
		c->lives.failed = true;
		lives_stop(&c->lives, clock_now_ns());
		return;
	}
}

/* ---- what gets into the log -------------------------------------------------------- */

static void tell_all(struct crew *c, uint32_t component)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		tell_level(c, i, component);
}

void crew_set_level(struct crew *c, uint32_t component, gale_level level, uint64_t ms)
{
	uint64_t until = ms > 0 ? clock_now_ns() + ms * NS_PER_MS : 0;

	for (uint32_t i = 0; i < c->levels.n; i++) {
		if (component != UINT32_MAX && component != i)
			continue;
		levels_set(&c->levels, i, level, until);
		tell_all(c, i);
	}
}

/* ---- memory ------------------------------------------------------------------------ */

/* would_lose tells what would die with WORKER if it left now, in TEXT; NULL: nothing. */
static const char *would_lose(const struct crew *c, uint32_t worker, char *text, size_t size)
{
	struct obituary o = obituary_of(c, worker);
	struct death death;

	o.status = 0;
	death_judge(&death, &o, crew_bounded(c), text, size);
	return death.lost;
}

/* have_leave has WORKER, which uses USED bytes and may have MOST, make room for a successor. */
static void have_leave(struct crew *c, uint32_t worker, uint64_t used, uint64_t most)
{
	struct crew_worker *w = &c->workers[worker];
	char lost[256], *text = xasprintf("it used %llu MiB, and topology.worker.memory.mb allows %llu",
	    (unsigned long long)(used >> 20), (unsigned long long)(most >> 20));

	if (would_lose(c, worker, lost, sizeof lost) == NULL) {
		w->leaves_because = text;
		say(w, "leave");
		return;
	}
	if (!w->told_memory)
		outlet_tell(c->outlet, GALE_WARN, "%s: %s (pid %d) should be started anew, for %s; but %s",
		    c->plan->topology->name, c->plan->workers[worker].label, (int)w->pid, text, lost);
	w->told_memory = true;
	free(text);
}

/* look_at_memory finds those that use too much, once a second. */
static void look_at_memory(struct crew *c, uint64_t now_ns)
{
	if (c->memory_ns == 0 || now_ns < c->memory_ns)
		return;
	c->memory_ns = now_ns + MEMLIMIT_EVERY_MS * (uint64_t)NS_PER_MS;
	if (c->lives.phase != RUN_ACTIVE || c->lives.paused)
		return;
	for (uint32_t i = 0; i < c->plan->n_workers; i++) {
		uint64_t most = memlimit_of(c->plan, i), used;

		if (most == 0 || c->lives.workers[i].state != LIFE_READY || c->workers[i].leaves_because != NULL ||
		    now_ns - c->lives.restarts.workers[i].hello_ns < MEMLIMIT_PEACE_MS * (uint64_t)NS_PER_MS)
			continue;
		used = memlimit_used(c->workers[i].pid, most);
		if (used > most)
			have_leave(c, i, used, most);
	}
}

/* ---- time -------------------------------------------------------------------------- */

static void ping(void *arg, uint32_t worker)
{
	say(&((struct crew *)arg)->workers[worker], "ping");
}

static void hung(void *arg, uint32_t worker)
{
	struct crew *c = arg;

	lives_event(&c->lives, worker, EVENT_HUNG, clock_now_ns());
}

uint64_t crew_deadline(const struct crew *c)
{
	uint64_t next = lives_deadline(&c->lives), beat = pulse_deadline(&c->pulse);
	uint64_t level = levels_deadline(&c->levels);

	next = next == 0 || beat < next ? beat : next;
	next = level != 0 && level < next ? level : next;
	return c->memory_ns != 0 && c->memory_ns < next ? c->memory_ns : next;
}

void crew_expire(struct crew *c, uint64_t now_ns)
{
	uint32_t component;

	while ((component = levels_expired(&c->levels, now_ns)) != UINT32_MAX) {
		tell_all(c, component);
		outlet_say(c->outlet, "the log level of %s is what its config says again",
		    c->plan->topology->components[component].id);
	}
	lives_expire(&c->lives, now_ns);
	look_at_memory(c, now_ns);
	pulse_beat(&c->pulse, now_ns);
}

static const struct child nobody = { .pidfd = -1, .control = -1, .out = -1, .err = -1 };

void crew_init(struct crew *c, uint32_t ready_ms, uint32_t stop_ms)
{
	c->workers = xcalloc((size_t)c->plan->n_workers + 1, sizeof *c->workers);
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		c->workers[i].child = nobody;
	c->pages = xcalloc((size_t)c->plan->n_stages + 1, sizeof *c->pages);
	c->past = xcalloc((size_t)c->plan->n_stages + 1, sizeof *c->past);
	c->crashed = xcalloc((size_t)c->plan->topology->n_components + 1, sizeof *c->crashed);
	c->memory_ns = memlimit_any(c->plan) ? clock_now_ns() : 0;
	levels_init(&c->levels, c->plan->topology->n_components);
	c->oom_kills = death_oom_kills();
	c->pulse.ping = ping;
	c->pulse.hung = hung;
	c->pulse.arg = c;
	pulse_init(&c->pulse, c->plan->n_workers, (uint64_t)ready_ms * NS_PER_MS, clock_now_ns());
	lives_init(&c->lives, c->plan, &orders, &fence_orders, c, ready_ms, stop_ms);
}

/* forget_gone has what those counted that are gone count as their predecessors' does. */
static void forget_gone(struct crew *c, const struct plan *then)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		if (!plan_keeps(c->plan, then, i))
			forget_predecessor(c, i);
}

void crew_lay_out(struct crew *c, struct plan *plan, uint64_t now_ns)
{
	struct plan *was = c->plan;
	uint32_t n = plan->n_workers;

	forget_gone(c, plan);
	c->workers = xrealloc(c->workers, ((size_t)n + 1) * sizeof *c->workers);
	for (uint32_t i = was->n_workers; i < n; i++)
		c->workers[i] = (struct crew_worker){ .child = nobody };
	c->pages = xrealloc(c->pages, ((size_t)plan->n_stages + 1) * sizeof *c->pages);
	c->past = xrealloc(c->past, ((size_t)plan->n_stages + 1) * sizeof *c->past);
	for (uint32_t i = was->n_stages; i < plan->n_stages; i++) {
		c->pages[i] = NULL;
		memset(&c->past[i], 0, sizeof c->past[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		c->workers[i].out.label = c->workers[i].err.label = plan->workers[i].label;
	pulse_grow(&c->pulse, n);
	c->plan = plan;
	lives_lay_out(&c->lives, plan, now_ns);
	plan_free(was);
}

void crew_free(struct crew *c)
{
	for (uint32_t i = 0; c->workers != NULL && i < c->plan->n_workers; i++) {
		free(c->workers[i].fatal);
		free(c->workers[i].leaves_because);
		mail_clear(&c->workers[i].mail);
	}
	for (uint32_t i = 0; c->pages != NULL && i < c->plan->n_stages; i++)
		status_close(c->pages[i]);
	if (c->counts != NULL)
		counts_close(c->counts, c->plan->n_tasks);
	free(c->pages);
	free(c->past);
	free(c->crashed);
	free(c->workers);
	c->workers = NULL;
	c->pages = NULL;
	buf_free(&c->lines);
	pulse_free(&c->pulse);
	levels_free(&c->levels);
	lives_free(&c->lives);
}
