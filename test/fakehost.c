/* fakehost.c - see fakehost.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fakehost.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state.h"

static struct fake *of(gale_ctx *ctx)
{
	return (struct fake *)(void *)ctx;
}

/* must is for what is called often: an assertion that holds costs check a write to a pipe. */
static void must(bool holds, const char *what)
{
	if (!holds)
		ck_abort_msg("%s", what);
}

static void *grown(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	must(p != NULL, "no memory");
	return p;
}

/* ---- Values ------------------------------------------------------------------------ */

/* A packed list of this host is simply an array of values. */
static const uint8_t *unpack(const uint8_t *body, gale_value *value)
{
	memcpy(value, body, sizeof *value);
	return body + sizeof *value;
}

static gale_value copied(gale_ctx *ctx, const gale_value *v)
{
	gale_value copy = *v, item;
	if (v->type == GALE_STRING || v->type == GALE_BYTES) {
		char *s = grown(NULL, (size_t)v->n + 1);
		if (v->n > 0)
			memcpy(s, v->u.s, v->n);
		s[v->n] = '\0';
		copy.u.s = s;
	} else if (v->type == GALE_LIST || v->type == GALE_MAP) {
		gale_value *items = grown(NULL, (2 * (size_t)v->n + 1) * sizeof *items);
		size_t n = 0;
		for (gale_iter it = gale_iterate(v); gale_each(ctx, &it, &item);)
			items[n++] = copied(ctx, &item);
		copy.packed = 0;
		copy.u.items = items;
	}
	return copy;
}

static gale_value *copies(gale_ctx *ctx, const gale_value *values, uint32_t n)
{
	gale_value *all = grown(NULL, (n + 1) * sizeof *all);
	for (uint32_t i = 0; i < n; i++)
		all[i] = copied(ctx, &values[i]);
	return all;
}

static void free_value(const gale_value *v)
{
	uint32_t n = v->type == GALE_LIST ? v->n : v->type == GALE_MAP ? 2 * v->n : 0;
	for (uint32_t i = 0; i < n; i++)
		free_value(&v->u.items[i]);
	if (v->type >= GALE_STRING && v->type <= GALE_MAP)
		free((void *)(uintptr_t)v->u.s);
}

static void free_values(gale_value *values, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free_value(&values[i]);
	free(values);
}

/* ---- The host's table -------------------------------------------------------------- */

/* suits tells whether the values are what the stream declares; as a host must. */
static bool suits(struct fake *f, const gale_emission *e)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < e->n; i++)
		if (e->values[i].type == GALE_STRING || e->values[i].type == GALE_BYTES)
			bytes += e->values[i].n;
	must(bytes <= GALE_MAX_VALUE, "more bytes are emitted than a tuple may have");
	if (f->component->outputs_from_json)
		return true;
	const gale_field *field = f->component->outputs[e->stream].fields;
	for (uint32_t i = 0; i < e->n; i++, field++)
		if (field->name == NULL ||
		    (field->type != GALE_ANY && field->type != e->values[i].type))
			return false;
	return field->name == NULL;
}

/* check_id: what is not below the position told last is new. */
static void check_id(struct fake *f, uint64_t id)
{
	if (f->component->resume == NULL || id < f->next)
		return;
	must(!f->any_new || id > f->newest, "the ids of new messages do not grow");
	f->newest = id;
	f->any_new = true;
}

static int emit_as(gale_ctx *ctx, const gale_emission *e)
{
	struct fake *f = of(ctx);
	if (!suits(f, e))
		return -1;
	must(f->component->kind == GALE_SPOUT || !e->tracked, "a bolt emits a message");
	if (e->tracked)
		check_id(f, e->id);
	f->n_emits++;
	if (f->forget)
		return 0;
	if ((f->n_emits & (f->n_emits - 1)) == 0)
		f->emits = grown(f->emits, 2 * f->n_emits * sizeof *f->emits);
	f->emits[f->n_emits - 1] = (struct fake_emit){
		.stream = e->stream, .n = e->n, .values = copies(ctx, e->values, e->n),
		.tracked = e->tracked, .kept = e->kept, .unanchored = e->unanchored,
		.direct = e->direct, .task = e->task, .id = e->id,
	};
	return 0;
}

static int emit(gale_ctx *ctx, uint32_t stream, const gale_value *values, uint32_t n)
{
	gale_emission e = { .stream = stream, .values = values, .n = n };
	return emit_as(ctx, &e);
}

