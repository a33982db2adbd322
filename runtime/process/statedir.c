/* statedir.c - see statedir.h. SPDX-License-Identifier: Apache-2.0 */
#include "statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "clock.h"
#include "failpoint.h"
#include "fit.h"
#include "memory.h"
#include "ourdir.h"
#include "plan.h"
#include "wholefile.h"

enum {
	WAIT_MS = 6000,		/* for processes of a supervisor that was just killed, on a busy machine */
	STEP_MS = 5,
	OPEN_FILE = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	PRIVATE = S_IRUSR | S_IWUSR
};

/* ---- files inside ------------------------------------------------------------------ */

int statedir_read(const struct statedir *s, const char *name, struct buf *b, struct error *e)
{
	int rc = wholefile_read(s->fd, name, b);

	return rc < 0 ? error_errno(e, "cannot read %s/%s", s->path, name) : rc;
}

static int replace_file(const struct statedir *s, const char *name, const char *text, size_t n, struct error *e)
{
	if (wholefile_replace(s->fd, name, text, n) != 0)
		return error_errno(e, "cannot write %s/%s", s->path, name);
	return 0;
}

/* each_in calls FN for every name in the directory NAME; the sum of what it returns. */
static int each_in(const struct statedir *s, const char *name, int (*fn)(int dir, const char *, void *),
    void *arg)
{
	int fd = openat(s->fd, name, OURDIR_OPEN), sum = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			sum += fn(fd, entry->d_name, arg);
	closedir(d);
	return sum;
}

/* ---- the directory itself ---------------------------------------------------------- */

static int check_dir(struct statedir *s, struct error *e)
{
	struct statfs fs;
	struct stat st;

	if (fstat(s->fd, &st) != 0 || fstatfs(s->fd, &fs) != 0)
		return error_errno(e, "cannot look at the state directory %s", s->path);
	if (st.st_uid != geteuid())
		return error_set(e, "the state directory %s belongs to user %u, not to you; name one of "
		    "yours", s->path, (unsigned)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(e, "other users can change the state directory %s (mode %04o); run: "
		    "chmod go-w %s", s->path, (unsigned)(st.st_mode & 07777), s->path);
	if (fs.f_type == NFS_SUPER_MAGIC)
		return error_set(e, "the state directory %s is on NFS, where locks and syncs can't be "
		    "relied on; name one on a local disk", s->path);
	return 0;
}

/* sync_name makes the name of the directory last: who made it may have died before it could. One
 * above that can't be opened is nothing that we have made a name in. */
static int sync_name(const struct statedir *s, struct error *e)
{
	int fd = openat(s->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 && errno == EACCES)
		return 0;
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))	/* EINVAL: it can't be synced */
		rc = error_errno(e, "cannot sync the directory above the state directory %s", s->path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_dir(struct statedir *s, const char *dir, struct error *e)
{
	if (mkdir(dir, S_IRWXU) != 0 && errno != EEXIST)
		return error_errno(e, "cannot make the state directory %s", dir);
	s->path = realpath(dir, NULL);
	if (s->path != NULL)
		s->fd = open(s->path, OURDIR_OPEN);
	if (s->fd < 0 && errno == ENOTDIR)
		return error_set(e, "%s is no directory; name another one for the state", dir);
	if (s->fd < 0)
		return error_errno(e, "cannot open the state directory %s", dir);
	return check_dir(s, e) == 0 ? sync_name(s, e) : -1;
}

static int make_folder(int dir, const char *name)
{
	return mkdirat(dir, name, S_IRWXU) == 0 || errno == EEXIST ? 0 : -1;
}

/* ---- locks ------------------------------------------------------------------------- */

/* holder gives the pid that the lock file tells of, or 0. */
static pid_t holder(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static bool lives(pid_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

/* lock_dir takes the supervisor's lock. When its holder is dead it may still be in the hands
 * of a child that was just forked, for as long as that takes to die. */
static enum statedir_result lock_dir(struct statedir *s, struct error *e)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)WAIT_MS * NS_PER_MS;
	char pid[32];
	int n;

	s->lock_fd = openat(s->fd, "lock", OPEN_FILE, PRIVATE);
	if (s->lock_fd < 0)
		return error_errno(e, "cannot write in the state directory %s", s->path);
	while (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(e, "cannot lock the state directory %s", s->path);
		if (lives(holder(s->lock_fd)) || clock_now_ns() >= deadline) {
			error_set(e, "the state directory %s is used by another run, process %d; end that "
			    "one first, or name another directory", s->path, (int)holder(s->lock_fd));
			return STATEDIR_CONFLICT;
		}
		clock_pause(STEP_MS);
	}
	n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
		return error_errno(e, "cannot write %s/lock", s->path);
	return STATEDIR_OK;
}

/* put_holders writes the pids that hold a lock on the file FD, as /proc/locks tells. */
static void put_holders(int fd, char *text, size_t size)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], name[64];
	struct stat st;
	size_t n = 0;
	int pid;

	text[0] = '\0';
	if (f == NULL || fstat(fd, &st) != 0)
		st.st_ino = 0;
	snprintf(name, sizeof name, ":%llu 0 EOF", (unsigned long long)st.st_ino);
	while (f != NULL && n < size && fgets(line, sizeof line, f) != NULL)
		if (strstr(line, name) != NULL && strstr(line, "FLOCK") != NULL &&
		    sscanf(line, "%*s %*s %*s %*s %d", &pid) == 1 && pid != (int)getpid())
			n += (size_t)snprintf(text + n, size - n, "%s%d", n > 0 ? ", " : "", pid);
	if (f != NULL)
		fclose(f);
}

