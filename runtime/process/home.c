/* home.c - see home.h. SPDX-License-Identifier: Apache-2.0
 *
 * The lock is that of the directory (ourdir.h). Who has it must look whether the directory still has
 * its name: home_remove may have taken it away. Everything inside is reached by openat with O_NOFOLLOW.
 */
#include "home.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "ourdir.h"
#include "topology.h"
#include "wholefile.h"

enum {
	LOCK_WAIT_MS = 200,	/* for one who only looks whether somebody has the lock */
	PRIVATE = S_IRUSR | S_IWUSR,
	DEPTH_MAX = 8		/* of folders inside; plugins/VERSION/ is the deepest of ours */
};

#define DEFINITION "topology.json"
#define VARIABLE "XDG_STATE_HOME"	/* names the base */

/* What outlives a kill. */
static const char *const kept_names[] = { "state", "dead-letters.jsonl" };

int home_name_check(const char *name, struct error *e)
{
	size_t n = strlen(name);

	if (n == 0 || n > HOME_NAME_MAX)
		return error_set(e, "\"%s\" can't be the name of a submitted topology: it has %zu bytes, and 1 to "
		    "%d are allowed; give another one with --name", name, n, HOME_NAME_MAX);
	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && (strchr("-_.", *c) == NULL || (*c == '.' && c == name)))
			return error_set(e, "\"%s\" can't be the name of a submitted topology: letters, digits, "
			    "\"-\", \"_\" and \".\" are allowed, and no dot in front; give another one with "
			    "--name", name);
	return 0;
}

/* ---- the base ---------------------------------------------------------------------- */

char *home_base(void)
{
	const char *xdg = getenv(VARIABLE), *home = getenv("HOME");
	struct passwd *user;

	if (xdg != NULL && xdg[0] == '/')
		return xasprintf("%s/gale", xdg);
	if (home == NULL || home[0] != '/')
		home = (user = getpwuid(geteuid())) != NULL ? user->pw_dir : "/";
	return xasprintf("%s/.local/state/gale", home);
}

/* make_path makes PATH with all above it that is missing, ours alone. */
static int make_path(const char *path)
{
	char *part = xstrdup(path);

	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, S_IRWXU);	/* the last one tells */
		*slash = '/';
	}
	free(part);
	return mkdir(path, S_IRWXU) == 0 || errno == EEXIST ? 0 : -1;
}

/* ---- one home ---------------------------------------------------------------------- */