static gale_held hold(gale_ctx *ctx, const gale_tuple *t)
{
	struct fake *f = of(ctx);
	must(t == f->in_hand, "a tuple is held that is not in hand");
	must(!f->held_in_hand, "a tuple is held twice");
	f->held_in_hand = true;
	if ((f->n_held & (f->n_held - 1)) == 0)
		f->held = grown(f->held, (2 * f->n_held + 1) * sizeof *f->held);
	f->held[f->n_held] = (struct fake_held){ .tuple = *t };
	f->held[f->n_held].tuple.values = copies(ctx, t->values, t->n);
	return (gale_held){ ++f->n_held };
}

static struct fake_held *held(struct fake *f, gale_held h)
{
	must(h.id > 0 && h.id <= f->n_held, "there is no such held tuple");
	must(f->held[h.id - 1].fate == FAKE_OPEN, "a held tuple is finished twice");
	return &f->held[h.id - 1];
}

static const gale_tuple *held_tuple(gale_ctx *ctx, gale_held h)
{
	return &held(of(ctx), h)->tuple;
}

static int ack(gale_ctx *ctx, gale_held h)
{
	held(of(ctx), h)->fate = FAKE_ACKED;
	return 0;
}

static int fail(gale_ctx *ctx, gale_held h, const char *why)
{
	held(of(ctx), h)->fate = FAKE_FAILED;
	ck_assert_ptr_nonnull(why);
	return 0;
}

static int reset_timeout(gale_ctx *ctx, gale_held h)
{
	held(of(ctx), h)->resets++;
	return 0;
}

static int result(gale_ctx *ctx, int verdict, const char *why)
{
	struct fake *f = of(ctx);
	free(f->why);
	f->why = strdup(why);
	f->verdict = verdict;
	return verdict;
}

static int watch(gale_ctx *ctx, int fd, int events, gale_fd_fn *fn, void *arg)
{
	struct fake *f = of(ctx);
	int i = 0;
	while (i < f->n_watches && f->watches[i].fd != fd)
		i++;
	ck_assert_int_lt(i, FAKE_WATCHES);
	f->n_watches += i == f->n_watches;
	f->watches[i] = (struct fake_watch){ fd, events, fn, arg };
	return 0;
}

static int unwatch(gale_ctx *ctx, int fd)
{
	struct fake *f = of(ctx);
	for (int i = 0; i < f->n_watches; i++) {
		if (f->watches[i].fd == fd) {
			f->watches[i] = f->watches[--f->n_watches];
			return 0;
		}
	}
	ck_abort_msg("unwatch of a descriptor that is not watched");
	return -1;
}

static uint64_t timer(gale_ctx *ctx, uint32_t ms, gale_timer_fn *fn, void *arg)
{
	struct fake *f = of(ctx);
	ck_assert_int_lt(f->n_timers, FAKE_TIMERS);
	f->timers[f->n_timers++] = (struct fake_timer){ ++f->n_timers_ever, f->now_ms + ms, fn, arg };
	return f->n_timers_ever;
}

static int cancel(gale_ctx *ctx, uint64_t id)
{
	struct fake *f = of(ctx);
	for (int i = 0; i < f->n_timers; i++) {
		if (f->timers[i].id == id) {
			f->timers[i] = f->timers[--f->n_timers];
			return 0;
		}
	}
	return -1;
}

static void wake(gale_ctx *ctx)
{
	(void)ctx;
}

static void log_line(gale_ctx *ctx, gale_level level, const char *text)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct fake *f = of(ctx);
	size_t have = strlen(f->log), room = have + strlen(text) + 16;
	f->log = grown(f->log, room);
	snprintf(f->log + have, room - have, "%s %s\n", names[level], text);
}

static int64_t *metric(gale_ctx *ctx, const char *name, bool gauge)
{
	struct fake *f = of(ctx);
	int i = 0;
	(void)gauge;
	while (f->metric_names[i][0] != '\0' && strcmp(f->metric_names[i], name) != 0)
		i++;
	ck_assert_int_lt(i, FAKE_METRICS - 1);
	snprintf(f->metric_names[i], sizeof f->metric_names[i], "%s", name);
	return &f->metrics[i];
}

static const char *config(gale_ctx *ctx, const char *key)
{
	return strcmp(key, "topology.message.timeout.secs") == 0 ? of(ctx)->timeout_secs : NULL;
}

static int peers(gale_ctx *ctx, const char *component, uint32_t *first, uint32_t *n)
{
	if (strcmp(component, ctx->component) != 0)
		return -1;
	*first = ctx->task - ctx->index;
	*n = ctx->n_tasks;
	return 0;
}

static void unbounded(gale_ctx *ctx)
{
	of(ctx)->unbounded = true;
}

