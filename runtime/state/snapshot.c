/* snapshot.c - see snapshot.h. SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "buf.h"
#include "call.h"
#include "memory.h"
#include "ourdir.h"

enum { TRIES = 20 };

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), n_end = strlen(end);

	return n > n_end && strcmp(name + n - n_end, end) == 0;
}

static int copy_bytes(int from, int to)
{
	char block[1 << 16];
	ssize_t n;

	while ((n = read(from, block, sizeof block)) != 0) {
		if (n < 0 && errno != EINTR)
			return -1;
		for (ssize_t done = 0, put; done < n; done += put > 0 ? put : 0)
			if ((put = write(to, block + done, (size_t)(n - done))) < 0 && errno != EINTR)
				return -1;
	}
	return 0;
}

static int copy_file(const char *from, const char *to, struct error *e)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = -1;

	if (in < 0) {
		error_errno(e, "can't read %s", from);
	} else if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)) < 0 ||
	    copy_bytes(in, out) != 0) {
		error_errno(e, "can't copy %s to %s, to look at it there", from, to);
	} else {
		rc = 0;
	}
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) != 0 && rc == 0)
		rc = error_errno(e, "can't copy %s to %s, to look at it there", from, to);
	return rc;
}

/* take_table: a table never changes; of a database in use it may be removed any time. */
static int take_table(const char *from, const char *to, bool in_use, struct error *e)
{
	if (!in_use)
		return symlink(from, to) == 0 ? 0 : error_errno(e, "can't make the link %s", to);
	return link(from, to) == 0 ? 0 : copy_file(from, to, e);
}

static bool says_nothing(const char *name)
{
	return name[0] == '.' || strcmp(name, "LOCK") == 0 || strcmp(name, "LOG") == 0 ||
	    strcmp(name, "LOG.old") == 0;
}

static int take_file(const char *from, const char *to, const char *name, bool in_use, struct error *e)
{
	char *source, *target;
	int rc = 0;

	if (says_nothing(name))
		return 0;
	source = xasprintf("%s/%s", from, name);
	target = xasprintf("%s/%s", to, name);
	if (!ends_with(name, ".ldb") && !ends_with(name, ".sst"))
		rc = copy_file(source, target, e);
	else
		rc = take_table(source, target, in_use, e);
	free(source);
	free(target);
	return rc;
}

int snapshot_files(const char *from, const char *to, bool in_use, struct error *e)
{
	DIR *d = opendir(from);
	struct dirent *entry;
	int rc = 0;

	if (d == NULL)
		return error_errno(e, "can't read the state %s", from);
	if (mkdir(to, S_IRWXU) != 0)
		rc = error_errno(e, "can't make %s", to);
	while (rc == 0 && (entry = readdir(d)) != NULL)
		rc = take_file(from, to, entry->d_name, in_use, e);
	closedir(d);
	return rc;
}

/* ---- of a run that goes on ---- */

/* describe makes OUT say which files the database in PATH is made of, and how long its manifest
 * is: if that is the same before and after, nothing was compacted in between. */
static void describe(const char *path, struct buf *out)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, alphasort);

	out->n = 0;
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char *file = xasprintf("%s/%s", path, name);
		struct stat st = { 0 };

		if (!says_nothing(name) && stat(file, &st) == 0)
			buf_printf(out, "%s %lld\n", name, ends_with(name, ".log") ? 0 : (long long)st.st_size);
		free(file);
		free(entries[i]);
	}
	free(entries);
}

static int take_database(const char *from, const char *to, struct error *e)
{
	struct buf before = { 0 }, after = { 0 };
	int rc = -1;

	for (int i = 0; i < TRIES && rc != 0; i++) {
		if (i > 0)
			ourdir_remove(to);
		describe(from, &before);
		rc = snapshot_files(from, to, true, e);
		describe(from, &after);
		if (rc == 0 && (before.n != after.n || (after.n > 0 && memcmp(before.data, after.data, after.n) != 0)))
			rc = error_set(e, "%s changes too fast to be copied", from);
	}
	buf_free(&before);
	buf_free(&after);
	return rc;
}

static int take_databases(const char *dir, const char *into, struct error *e)
{
	char *from = xasprintf("%s/state", dir);
	DIR *d = opendir(from);
	struct dirent *entry;
	int rc = 0;

	if (mkdir(into, S_IRWXU) != 0)
		rc = error_errno(e, "can't make %s", into);
	while (rc == 0 && d != NULL && (entry = readdir(d)) != NULL) {
		char *source = xasprintf("%s/%s", from, entry->d_name);
		char *target = xasprintf("%s/%s", into, entry->d_name);

		if (entry->d_name[0] != '.' && !ends_with(entry->d_name, ".new"))
			rc = take_database(source, target, e);
		free(source);
		free(target);
	}
	if (d != NULL)
		closedir(d);
	free(from);
	return rc;
}

/* ask says WORD and waits for ANSWER. Returns 0, or, with E set, -1, or 1: the supervisor has hung up before
 * anything was copied, since it ends or its coordinator has died. */
static int ask(int fd, const char *dir, const char *word, const char *answer, struct error *e)
{
	bool looks = strcmp(word, "look") == 0, hung_up;
	char text[16] = "";
	ssize_t n = send(fd, word, strlen(word), MSG_NOSIGNAL);

	if (n > 0)
		n = recv(fd, text, sizeof text - 1, 0);
	if (n > 0 && strcmp(text, answer) == 0)
		return 0;
	hung_up = n == 0 || (n < 0 && (errno == EPIPE || errno == ECONNRESET));
	error_set(e, "the run that uses %s %s: try again, or stop it first", dir,
	    looks ? "does not answer" : "could not wait until all was copied");
	return looks && hung_up ? 1 : -1;
}

int snapshot_visit(int fd, const char *dir, const char *into, struct error *e)
{
	struct timeval patience = { .tv_sec = CALL_ANSWER_MS / 1000 };
	int to = call_connect_state(fd, 0), rc;

	if (to < 0)
		return call_may_come(errno) ? 1 : error_errno(e, "the run that uses %s can't be asked", dir);
	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	rc = ask(to, dir, "look", "frozen", e);
	if (rc == 0)
		rc = take_databases(dir, into, e);
	if (rc == 0)
		rc = ask(to, dir, "done", "thawed", e);
	close(to);
	return rc;
}
