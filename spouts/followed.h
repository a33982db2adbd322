/* followed.h - the part of the spout `lines` that follows a file as `tail -F` does: over renames,
 * truncations and rotations, also those that happened while nobody was looking.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FOLLOWED_H
#define GALE_FOLLOWED_H

#include "lines.h"

/* ---- Followed files ---------------------------------------------------------------- */

enum {
	FILE_EVENTS = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF,
	DIR_EVENTS = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
	    IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR
};

/* has_part tells whether NAME is one of the names that PATH is made of. */
static inline bool has_part(const char *path, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, name, n) == 0 && (p[n] == '/' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* concerns tells whether an event may be about our file: directories report all that is in
 * them. */
static inline bool concerns(const struct lines *l, const struct inotify_event *event)
{
	return event->len == 0 || has_part(l->path, event->name) ||
	    (l->real != NULL && has_part(l->real, event->name));
}

/* take_events empties the inotify queue and tells whether anything in it concerns us. */
static inline bool take_events(struct lines *l)
{
	_Alignas(struct inotify_event) char events[4096];
	bool any = false;
	ssize_t n;
	while ((n = read(l->inotify, events, sizeof events)) > 0) {
		for (char *p = events; p < events + n;) {
			const struct inotify_event *event = (const void *)p;
			any = any || concerns(l, event);
			p += sizeof *event + event->len;
		}
	}
	return any;
}

/* watch_above watches the nearest directory above PATH that is there, and gives the length
 * of its name, or -1. */
static inline ssize_t watch_above(struct lines *l, const char *path)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", path);
	for (;;) {
		char *slash = strrchr(dir, '/');
		bool root = slash == NULL || slash == dir;
		strcpy(root ? dir : slash, root ? "/" : "");
		if (inotify_add_watch(l->inotify, dir, DIR_EVENTS) != -1)
			return (ssize_t)strlen(dir);
		if (root || (errno != ENOENT && errno != ENOTDIR))
			return -1;
	}
}

/* watch_path watches for anything that may make PATH another file. A directory that is made
 * just before its parent is watched makes no event, hence the second look. */
static inline int watch_path(struct lines *l, gale_ctx *ctx, const char *path)
{
	ssize_t last = -2, now = -2;
	do {
		last = now;
		now = watch_above(l, path);
	} while (now > last && now != -1);
	if (now != -1)
		return 0;
	return fatal(ctx, "can't watch the directory of %s: %s%s", path, strerror(errno),
	    errno == ENOSPC ? "; raise fs.inotify.max_user_watches" :
	    "; to follow a file takes the right to list its directory");
}

static inline int watch_all(struct lines *l, gale_ctx *ctx)
{
	if (watch_path(l, ctx, l->path) != 0)
		return -1;
	char *real = realpath(l->path, NULL);
	if (real == NULL)
		return 0;
	free(l->real);
	l->real = real;
	return strcmp(real, l->path) == 0 || watch_path(l, ctx, real) == 0 ? 0 : -1;
}

/* identify tells which file FD is. */
static inline bool identify(int fd, struct past_file *file)
{
	struct statx x;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &x) != 0)
		return false;
	*file = (struct past_file){
		.device = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor, .inode = x.stx_ino,
	};
	if (x.stx_mask & STATX_BTIME)
		file->born_ns = (uint64_t)x.stx_btime.tv_sec * 1000000000 + x.stx_btime.tv_nsec;
	return true;
}

static inline bool same_file(const struct past_file *a, const struct past_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->born_ns == b->born_ns;
}

/* add_past: FILE is what is read from here on. */
static inline int add_past(struct lines *l, gale_ctx *ctx, const struct past_file *file)
{
	l->past.tag = PAST_MARK;
	if (l->n_past == MAX_PAST)
		memmove(l->past.files, l->past.files + 1, --l->n_past * sizeof *l->past.files);
	l->past.files[l->n_past] = *file;
	l->past.files[l->n_past++].base = l->base;
	return tell(l, ctx);
}