static int position(gale_ctx *ctx, uint64_t next, const void *blob, uint32_t n)
{
	struct fake *f = of(ctx);
	must(f->component->resume != NULL, "a position is told by a spout that has no resume");
	must(!f->positioned || next >= f->next, "a position goes back");
	must(n <= sizeof f->blob, "a position is too large");
	must(!f->any_new || next > f->newest, "a position is not above what was emitted");
	f->next = next;
	f->n_blob = n;
	if (n > 0)
		memcpy(f->blob, blob, n);
	f->positioned = true;
	return 0;
}

static int forget(gale_ctx *ctx, uint64_t id)
{
	(void)id;
	of(ctx)->n_forgotten++;
	return 0;
}

static int64_t now_ms(gale_ctx *ctx)
{
	return of(ctx)->now_ms;
}

/* ---- State: a real one ---- */

static struct state *state_of(gale_ctx *ctx)
{
	struct fake *f = of(ctx);
	struct error e;
	must(f->component->state_version != 0, "a component without state uses it");
	if (f->state != NULL)
		return f->state;
	if (f->state_path == NULL) {
		char dir[] = "/tmp/gale-state.XXXXXX", path[64];
		must(mkdtemp(dir) != NULL, "no temporary directory");
		snprintf(path, sizeof path, "%s/state", dir);
		f->state = state_open(path, f->component->state_version, &e);
		rmdir(dir);	/* nothing is there before the first commit */
	} else {
		f->state = state_open(f->state_path, f->component->state_version, &e);
	}
	must(f->state != NULL, e.text);
	return f->state;
}

static int state_get_(gale_ctx *ctx, const void *key, size_t n, gale_slice *value)
{
	return state_get(state_of(ctx), key, n, value, NULL);
}

static int state_put_(gale_ctx *ctx, const void *key, size_t n, const void *value, size_t n_value)
{
	return state_put(state_of(ctx), key, n, value, n_value, NULL);
}

static int state_delete_(gale_ctx *ctx, const void *key, size_t n)
{
	return state_delete(state_of(ctx), key, n, NULL);
}

static void *state_merge_(gale_ctx *ctx, const void *key, size_t n, size_t n_value)
{
	void *value = NULL;
	state_merge(state_of(ctx), key, n, n_value, &value, NULL);
	return value;
}

static int state_add_(gale_ctx *ctx, const void *key, size_t n, int64_t by, int64_t *sum)
{
	return state_add(state_of(ctx), key, n, by, sum, NULL) == 1 ? 0 : -1;
}

static bool state_next_(gale_ctx *ctx, gale_scan *scan)
{
	return state_next(state_of(ctx), scan, NULL) == 1;
}

static int temporary(gale_ctx *ctx, const char *path)
{
	(void)ctx;
	must(path[0] == '/', "a temporary file has no absolute path");
	return 0;
}

static const gale_host host = {
	.abi = GALE_ABI, .size = sizeof (gale_host),
	.emit = emit, .emit_as = emit_as, .hold = hold, .held_tuple = held_tuple, .ack = ack,
	.fail = fail, .reset_timeout = reset_timeout, .result = result, .watch = watch,
	.unwatch = unwatch, .timer = timer, .cancel = cancel, .wake = wake, .log = log_line,
	.metric = metric, .config = config, .peers = peers, .unbounded = unbounded,
	.unpack = unpack, .now_ms = now_ms, .position = position, .forget = forget, .state_get = state_get_, .state_put = state_put_,
	.state_delete = state_delete_, .state_merge = state_merge_, .state_add = state_add_,
	.state_next = state_next_, .temporary = temporary,
};

/* ---- Life -------------------------------------------------------------------------- */

static void set(struct fake *f, const gale_prop *p, const char *text)
{
	char *at = (char *)f->self + p->offset;
	bool truth = text != NULL && strcmp(text, "true") == 0;
	int64_t i = text != NULL ? strtoll(text, NULL, 10) : 0;
	double d = text != NULL ? strtod(text, NULL) : 0;
	ck_assert((p->min == 0 && p->max == 0) || (i >= p->min && i <= p->max));
	switch (p->type) {
	case GALE_PROP_BOOL:
		memcpy(at, &truth, sizeof truth);
		break;
	case GALE_PROP_INT:
		memcpy(at, &i, sizeof i);
		break;
	case GALE_PROP_FLOAT:
		memcpy(at, &d, sizeof d);
		break;
	case GALE_PROP_STRING:
	case GALE_PROP_PATH:
		memcpy(at, &text, sizeof text);
		break;
	}
}