static bool has_file(int fd, const char *file)
{
	return faccessat(fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* open_in opens the home NAME below BASE, which is known as PATH. */
static enum home_result open_in(struct home *h, const char *name, const char *path, struct error *e)
{
	int base = ourdir_open(AT_FDCWD, path, path, VARIABLE, e);
	char *inside = xasprintf("%s/%s", path, name);
	bool none = base < 0 && errno == ENOENT;

	*h = (struct home){ .fd = -1 };
	if (base >= 0) {
		h->fd = ourdir_open(base, name, inside, VARIABLE, e);
		none = h->fd < 0 && errno == ENOENT;
		close(base);
	}
	if (h->fd >= 0) {
		h->name = xstrdup(name);
		h->path = inside;
		return HOME_OK;
	}
	free(inside);
	if (none)
		error_set(e, "there is no topology \"%s\"", name);
	return none ? HOME_NONE : HOME_FAILED;
}

static enum home_result lock(struct home *h, struct error *e)
{
	h->locked = ourdir_lock(h->fd, LOCK_WAIT_MS) == 0;
	if (h->locked)
		return HOME_OK;
	if (errno != EWOULDBLOCK) {
		error_errno(e, "cannot lock %s", h->path);
		return HOME_FAILED;
	}
	error_set(e, "the topology \"%s\" is running, or another command is at it", h->name);
	return HOME_LOCKED;
}

/* make_base makes the directory PATH, when there is none, and opens it. */
static int make_base(const char *path, struct error *e)
{
	if (make_path(path) != 0)
		return error_errno(e, "cannot make %s", path);
	return ourdir_open(AT_FDCWD, path, path, VARIABLE, e);
}

int home_make_base(struct error *e)
{
	char *path = home_base();
	int fd = make_base(path, e);

	free(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : -1;
}

/* make_in makes the directory NAME below BASE, known as PATH, when there is none. */
static int make_in(const char *name, const char *path, struct error *e)
{
	int base = make_base(path, e), rc = 0;

	if (base < 0)
		return -1;
	if (mkdirat(base, name, S_IRWXU) == 0)
		fsync(base);	/* where that can't be done there is no more to do */
	else if (errno != EEXIST)
		rc = error_errno(e, "cannot make %s/%s", path, name);
	close(base);
	return rc;
}

enum home_result home_make(struct home *h, const char *name, struct error *e)
{
	enum home_result rc = HOME_FAILED;
	char *path = home_base();

	*h = (struct home){ .fd = -1 };
	do {
		home_close(h);
		if (make_in(name, path, e) == 0 && (rc = open_in(h, name, path, e)) == HOME_OK)
			rc = lock(h, e);
	} while (rc == HOME_OK && !ourdir_has_name(h->fd));	/* removed while we came */
	if (rc != HOME_OK)
		home_close(h);
	free(path);
	return rc;
}

enum home_result home_open(struct home *h, const char *name, struct error *e)
{
	char *path = home_base();
	enum home_result rc = HOME_NONE;

	*h = (struct home){ .fd = -1 };
	if (home_name_check(name, NULL) == 0)
		rc = open_in(h, name, path, e);
	free(path);
	if (rc == HOME_FAILED)
		return rc;
	if (rc == HOME_OK && has_file(h->fd, DEFINITION))
		return HOME_OK;
	home_close(h);
	error_set(e, "there is no topology \"%s\"", name);
	return HOME_NONE;
}

enum home_result home_take(struct home *h, const char *name, struct error *e)
{
	enum home_result rc = home_open(h, name, e);

	if (rc == HOME_OK && (rc = lock(h, e)) == HOME_OK && !ourdir_has_name(h->fd)) {
		error_set(e, "there is no topology \"%s\"", name);
		rc = HOME_NONE;
	}
	if (rc != HOME_OK)
		home_close(h);
	return rc;
}

int home_inherit(struct home *h, const char *name, int fd, struct error *e)
{
	char link[32], path[4096];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return error_errno(e, "cannot tell the home of \"%s\" (descriptor %d)", name, fd);
	path[n] = '\0';
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*h = (struct home){ .name = xstrdup(name), .path = xstrdup(path), .fd = fd, .locked = true };
	return 0;
}

void home_close(struct home *h)
{
	if (h->fd >= 0)
		close(h->fd);
	free(h->name);
	free(h->path);
	*h = (struct home){ .fd = -1 };
}

/* ---- what it is doing -------------------------------------------------------------- */

bool home_lives(const struct home *h)
{
	if (h->locked)
		return false;
	if (flock(h->fd, LOCK_SH | LOCK_NB) != 0)
		return true;
	flock(h->fd, LOCK_UN);
	return false;
}

/* live_status: STARTING until there is a page. */
static enum topology_status live_status(const struct home *h)
{
	char *rundir = home_rundir(h);
	const struct overview *o = rundir != NULL ? overview_open(rundir, NULL) : NULL;
	enum topology_status status = TOPOLOGY_STARTING;

	if (o != NULL && o->status < N_TOPOLOGY_STATUSES)
		status = (enum topology_status)o->status;
	overview_close(o);
	free(rundir);
	return status;
}

/* ended_status: how one that does not run has ended. */
static enum topology_status ended_status(const struct home *h)
{
	static const char finished[] = "{\"status\":\"FINISHED\"";
	enum topology_status status = TOPOLOGY_DEAD;
	struct buf b = { 0 };

	if (home_read(h, "ended.json", &b, NULL) == 1)
		status = strncmp(b.data, finished, sizeof finished - 1) == 0 ? TOPOLOGY_FINISHED : TOPOLOGY_FAILED;
	buf_free(&b);
	return status;
}

enum topology_status home_status(const struct home *h)
{
	return home_lives(h) ? live_status(h) : ended_status(h);
}

bool home_inactive(const struct home *h)
{
	return has_file(h->fd, "inactive");
}

void home_set_inactive(const struct home *h, bool inactive)
{
	int fd;

	if (!inactive)
		unlinkat(h->fd, "inactive", 0);
	else if ((fd = openat(h->fd, "inactive", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, PRIVATE)) >= 0)
		close(fd);
}

char *home_state(const char *name)
{
	char *base = home_base(), *path = xasprintf("%s/%s/state", base, name);

	if (home_name_check(name, NULL) != 0 || access(path, F_OK) != 0) {
		free(path);
		path = NULL;
	}
	free(base);
	return path;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* is_listed: NAME in the directory BASE is the home of a topology. */
static bool is_listed(int base, const char *name)
{
	char *file = xasprintf("%s/" DEFINITION, name);
	bool listed = home_name_check(name, NULL) == 0 && has_file(base, file);

	free(file);
	return listed;
}

char **home_names(struct error *e)
{
	char *path = home_base(), **names = xcalloc(1, sizeof *names);
	int fd = ourdir_open(AT_FDCWD, path, path, VARIABLE, e);
	bool none = fd < 0 && errno == ENOENT;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	size_t n = 0, cap = 1;
	struct dirent *entry;

	free(path);
	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (!is_listed(fd, entry->d_name))
			continue;
		names = xgrow(names, &cap, n + 2, sizeof *names);
		names[n++] = xstrdup(entry->d_name);
		names[n] = NULL;
	}
	if (d != NULL)
		closedir(d);
	else if (!none) {
		free(names);
		return NULL;
	}
	qsort(names, n, sizeof *names, by_name);
	return names;
}

/* ---- files inside ------------------------------------------------------------------ */

char *home_file(const struct home *h, const char *file)
{
	return xasprintf("%s/%s", h->path, file);
}

int home_read(const struct home *h, const char *file, struct buf *b, struct error *e)
{
	int rc = wholefile_read(h->fd, file, b);

	return rc < 0 ? error_errno(e, "cannot read %s/%s", h->path, file) : rc;
}

int home_write(const struct home *h, const char *file, const char *text, size_t n, struct error *e)
{
	if (wholefile_replace(h->fd, file, text, n) != 0)
		return error_errno(e, "cannot write %s/%s", h->path, file);
	return 0;
}

int home_write_definition(const struct home *h, const struct topology *t, struct error *e)
{
	struct buf b = { 0 };
	int rc;

	topology_text(&b, t);
	rc = home_write(h, DEFINITION, b.data, b.n, e);
	buf_free(&b);
	return rc;
}

struct json *home_json(const struct home *h, const char *file)
{
	struct diagnostics d = { 0 };
	struct buf b = { 0 };
	struct json *j = NULL;

	if (home_read(h, file, &b, NULL) == 1) {
		diag_source(&d, file, b.data, b.n);
		j = json_parse(&d, 0);
		diag_free(&d);
	} else {
		buf_free(&b);
	}
	return j;
}

char *home_rundir(const struct home *h)
{
	char path[4096];
	ssize_t n = readlinkat(h->fd, "run", path, sizeof path - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return xstrdup(path);
}

int home_link_rundir(const struct home *h, const char *rundir, struct error *e)
{
	if (rundir == NULL) {
		unlinkat(h->fd, "run", 0);
		return 0;
	}
	unlinkat(h->fd, "run.new", 0);
	if (symlinkat(rundir, h->fd, "run.new") != 0 || renameat(h->fd, "run.new", h->fd, "run") != 0)
		return error_errno(e, "cannot link %s/run", h->path);
	return 0;
}

/* ---- removing ---------------------------------------------------------------------- */

static bool outlives(int fd, const char *name, bool top)
{
	(void)fd;
	for (size_t i = 0; top && i < sizeof kept_names / sizeof *kept_names; i++)
		if (strcmp(name, kept_names[i]) == 0)
			return true;
	return false;
}

/* drop_bare_state removes a state directory that holds locks and a run number and nothing of the
 * topology's. */
static void drop_bare_state(const struct home *h)
{
	static const char *const folders[] = { "state/positions", "state/state", "state" };
	static const char *const files[] = { "state/lock", "state/workers.lock", "state/run", "state/topology",
		"state/control" };

	unlinkat(h->fd, folders[0], AT_REMOVEDIR);
	unlinkat(h->fd, folders[1], AT_REMOVEDIR);
	if (has_file(h->fd, folders[0]) || has_file(h->fd, folders[1]))
		return;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlinkat(h->fd, files[i], 0);
	unlinkat(h->fd, folders[2], AT_REMOVEDIR);
}

/* forget_input: where one that FINISHED has come in its input is of no use to the next. */
static void forget_input(const struct home *h)
{
	int positions = ended_status(h) == TOPOLOGY_FINISHED ?
	    openat(h->fd, "state/positions", OURDIR_OPEN) : -1;

	if (positions >= 0)
		ourdir_empty(positions, 0, NULL);
}

void home_forget_end(const struct home *h)
{
	forget_input(h);
	unlinkat(h->fd, "ended.json", 0);
}

int home_remove(struct home *h, bool *kept, struct error *e)
{
	int inside, cause;

	forget_input(h);
	/* The definition first: from here on it is not listed. Without its end it would be DEAD. */
	if (unlinkat(h->fd, DEFINITION, 0) != 0 && errno != ENOENT)
		return error_errno(e, "cannot remove %s/" DEFINITION, h->path);
	drop_bare_state(h);
	inside = openat(h->fd, ".", OURDIR_OPEN);
	cause = inside >= 0 ? ourdir_empty(inside, DEPTH_MAX, outlives) : errno;
	*kept = rmdir(h->path) != 0;
	if (cause == 0)
		return 0;
	errno = cause;
	return error_errno(e, "cannot remove all of %s", h->path);
}