/* open_path opens the path, or says why it can't be; then l->fd is -1. */
static inline void open_path(struct lines *l, gale_ctx *ctx)
{
	struct stat st;
	l->fd = open(l->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (l->fd == -1 || fstat(l->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		if (!l->missing)
			say(l, ctx, GALE_WARN, l->fd != -1 ? "is no regular file; waiting for one" :
			    errno == ENOENT ? "is not there yet; waiting for it" :
			    "can't be opened; waiting until it can");
		l->missing = true;
		if (l->fd != -1)
			close(l->fd);
		l->fd = -1;
	} else {
		l->missing = false;
	}
}

/* watch_file watches the file that is open. By this name inotify finds it, whatever has
 * happened to the path since. */
static inline int watch_file(struct lines *l, gale_ctx *ctx)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", l->fd);
	l->file_watch = inotify_add_watch(l->inotify, name, FILE_EVENTS);
	return l->file_watch == -1 ? cannot(l, ctx, "watch", "") : 0;
}

/* open_followed opens what is at the path now. 0: it is open, or there is nothing to open
 * yet. */
static inline int open_followed(struct lines *l, gale_ctx *ctx)
{
	struct past_file file;
	open_path(l, ctx);
	if (l->fd == -1)
		return 0;
	if (watch_file(l, ctx) != 0)
		return -1;
	if (!identify(l->fd, &file))
		return cannot(l, ctx, "look at", "");
	return add_past(l, ctx, &file);
}

/* start_anew forgets what was read and counts from 0 again. What stood behind the last
 * newline is a line that was broken off, and is emitted. */
static inline int start_anew(struct lines *l, gale_ctx *ctx)
{
	if (emit_rest(l, ctx) != 0)
		return -1;
	l->base += l->position;
	l->position = 0;
	return tell(l, ctx);
}

/* truncated starts anew in the same file: what lines before were made of is gone. */
static inline int truncated(struct lines *l, gale_ctx *ctx)
{
	struct past_file file;
	say(l, ctx, GALE_INFO, "was truncated; reading from its start");
	if (start_anew(l, ctx) != 0)
		return -1;
	if (lseek(l->fd, 0, SEEK_SET) == -1 || !identify(l->fd, &file))
		return cannot(l, ctx, "go back to the start of", "");
	for (size_t i = 0; i < l->n_past; i++)
		if (same_file(&l->past.files[i], &file))
			l->past.files[i].inode = 0;
	return add_past(l, ctx, &file);
}

/* ---- Files that were rotated away -------------------------------------------------- */

/* What is looked for, and found, among the files that stand beside PATH and have a name that
 * begins as PATH's does: names that rotation gives. */
struct beside {
	const struct lines *lines;
	const struct past_file *file;	/* which one, or whose successor, is looked for */
	struct past_file best;
	int found;			/* a descriptor, or -1 */
};

typedef bool suits_fn(const struct beside *b, const char *suffix, const struct past_file *one);

static inline void look_beside(struct beside *b, const char *path, suits_fn *suits)
{
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/') + 1;
	size_t n = strlen(name);
	snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
	DIR *d = opendir(folder);
	struct dirent *entry;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		struct past_file one;
		struct stat st;
		if (strncmp(entry->d_name, name, n) != 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
			continue;
		int fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		bool good = fd != -1 && identify(fd, &one) && suits(b, entry->d_name + n, &one);
		int old = good ? b->found : fd;
		if (old != -1)
			close(old);
		if (good) {
			b->found = fd;
			b->best = one;
		}
	}
	if (d != NULL)
		closedir(d);
}

static inline bool is_it(const struct beside *b, const char *suffix, const struct past_file *one)
{
	(void)suffix;
	return same_file(one, b->file);
}

/* find_file gives a descriptor of FILE, wherever rotation has put it, or -1. */
static inline int find_file(const struct lines *l, const struct past_file *file)
{
	struct beside b = { .lines = l, .file = file, .found = -1 };
	if (file->inode != 0)
		look_beside(&b, l->path, is_it);
	if (file->inode != 0 && b.found == -1 && l->real != NULL)
		look_beside(&b, l->real, is_it);
	return b.found;
}

/* is_next: a file that was rotated away too, the first one made after b->file. */
static inline bool is_next(const struct beside *b, const char *suffix, const struct past_file *one)
{
	if (*suffix == '\0' || suffix[strspn(suffix, "-._0123456789")] != '\0' ||
	    one->born_ns <= b->file->born_ns || b->file->born_ns == 0)
		return false;
	for (size_t i = 0; i < b->lines->n_past; i++)
		if (same_file(one, &b->lines->past.files[i]))
			return false;
	return b->found == -1 || one->born_ns < b->best.born_ns;
}

/* open_next opens what follows the file FILE: one that was rotated away since, or what is at
 * the path. Compressed ones and copies have other names or were made by others, and are no
 * part of the row. */
static inline int open_next(struct lines *l, gale_ctx *ctx, const struct past_file *file)
{
	struct beside b = { .lines = l, .file = file, .found = -1 };
	look_beside(&b, l->path, is_next);
	if (b.found == -1)
		return open_followed(l, ctx);
	l->fd = b.found;
	l->leaving = true;
	return watch_file(l, ctx) == 0 ? add_past(l, ctx, &b.best) : -1;
}

/* change_over leaves a file that has been replaced, and was read to its end, for the next. */
static inline enum outcome change_over(struct lines *l, gale_ctx *ctx)
{
	struct past_file last = l->past.files[l->n_past - 1];
	if (start_anew(l, ctx) != 0)
		return FAILED;
	say(l, ctx, GALE_INFO, "was replaced; reading the new file");
	inotify_rm_watch(l->inotify, l->file_watch);
	close(l->fd);
	l->leaving = false;
	return open_next(l, ctx, &last) == 0 ? MORE : FAILED;
}

/* has_successor: what is at the path now is another file than OPEN_ONE, and has its first byte. */
static inline bool has_successor(const struct lines *l, const struct stat *open_one)
{
	struct stat at_path;
	return stat(l->path, &at_path) == 0 && at_path.st_size > 0 &&
	    (at_path.st_ino != open_one->st_ino || at_path.st_dev != open_one->st_dev);
}

/* look finds out what an event was about. Watches are set before anything is looked at, so what
 * happens afterwards makes an event: also a successor's, for its first byte may be written at any time. */
static inline enum outcome look(struct lines *l, gale_ctx *ctx)
{
	if (watch_all(l, ctx) != 0)
		return FAILED;
	if (l->fd == -1)
		return open_followed(l, ctx) == 0 ? MORE : FAILED;

	struct stat open_one;
	if (fstat(l->fd, &open_one) == -1) {
		cannot(l, ctx, "look at", "");
		return FAILED;
	}
	uint64_t read_so_far = l->position + reader_held(&l->in);
	if ((uint64_t)open_one.st_size < read_so_far && truncated(l, ctx) != 0)
		return FAILED;
	inotify_add_watch(l->inotify, l->path, FILE_EVENTS);	/* if anything is there */
	l->leaving = l->leaving || has_successor(l, &open_one);
	return MORE;
}

static inline enum outcome more_of_followed(struct lines *l, gale_ctx *ctx)
{
	if (l->fd != -1) {
		enum outcome got = fill(l, ctx, UINT64_MAX);
		if (got != END)
			return got;
		if (l->leaving)
			return change_over(l, ctx);
	}
	return take_events(l) ? look(l, ctx) : wait_for(l, ctx, l->inotify);
}

#endif