struct fake *fake_load(const char *folder, const char *name)
{
	char path[4096];
	const char *top = getenv("TOP_BUILDDIR");
	snprintf(path, sizeof path, "%s/%s/%s.so", top != NULL ? top : ".", folder, name);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(library != NULL, "%s", library == NULL ? dlerror() : "");
	const gale_plugin_info *info = dlsym(library, "gale_plugin");
	ck_assert_ptr_nonnull(info);
	ck_assert_uint_eq(info->abi, GALE_ABI);
	ck_assert_uint_eq(info->size, sizeof (gale_component));

	struct fake *f = calloc(1, sizeof *f);
	ck_assert_ptr_nonnull(f);
	f->library = library;
	f->component = info->components[0];
	ck_assert_ptr_null(info->components[1]);
	f->self = calloc(1, f->component->self_size + 1);
	ck_assert_ptr_nonnull(f->self);
	f->ctx = (gale_ctx){ .host = &host, .topology = "test", .component = name, .n_tasks = 1, .level = GALE_DEBUG,
	    .out = STDOUT_FILENO };
	f->log = strdup("");
	f->why = strdup("");
	f->now_ms = 1000000;
	f->source = (gale_source){ .component = "upstream", .stream = "default" };
	if (f->component->inputs != NULL)
		fake_fields(f, f->component->inputs);
	for (const gale_prop *p = f->component->props; p != NULL && p->name != NULL; p++)
		if (!p->required)
			set(f, p, p->fallback);
	signal(SIGPIPE, SIG_IGN);	/* as gale does */
	return f;
}

void fake_commit(struct fake *f)
{
	struct error e;
	if (f->component->persist != NULL)
		ck_assert_int_eq(f->component->persist(f->self, &f->ctx), GALE_OK);
	ck_assert_msg(f->state_path != NULL, "this state is not to be committed");
	if (f->state != NULL)
		ck_assert_msg(state_commit(f->state, &e) == 0, "%s", e.text);
}

void fake_kill(struct fake *f)
{
	static struct fake *volatile dead[16];	/* reachable to the end, for leak checkers */
	static size_t n_dead;
	must(n_dead < sizeof dead / sizeof *dead, "too many are killed");
	dead[n_dead++] = f;
	state_close(f->state);
	f->state = NULL;
}

void fake_free(struct fake *f)
{
	if (f->started && f->component->cleanup != NULL)
		f->component->cleanup(f->self, &f->ctx);
	must(f->component->resume == NULL || f->n_watches + f->n_timers == 0,
	    "a spout that may be made anew leaves a watch or a timer behind");
	state_close(f->state);
	fake_forget(f);
	for (size_t i = 0; i < f->n_held; i++)
		free_values((gale_value *)(uintptr_t)f->held[i].tuple.values, f->held[i].tuple.n);
	free(f->held);
	free(f->emits);
	free(f->self);
	free(f->log);
	free(f->why);
	free(f);	/* the library stays: leak checkers name its functions */
}

void fake_set(struct fake *f, const char *property, const char *text)
{
	for (const gale_prop *p = f->component->props; p != NULL && p->name != NULL; p++) {
		if (strcmp(p->name, property) == 0) {
			set(f, p, text);
			return;
		}
	}
	ck_abort_msg("no property %s", property);
}

void fake_fields(struct fake *f, const gale_field *fields)
{
	uint32_t n = 0;
	for (; fields[n].name != NULL; n++) {
		f->fields[n] = fields[n];
		f->inputs[n] = (uint8_t)n;
	}
	f->source.fields = f->fields;
	f->source.inputs = f->inputs;
	f->source.n_fields = n;
	f->source.n_inputs = f->component->inputs != NULL ? n : 0;
}

int fake_start(struct fake *f)
{
	const gale_component *c = f->component;
	int (*start)(void *, gale_ctx *) = c->kind == GALE_SPOUT ? c->open : c->prepare;
	f->started = true;
	int got = start != NULL ? start(f->self, &f->ctx) : GALE_OK;
	if (got == GALE_OK && c->kind == GALE_SPOUT && c->activate != NULL)
		c->activate(f->self, &f->ctx);
	return got;
}

int fake_resume(struct fake *f, const struct fake *from, const uint64_t *open, uint32_t n)
{
	const gale_component *c = f->component;
	gale_resume r = { .next = from->next, .blob = from->blob, .n_blob = from->n_blob, .open = open,
		.n_open = n };
	f->started = true;
	must(from->positioned, "it goes on from where nobody has been");
	int got = c->open(f->self, &f->ctx);
	f->positioned = true;
	f->any_new = false;
	f->next = from->next;
	f->n_blob = from->n_blob;
	memcpy(f->blob, from->blob, sizeof f->blob);
	if (got == GALE_OK)
		got = c->resume(f->self, &f->ctx, &r);
	if (got == GALE_OK && c->activate != NULL)
		c->activate(f->self, &f->ctx);
	return got;
}