/* workers_live says who has the lock on the file FD, workers.lock. */
static enum statedir_result workers_live(const struct statedir *s, int fd, struct error *e)
{
	char pids[128] = "";

	if (fd >= 0)
		put_holders(fd, pids, sizeof pids);
	error_set(e, "workers of an older run on the state directory %s are still alive: process %s; kill "
	    "them first", s->path, pids[0] != '\0' ? pids : "unknown");
	return STATEDIR_CONFLICT;
}

/* lock_workers gives a descriptor that holds workers.lock alone, or -1. */
static int lock_workers(struct statedir *s, enum statedir_result *rc, struct error *e)
{
	int fd = openat(s->fd, "workers.lock", OPEN_FILE, PRIVATE);

	*rc = STATEDIR_FAILED;
	if (fd < 0)
		return error_errno(e, "cannot write in the state directory %s", s->path);
	if (ourdir_lock(fd, WAIT_MS) == 0)
		return fd;
	*rc = workers_live(s, fd, e);
	close(fd);
	return -1;
}

int statedir_hold(const char *dir, uint32_t run, struct error *e)
{
	struct statedir s = { .path = (char *)dir, .fd = open(dir, OURDIR_OPEN) };
	int lock = s.fd >= 0 ? openat(s.fd, "workers.lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1, rc = 0;
	struct buf b = { 0 };

	if (s.fd < 0 || (lock < 0 && errno != ENOENT))
		rc = error_errno(e, "cannot open the state directory %s", dir);
	else if (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0)
		rc = error_errno(e, "a newer run has locked the state directory %s", dir);
	else if (lock >= 0 && (statedir_read(&s, "run", &b, e) < 1 || strtoul(b.data, NULL, 10) != run))
		rc = error_set(e, "a newer run has taken over the state directory %s", dir);
	buf_free(&b);
	if (s.fd >= 0)
		close(s.fd);
	if (rc != 0 && lock >= 0)
		close(lock);
	return rc;	/* else `lock` stays open as long as this process lives */
}

/* ---- to look at ------------------------------------------------------------------- */

/* no_workers looks whether workers of a dead supervisor are alive. While somebody looks, no
 * new ones can come. */
static enum statedir_result no_workers(const struct statedir *s, struct error *e)
{
	int fd = openat(s->fd, "workers.lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool none = fd >= 0 ? ourdir_lock(fd, WAIT_MS) == 0 : errno == ENOENT;	/* a copy need not have it */
	enum statedir_result rc = none ? STATEDIR_OK : workers_live(s, fd, e);

	if (fd >= 0)
		close(fd);
	return rc;
}

static enum statedir_result in_use(const struct statedir *s, struct error *e)
{
	error_set(e, "the state directory %s is used by a run, process %d; end that one first", s->path,
	    (int)holder(s->lock_fd));
	return STATEDIR_CONFLICT;
}

enum statedir_result statedir_look(struct statedir *s, const char *dir, struct error *e)
{
	enum statedir_result rc = STATEDIR_FAILED;

	*s = (struct statedir){ .path = realpath(dir, NULL), .fd = -1, .lock_fd = -1 };
	if (s->path != NULL)
		s->fd = open(s->path, OURDIR_OPEN);
	if (s->fd >= 0)
		s->lock_fd = openat(s->fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd >= 0 && s->lock_fd < 0 && errno == ENOENT)
		error_set(e, "%s is no state directory of a run: there is no file \"lock\" in it", s->path);
	else if (s->lock_fd < 0)
		error_errno(e, "cannot open the state directory %s", dir);
	else if (flock(s->lock_fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		rc = in_use(s, e);
	else
		rc = no_workers(s, e);
	if (rc != STATEDIR_OK)
		statedir_close(s);
	return rc;
}

/* ---- what is in it ----------------------------------------------------------------- */

static int raise_run(struct statedir *s, struct error *e)
{
	struct buf b = { 0 };
	char text[32], *end;
	unsigned long last = 0;
	int found = statedir_read(s, "run", &b, e), n;

	if (found > 0)
		last = strtoul(b.data, &end, 10);
	if (found > 0 && (b.n == 0 || *end != '\n' || last >= UINT32_MAX))
		found = error_set(e, "%s/run is damaged: it should be a number; if no position and no "
		    "state in there matters, remove the directory", s->path);
	buf_free(&b);
	if (found < 0)
		return -1;
	s->run = (uint32_t)last + 1;
	n = snprintf(text, sizeof text, "%u\n", s->run);
	return replace_file(s, "run", text, (size_t)n, e);
}

/* A file is one of a spout's when its name is "ID.INDEX.a" or ".b". */
static bool is_of(const char *name, const char *id)
{
	size_t n = strlen(id), digits;

	if (strncmp(name, id, n) != 0 || name[n] != '.')
		return false;
	name += n + 1;
	digits = strspn(name, "0123456789");
	return digits > 0 && name[digits] == '.' && (name[digits + 1] == 'a' || name[digits + 1] == 'b');
}

static int count_one(int dir, const char *name, void *arg)
{
	(void)dir;
	(void)name;
	(void)arg;
	return 1;
}

static int remove_one(int dir, const char *name, void *id)
{
	return (id == NULL || is_of(name, id)) && unlinkat(dir, name, 0) == 0;
}

/* has_positions: properties of spouts must stay what they were. */
static bool has_positions(const struct statedir *s, const struct topology *t)
{
	if (t->transaction.id != NULL)
		return faccessat(s->fd, "state/" COORDINATOR_ID ".0", F_OK, 0) == 0;
	return each_in(s, "positions", count_one, NULL) > 0;
}

/* drop_unsafe removes the positions that a new run must not use. */
static void drop_unsafe(struct statedir *s, const struct topology *t, struct buf *said)
{
	for (uint32_t i = 0; i < t->n_spouts; i++) {
		char *id = t->components[i].id;

		if (positions_are_safe(t, i) || each_in(s, "positions", remove_one, id) == 0)
			continue;
		buf_printf(said, "%s starts from the beginning: a bolt below it has a finish and no "
		    "state, so what it had taken in was lost with the last run\n", id);
	}
}

/* fit compares with the topology that used the directory last, and notes this one. */
static enum statedir_result fit(struct statedir *s, const struct topology *t, struct buf *said, struct error *e)
{
	struct buf was = { 0 }, now = { 0 };
	struct error why;
	int found = statedir_read(s, "topology", &was, e), rc = found < 0 ? STATEDIR_FAILED : STATEDIR_OK;

	fit_text(&now, t);
	if (found > 0 && fit_check(was.data, buf_text(&now), false, &why) != 0)
		rc = STATEDIR_CONFLICT;
	if (rc == STATEDIR_OK && !s->transactional)
		drop_unsafe(s, t, said);
	if (rc == STATEDIR_OK && found > 0 &&
	    fit_check(was.data, buf_text(&now), has_positions(s, t), &why) != 0)
		rc = STATEDIR_CONFLICT;
	if (rc == STATEDIR_CONFLICT)
		error_set(e, "the state directory %s belongs to another topology: %s; name another "
		    "directory, or remove this one to start from the beginning", s->path, why.text);
	else if (rc == STATEDIR_OK && (found == 0 || strcmp(was.data, buf_text(&now)) != 0))
		rc = replace_file(s, "topology", now.data, now.n, e);
	buf_free(&was);
	buf_free(&now);
	return (enum statedir_result)rc;
}

/* ---- from open to close ------------------------------------------------------------ */

/* take_over is done while no worker of an older run is alive and none can start. */
static enum statedir_result take_over(struct statedir *s, const struct topology *t, struct buf *said,
    struct error *e)
{
	enum statedir_result rc;

	each_in(s, "positions.done", remove_one, NULL);	/* statedir_clear was cut short */
	if (!s->transactional && make_folder(s->fd, "positions") != 0)
		return error_errno(e, "cannot make %s/positions", s->path);
	rc = fit(s, t, said, e);
	if (rc == STATEDIR_OK)
		rc = raise_run(s, e);
	return rc;
}

enum statedir_result statedir_open(struct statedir *s, const char *dir, const struct topology *t,
    struct buf *said, struct error *e)
{
	enum statedir_result rc;
	int workers;

	*s = (struct statedir){ .fd = -1, .lock_fd = -1, .transactional = t->transaction.id != NULL };
	rc = open_dir(s, dir, e);
	if (rc == STATEDIR_OK)
		rc = lock_dir(s, e);
	if (rc == STATEDIR_OK && (workers = lock_workers(s, &rc, e)) >= 0) {
		rc = take_over(s, t, said, e);
		close(workers);
	}
	if (rc != STATEDIR_OK)
		statedir_close(s);
	return rc;
}

/* A rename takes all positions away at once: if they went one by one and this were cut short,
 * a next run would mix spouts that begin with spouts that go on. */
int statedir_clear(struct statedir *s, struct error *e)
{
	if (s->transactional)
		return 0;
	each_in(s, "positions.done", remove_one, NULL);
	if (failpoint("file.rename") || renameat(s->fd, "positions", s->fd, "positions.done") != 0 || fsync(s->fd) != 0)
		return error_errno(e, "cannot remove %s/positions", s->path);
	each_in(s, "positions.done", remove_one, NULL);
	unlinkat(s->fd, "positions.done", AT_REMOVEDIR);
	return 0;
}

void statedir_close(struct statedir *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct statedir){ .fd = -1, .lock_fd = -1 };
}

int statedir_make_temporary(const char *path, struct error *e)
{
	char *positions = xasprintf("%s/positions", path);
	int rc = 0;

	if (make_folder(AT_FDCWD, path) != 0 || make_folder(AT_FDCWD, positions) != 0)
		rc = error_errno(e, "cannot make %s", positions);
	free(positions);
	return rc;
}

/* ---- paths inside ------------------------------------------------------------------ */

void statedir_control(int fd, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" STATEDIR_CONTROL, fd);
}

char *statedir_position(const char *dir, const char *component, uint32_t index)
{
	return xasprintf("%s/positions/%s.%u", dir, component, index);
}

char *statedir_state(const char *dir, const char *component, uint32_t index)
{
	return xasprintf("%s/state/%s.%u", dir, component, index);
}
