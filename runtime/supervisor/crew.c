/* crew.c - see crew.h. SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "memory.h"
#include "obituary.h"
#include "rundir.h"

enum {
	READ_BYTES = 65536,		/* of one pipe in one turn */
	LAST_READS = 16			/* of READ_BYTES each, of a worker that has ended */
};

void crew_fail(struct crew *c, const char *text)
{
	outlet_say(c->outlet, "%s: %s", c->plan->topology->name, text);
	if (c->why.text[0] == '\0')
		error_set(&c->why, "%s", text);
}

/* ---- what life.c orders ------------------------------------------------------------ */

/* A worker that does not take a message is dead, or will be late: both are noticed. */
static void order_say(void *arg, uint32_t worker, const char *text)
{
	struct crew *c = arg;

	if (c->workers[worker].child.control >= 0)
		control_send(c->workers[worker].child.control, "%s", text);
}

static void order_kill(void *arg, uint32_t worker)
{
	struct crew *c = arg;
	struct crew_worker *w = &c->workers[worker];

	if (w->child.pid == 0)
		return;
	w->killed_because = c->impatient ? "at your command" : "it did not end in time";
	if (!c->impatient)
		outlet_say(c->outlet, "%s (pid %d) did not end within %llu ms: killed",
		    c->plan->workers[worker].label, (int)w->pid,
		    (unsigned long long)(c->lives.stop_ns / NS_PER_MS));
	spawn_kill(&w->child);
}

static void describe_death(struct crew *c, uint32_t worker, struct buf *out)
{
	struct crew_worker *w = &c->workers[worker];

	obituary_write(out, &(struct obituary){
		.plan = c->plan,
		.worker = worker,
		.start = c->lives.workers[worker].start,
		.pid = w->pid,
		.status = w->wait_status,
		.killed_because = w->killed_because,
		.fatal = w->fatal,
		.page = w->page,
		.now_ns = clock_now_ns(),
	});
}

static void order_fail(void *arg, uint32_t worker, enum life state, enum life_event event)
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
	crew_fail(c, buf_text(&text));
	buf_free(&text);
}

static const struct life_orders orders = {
	.say = order_say, .kill = order_kill, .fail = order_fail,
};

/* ---- a worker's page, messages, output, end ---------------------------------------- */

static void find_page(struct crew *c, uint32_t worker)
{
	char *path;

	if (c->workers[worker].page != NULL)
		return;
	path = rundir_status(c->run_dir, worker);
	c->workers[worker].page = status_open(path, 0, NULL);
	free(path);
}

static void keep_fatal(struct crew_worker *w, const char *text)
{
	if (w->fatal == NULL && *text != '\0')
		w->fatal = xstrdup(text);
}

/* handle_message takes one message of a worker; false: it is none. */
static bool handle_message(struct crew *c, uint32_t worker, const char *text)
{
	static const enum life_event said[] = {
		EVENT_HELLO, EVENT_READY, EVENT_ENDED, EVENT_FATAL
	};
	size_t length = strcspn(text, " ");

	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
		const char *word = life_event_names[said[i]];

		if (strlen(word) != length || strncmp(text, word, length) != 0)
			continue;
		if (said[i] == EVENT_HELLO)
			find_page(c, worker);
		if (said[i] == EVENT_FATAL)
			keep_fatal(&c->workers[worker], text + length + (text[length] == ' '));
		lives_event(&c->lives, worker, said[i], clock_now_ns());
		return true;
	}
	return false;
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

/* bury_worker: its process has ended. What it left in its channel and its pipes counts;
 * a descendant that holds a pipe open for ever does not. */
static void bury_worker(struct crew *c, uint32_t worker)
{
	struct crew_worker *w = &c->workers[worker];
	bool clean;

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
	find_page(c, worker);
	clean = w->killed_because != NULL ||
	    (WIFEXITED(w->wait_status) && WEXITSTATUS(w->wait_status) == 0);
	lives_event(&c->lives, worker, clean ? EVENT_EXITED : EVENT_DIED, clock_now_ns());
}

/* ---- interface --------------------------------------------------------------------- */

/* The descriptors of a worker. */
enum { ON_END, ON_CONTROL, ON_OUT, ON_ERR };

void crew_fill_polls(const struct crew *c, struct pollfd *p)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++, p += CREW_POLLS) {
		const struct child *child = &c->workers[i].child;

		p[ON_END] = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
		p[ON_CONTROL] = (struct pollfd){ .fd = child->control, .events = POLLIN };
		p[ON_OUT] = (struct pollfd){ .fd = child->out, .events = POLLIN };
		p[ON_ERR] = (struct pollfd){ .fd = child->err, .events = POLLIN };
	}
}

void crew_serve(struct crew *c, const struct pollfd *p)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++, p += CREW_POLLS) {
		struct crew_worker *w = &c->workers[i];

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

static int start_worker(struct crew *c, uint32_t i, struct error *e)
{
	const struct plan_worker *planned = &c->plan->workers[i];
	struct crew_worker *w = &c->workers[i];

	w->out.label = w->err.label = planned->label;
	if (spawn_start(&(struct spawn){
		.program = c->program,
		.run_dir = c->run_dir,
		.state_dir = c->state_dir,
		.run = c->run,
		.worker = i,
		.start = c->lives.workers[i].start + 1,
		.label = planned->label,
		.reads_input = planned->role == ROLE_SPOUT,
	    }, &w->child, e) != 0)
		return -1;
	w->pid = w->child.pid;
	lives_started(&c->lives, i, clock_now_ns());
	return 0;
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

void crew_init(struct crew *c, uint32_t ready_ms, uint32_t stop_ms)
{
	c->workers = xcalloc((size_t)c->plan->n_workers + 1, sizeof *c->workers);
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		c->workers[i].child = (struct child){ .pidfd = -1, .control = -1, .out = -1,
			.err = -1 };
	lives_init(&c->lives, c->plan, &orders, c, ready_ms, stop_ms);
}

void crew_free(struct crew *c)
{
	for (uint32_t i = 0; c->workers != NULL && i < c->plan->n_workers; i++) {
		status_close(c->workers[i].page);
		free(c->workers[i].fatal);
	}
	free(c->workers);
	c->workers = NULL;
	buf_free(&c->lines);
	lives_free(&c->lives);
}
