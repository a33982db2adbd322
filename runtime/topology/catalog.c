/* catalog.c - see catalog.h: the child that loads, and the parent that listens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "nearest.h"
#include "plugin.h"

enum { ANSWER_MAX = 16 << 20 };		/* bytes; a plugin that writes more writes nonsense */

/* ---- the list --------------------------------------------------------------------- */

void catalog_add(struct catalog *c, const char *path)
{
	if (catalog_find(c, path) != NULL)
		return;
	c->libraries = xgrow(c->libraries, &c->cap, c->n + 1, sizeof *c->libraries);
	c->libraries[c->n++] = (struct catalog_library){ .path = xstrdup(path) };
}

const struct catalog_library *catalog_find(const struct catalog *c, const char *path)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->libraries[i].path, path) == 0)
			return &c->libraries[i];
	return NULL;
}

const struct catalog_component *catalog_component(
    const struct catalog_library *l, const char *name, struct error *e)
{
	struct nearest near = nearest_to(name != NULL ? name : "");

	if (name == NULL && l->n == 1)
		return &l->components[0];
	for (size_t i = 0; i < l->n; i++) {
		if (name != NULL && strcmp(l->components[i].declared.name, name) == 0)
			return &l->components[i];
		nearest_try(&near, l->components[i].declared.name);
	}
	if (name == NULL)
		error_set(e, "%s has %zu components: name one of them; %s", l->path, l->n,
		    nearest_help(&near));
	else
		error_set(e, "%s has no component \"%s\"; %s", l->path, name, nearest_help(&near));
	return NULL;
}

static void free_component(struct catalog_component *c)
{
	gale_component *d = &c->declared;

	for (const gale_stream *s = d->outputs; s != NULL && s->id != NULL; s++)
		free((void *)(uintptr_t)s->fields);
	free((void *)(uintptr_t)d->outputs);
	free((void *)(uintptr_t)d->inputs);
	free((void *)(uintptr_t)d->props);
}

/* forget drops what is known of a library: it has an error instead. */
static void forget(struct catalog_library *l)
{
	for (size_t i = 0; i < l->n; i++)
		free_component(&l->components[i]);
	free(l->components);
	json_free(l->json);
	l->components = NULL;
	l->n = 0;
	l->json = NULL;
}

void catalog_free(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++) {
		forget(&c->libraries[i]);
		free(c->libraries[i].path);
		free(c->libraries[i].error);
	}
	free(c->libraries);
	*c = (struct catalog){ 0 };
}

/* ---- the child -------------------------------------------------------------------- */

static void describe(struct buf *out, const char *path)
{
	struct error e;
	struct plugin *p = plugin_open(path, &e);

	if (p == NULL) {
		buf_puts(out, "{\"error\":");
		buf_json_string(out, e.text, strlen(e.text));
		buf_puts(out, "}\n");
		return;
	}
	buf_puts(out, "{\"components\":[");
	for (size_t i = 0; i < p->n; i++) {
		const gale_component *c = p->components[i];
		struct catalog_component x = {
			.declared = *c,
			.has_finish = c->finish != NULL,
			.has_tick = c->tick != NULL,
			.has_resume = c->resume != NULL,
			.has_finish_batch = c->finish_batch != NULL,
			.has_publish = c->publish != NULL,
		};

		buf_puts(out, i > 0 ? "," : "");
		catalog_write(out, &x);
	}
	buf_puts(out, "]}\n");
	plugin_free(p);
}

static void say(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			_exit(1);
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		}
	}
}

/* harmless makes the child's surroundings so that a library's code can't do what a user of
 * lint does not expect: read our input, write into our output, leave a core file, outlive
 * us. Signals are reset so that a crash is one, whoever handles them here. */
static void harmless(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPIPE };
	struct rlimit none = { 0, 0 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		signal(deadly[i], SIG_DFL);
}

static _Noreturn void child(const struct catalog *c, size_t first, int fd)
{
	struct buf line = { 0 };

	harmless();
	for (size_t i = first; i < c->n; i++) {
		line.n = 0;
		buf_printf(&line, "open %zu\n", i);
		say(fd, line.data, line.n);
		line.n = 0;
		describe(&line, c->libraries[i].path);
		say(fd, line.data, line.n);
	}
	say(fd, "end\n", 4);
	_exit(0);	/* not exit: what the libraries registered there is not our business */
}

/* ---- the parent ------------------------------------------------------------------- */