int fake_next(struct fake *f)
{
	f->last = f->component->next(f->self, &f->ctx);
	must(!f->any_new || !f->positioned || f->next > f->newest, "a position was not told");
	return f->last;
}

int fake_pump(struct fake *f)
{
	do
		fake_next(f);
	while (f->last == GALE_EMITTED);
	return f->last;
}

int fake_execute(struct fake *f, const gale_value *values, uint32_t n)
{
	gale_tuple t = { .values = values, .n = n, .source = &f->source, .times = 1 };
	f->in_hand = &t;
	f->held_in_hand = false;
	int got = f->component->execute(f->self, &f->ctx, &t);
	f->in_hand = NULL;
	return got;
}

int fake_text(struct fake *f, const char *s, size_t n)
{
	gale_value v = gale_string(s, n);
	return fake_execute(f, &v, 1);
}

int fake_finish(struct fake *f)
{
	int got;
	do
		got = f->component->finish(f->self, &f->ctx);
	while (got == GALE_EMITTED);
	return got;
}

void fake_fail(struct fake *f, uint64_t id, bool final)
{
	gale_failure failure = {
		.kind = GALE_FAILED_BY_BOLT, .final = final, .attempt = 1, .text = "test",
	};
	f->component->fail(f->self, &f->ctx, id, &failure);
}

/* ---- The loop ---------------------------------------------------------------------- */

int64_t fake_real_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int ready(struct fake *f, struct pollfd *p, int wait_ms)
{
	for (int i = 0; i < f->n_watches; i++) {
		int events = f->watches[i].events;
		p[i] = (struct pollfd){ .fd = f->watches[i].fd };
		p[i].events = (short)((events & GALE_READABLE ? POLLIN : 0) |
		    (events & GALE_WRITABLE ? POLLOUT : 0));
	}
	return poll(p, (nfds_t)f->n_watches, wait_ms);
}

static void call_watchers(struct fake *f, const struct pollfd *p, int n)
{
	for (int i = 0; i < n; i++) {
		int events = (p[i].revents & POLLIN ? GALE_READABLE : 0) |
		    (p[i].revents & POLLOUT ? GALE_WRITABLE : 0) |
		    (p[i].revents & (POLLHUP | POLLERR) ? GALE_HANGUP : 0);
		for (int k = 0; events != 0 && k < f->n_watches; k++) {
			if (f->watches[k].fd == p[i].fd) {
				struct fake_watch w = f->watches[k];
				w.fn(f->self, &f->ctx, w.fd, events, w.arg);
				break;
			}
		}
	}
}

static void call_timer(struct fake *f)
{
	int first = 0;
	for (int i = 1; i < f->n_timers; i++)
		if (f->timers[i].due_ms < f->timers[first].due_ms)
			first = i;
	struct fake_timer t = f->timers[first];
	f->timers[first] = f->timers[--f->n_timers];
	if (f->now_ms < t.due_ms)
		f->now_ms = t.due_ms;
	t.fn(f->self, &f->ctx, t.arg);
}

bool fake_turn(struct fake *f)
{
	struct pollfd p[FAKE_WATCHES];
	int n = f->n_watches;
	bool any = true;
	if (ready(f, p, f->n_timers > 0 ? 0 : 10) > 0)
		call_watchers(f, p, n);
	else if (f->n_timers > 0)
		call_timer(f);
	else
		any = false;
	if (any && f->component->kind == GALE_SPOUT)
		fake_pump(f);
	return any;
}

void fake_idle(struct fake *f)
{
	struct pollfd p[FAKE_WATCHES];
	ck_assert_int_eq(f->n_timers, 0);
	ck_assert_int_eq(ready(f, p, 0), 0);
}

bool fake_is(const struct fake *f, size_t i, const char *s)
{
	if (i >= f->n_emits || f->emits[i].n == 0)
		return false;
	const gale_value *v = &f->emits[i].values[0];
	return v->type == GALE_STRING && v->n == strlen(s) && memcmp(v->u.s, s, v->n) == 0;
}

void fake_forget(struct fake *f)
{
	for (size_t i = 0; !f->forget && i < f->n_emits; i++)
		free_values(f->emits[i].values, f->emits[i].n);
	f->n_emits = 0;
}