/* One child, seen from the parent. */
struct listener {
	struct catalog *catalog;
	pid_t pid;
	int fd;
	struct buf heard;	/* the line that is not complete yet */
	size_t library;		/* of the last "open" */
	bool opened;		/* it has not been described yet */
	bool ended;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void set_error(struct catalog_library *l, char *text)
{
	forget(l);
	free(l->error);
	l->error = text;
}

/* described takes the JSON of the library being loaded. */
static void described(struct catalog_library *l, const char *line)
{
	struct diagnostics d = { 0 };
	struct json *json;
	const struct json_node *error;

	diag_source(&d, l->path, xstrdup(line), strlen(line));
	json = json_parse(&d, 0);
	diag_free(&d);
	error = json != NULL ? json_member(&json->nodes[0], "error") : NULL;
	if (error != NULL && error->type == JSON_STRING) {
		set_error(l, xstrdup(error->text));
		json_free(json);
	} else if (json == NULL || catalog_read(l, json) < 0) {
		set_error(l, xasprintf("%s declares what gale can't read", l->path));
	}
}

static void heard_line(struct listener *l, char *line)
{
	unsigned long library;

	if (strcmp(line, "end") == 0) {
		l->ended = true;
	} else if (sscanf(line, "open %lu", &library) == 1 && library < l->catalog->n) {
		l->library = library;
		l->opened = true;
	} else if (l->opened) {
		described(&l->catalog->libraries[l->library], line);
		l->opened = false;
	}
}

static void heard_lines(struct listener *l)
{
	char *text = buf_text(&l->heard), *newline;
	size_t used = 0;

	while (!l->ended && (newline = memchr(text + used, '\n', l->heard.n - used)) != NULL) {
		*newline = '\0';
		heard_line(l, text + used);
		used = (size_t)(newline - text) + 1;
	}
	memmove(l->heard.data, l->heard.data + used, l->heard.n - used);
	l->heard.n -= used;
}

/* listen hears the child out. Returns false when it said nothing for DEADLINE_MS. */
static bool listen_to(struct listener *l, int deadline_ms)
{
	int64_t until = now_ms() + deadline_ms, left;
	char block[16384];
	ssize_t n;

	while (!l->ended && (left = until - now_ms()) > 0) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };
		size_t library = l->library;
		bool opened = l->opened;

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(l->fd, block, sizeof block);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || l->heard.n > ANSWER_MAX)
			return true;
		buf_add(&l->heard, block, (size_t)n);
		heard_lines(l);
		if (l->library != library || l->opened != opened)
			until = now_ms() + deadline_ms;
	}
	return l->ended;
}

/* died says how the child ended while it was loading PATH. */
static char *died(const char *path, int status)
{
	const char *signal_name;

	if (WIFSIGNALED(status)) {
		signal_name = sigabbrev_np(WTERMSIG(status));
		return xasprintf("%s crashed while it was loaded: SIG%s", path,
		    signal_name ? signal_name : "?");
	}
	return xasprintf(
	    "%s ended the process while it was loaded: exit code %d", path, WEXITSTATUS(status));
}

/* run_child loads the libraries from FIRST on in one child and returns the first that is
 * still to do. */
static size_t run_child(struct catalog *c, size_t first, int deadline_ms)
{
	struct listener l = { .catalog = c, .library = first };
	int ends[2], status = 0;
	bool in_time;

	fflush(NULL);	/* or the child could write our buffers once more */
	if (pipe2(ends, O_CLOEXEC) < 0 || (l.pid = fork()) < 0)
		die("cannot start a process to load plugins%s: %s",
		    errno == EAGAIN ? ": too many processes; raise the limit (ulimit -u)" : "", strerror(errno));
	if (l.pid == 0) {
		close(ends[0]);
		child(c, first, ends[1]);
	}
	close(ends[1]);
	l.fd = ends[0];
	in_time = listen_to(&l, deadline_ms);
	kill(l.pid, SIGKILL);	/* one that is dying already keeps its own status */
	while (waitpid(l.pid, &status, 0) < 0 && errno == EINTR)
		continue;
	close(l.fd);
	buf_free(&l.heard);
	if (l.ended)
		return c->n;
	if (!in_time)
		set_error(&c->libraries[l.library],
		    xasprintf("%s did not come back within %g s while it was loaded",
		        c->libraries[l.library].path, deadline_ms / 1000.0));
	else
		set_error(&c->libraries[l.library], died(c->libraries[l.library].path, status));
	return l.library + 1;
}

void catalog_load(struct catalog *c, int deadline_ms)
{
	size_t next = 0;

	while (next < c->n)
		next = run_child(c, next, deadline_ms);
}
