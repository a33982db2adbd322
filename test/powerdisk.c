/* powerdisk.c - what a disk has after the power was lost: test/powerdisk BEFORE LOG AFTER [SEED]
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * BEFORE is the directory as it was on the disk at first, LOG what test/powerloss.c has noted
 * since, AFTER is made. Without SEED all that was not synced is gone. With one some of it has
 * come to the disk all the same: of each file's writes the first few, the last of them in part;
 * of each directory's changes the first few.
 *
 * A file's bytes are on the disk when the file is synced, and with them the name that it was made
 * with, as all file systems of Linux have it; other changes of names when the directory is, for a
 * rename one of both. What is done to a name is done in its order: never an older change of it after
 * a newer one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "error.h"
#include "memory.h"
#include "test/powerloss.h"
#include "test/seed.h"

/* A file or a directory. What is pending is not on the disk. */
struct node {
	bool directory;
	struct buf bytes;		/* files: on the disk */
	struct write {
		bool truncate;
		uint64_t offset;
		struct buf bytes;
	} *pending;
	size_t n_pending, pending_room;
	struct name {
		char *name;
		struct node *node;	/* NULL: there is no such name any more */
	} *names, *durable;		/* directories: as seen, and on the disk */
	size_t n_names, names_room, n_durable, durable_room;
};

/* One change of names: a rename is two, maybe in two directories, and on the disk both or none. */
struct change {
	bool done;			/* it is on the disk */
	bool creation;
	struct {
		struct node *directory;
		struct name name;
	} parts[2];
	size_t n;
};

static struct node *root;
static struct name *nameless;		/* by the name that the kernel has for it */
static size_t n_nameless, nameless_room;
static struct change *changes;
static size_t n_changes, changes_room;
static uint64_t lost_writes, lost_names;

/* ---- names ---- */

static void set_name(struct name **names, size_t *n, size_t *room, const char *name, struct node *node)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*names)[i].name, name) == 0) {
			(*names)[i].node = node;
			return;
		}
	*names = xgrow(*names, room, *n + 1, sizeof **names);
	(*names)[(*n)++] = (struct name){ xstrdup(name), node };
}

static struct node *get_name(const struct name *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].node;
	return NULL;
}

static struct node *new_node(bool directory)
{
	struct node *x = xcalloc(1, sizeof *x);

	x->directory = directory;
	return x;
}

/* find gives the directory of PATH and its last part; and what is there, or NULL. */
static struct node *find(char *path, struct node **directory, const char **last)
{
	struct node *at = root;
	char *slash;

	for (; at != NULL && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		*slash = '\0';
		at = get_name(at->names, at->n_names, path);
		*slash = '/';
	}
	if (at == NULL || !at->directory)
		die("the log names %s, and nothing was made there", path);
	*directory = at;
	*last = path;
	if (*path == '\0')
		return at;
	if (*path == '#')
		return get_name(nameless, n_nameless, path);
	return get_name(at->names, at->n_names, path);
}

static struct change *new_change(void)
{
	changes = xgrow(changes, &changes_room, n_changes + 1, sizeof *changes);
	changes[n_changes] = (struct change){ 0 };
	return &changes[n_changes++];
}

/* change_name adds to C that in DIRECTORY NAME is NODE from now on, or nothing. */
static void change_name(struct change *c, struct node *directory, const char *name, struct node *node)
{
	c->parts[c->n].directory = directory;
	c->parts[c->n++].name = (struct name){ xstrdup(name), node };
	set_name(&directory->names, &directory->n_names, &directory->names_room, name, node);
}

static bool is_in(const struct change *c, const struct node *directory)
{
	return c->parts[0].directory == directory || (c->n > 1 && c->parts[1].directory == directory);
}

/* ---- what is on the disk ---- */

static void apply_write(struct buf *file, const struct write *w, size_t n)
{
	size_t end = w->offset + (w->truncate ? 0 : n);

	while (file->n < end)
		buf_add(file, "", 1);
	if (w->truncate)
		file->n = w->offset;
	else if (n > 0)
		memcpy(file->data + w->offset, w->bytes.data, n);
}

static bool same_name(const struct change *a, const struct change *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (a->parts[i].directory == b->parts[j].directory &&
			    strcmp(a->parts[i].name.name, b->parts[j].name.name) == 0)
				return true;
	return false;
}

/* apply_change makes C durable, after all older changes of its names. */
static void apply_change(struct change *c)
{
	for (struct change *older = changes; older < c; older++)
		if (!older->done && same_name(older, c))
			apply_change(older);
	for (size_t i = 0; i < c->n; i++) {
		struct node *d = c->parts[i].directory;

		set_name(&d->durable, &d->n_durable, &d->durable_room, c->parts[i].name.name, c->parts[i].name.node);
	}
	c->done = true;
}

static void drop_pending(struct node *x)
{
	for (size_t i = 0; i < x->n_pending; i++)
		buf_free(&x->pending[i].bytes);
	x->n_pending = 0;
}

static void sync_node(struct node *x)
{
	for (size_t i = 0; i < x->n_pending; i++)
		apply_write(&x->bytes, &x->pending[i], x->pending[i].bytes.n);
	drop_pending(x);
	for (size_t i = 0; i < n_changes; i++)
		if (!changes[i].done &&
		    (is_in(&changes[i], x) || (changes[i].creation && changes[i].parts[0].name.node == x)))
			apply_change(&changes[i]);
}

/* ---- the log ---- */

static void add_write(struct node *x, bool truncate, uint64_t offset, const char *data, size_t n)
{
	struct write *w;

	x->pending = xgrow(x->pending, &x->pending_room, x->n_pending + 1, sizeof *x->pending);
	w = &x->pending[x->n_pending++];
	*w = (struct write){ .truncate = truncate, .offset = offset };
	buf_add(&w->bytes, data, n);
}

/* name_node gives what is at PATH the name TO; the old one is KEPT or not. */
static void name_node(char *path, char *to, bool kept)
{
	struct node *directory, *other, *x;
	const char *name, *new;
	struct change *c;

	x = find(path, &directory, &name);
	find(to, &other, &new);
	c = new_change();
	change_name(c, other, new, x);
	if (!kept)
		change_name(c, directory, name, NULL);
}

static void make_file(struct node *directory, const char *name)
{
	struct change *c;

	if (*name == '#') {
		set_name(&nameless, &n_nameless, &nameless_room, name, new_node(false));
		return;
	}
	c = new_change();
	c->creation = true;
	change_name(c, directory, name, new_node(false));
}

static void play(const struct powerloss *p, char *path, char *data)
{
	struct node *directory, *x;
	const char *name;

	x = find(path, &directory, &name);
	if (x == NULL && p->op == POWERLOSS_UNLINK)
		return;		/* a socket */
	if (x == NULL && p->op != POWERLOSS_CREATE && p->op != POWERLOSS_MKDIR)
		die("the log has %s, which was not made", path);
	switch (p->op) {
	case POWERLOSS_CREATE:
		make_file(directory, name);
		break;
	case POWERLOSS_MKDIR:
		change_name(new_change(), directory, name, new_node(true));
		break;
	case POWERLOSS_WRITE:
	case POWERLOSS_TRUNCATE:
		add_write(x, p->op == POWERLOSS_TRUNCATE, p->offset, data, p->n_data);
		break;
	case POWERLOSS_SYNC:
		sync_node(x);
		break;
	case POWERLOSS_RENAME:
	case POWERLOSS_LINK:
		name_node(path, data, p->op == POWERLOSS_LINK);
		break;
	case POWERLOSS_UNLINK:
		change_name(new_change(), directory, name, NULL);
		break;
	default:
		die("the log has an operation %u", p->op);
	}
}

/* read_text reads N bytes and puts a zero behind them; false: the log ends. */
static bool read_text(FILE *f, char **text, size_t n)
{
	*text = xrealloc(*text, n + 1);
	(*text)[n] = '\0';
	return fread(*text, 1, n, f) == n;
}

static void play_all(const char *log)
{
	FILE *f = fopen(log, "r");
	char *path = NULL, *data = NULL;
	struct powerloss p;

	if (f == NULL)
		die("can't read %s: %s", log, strerror(errno));
	while (fread(&p, sizeof p, 1, f) == 1 && read_text(f, &path, p.n_path) && read_text(f, &data, p.n_data))
		play(&p, path, data);
	free(path);
	free(data);
	fclose(f);
}

/* ---- directories ---- */

static void load_file(struct node *x, int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	char bytes[1 << 16];
	ssize_t n;

	if (fd < 0)
		die("can't read %s: %s", name, strerror(errno));
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		buf_add(&x->bytes, bytes, (size_t)n);
	close(fd);
}

static void load(struct node *x, int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		die("can't read %s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		struct node *y;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
			continue;
		y = new_node(S_ISDIR(st.st_mode));
		set_name(&x->names, &x->n_names, &x->names_room, entry->d_name, y);
		set_name(&x->durable, &x->n_durable, &x->durable_room, entry->d_name, y);
		if (y->directory)
			load(y, fd, entry->d_name);
		else
			load_file(y, fd, entry->d_name);
	}
	closedir(dir);
}

static void save_file(const struct node *x, int at, const char *name)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		die("can't make %s: %s", name, strerror(errno));
	for (size_t done = 0; done < x->bytes.n; ) {
		ssize_t n = write(fd, x->bytes.data + done, x->bytes.n - done);

		if (n < 0)
			die("can't write %s: %s", name, strerror(errno));
		done += (size_t)n;
	}
	close(fd);
}

static void save(const struct node *x, int at, const char *path)
{
	int fd;

	if (mkdirat(at, path, 0700) != 0 || (fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		die("can't make %s: %s", path, strerror(errno));
	for (size_t i = 0; i < x->n_durable; i++)
		if (x->durable[i].node == NULL)
			continue;
		else if (x->durable[i].node->directory)
			save(x->durable[i].node, fd, x->durable[i].name);
		else
			save_file(x->durable[i].node, fd, x->durable[i].name);
	close(fd);
}

/* ---- what comes to the disk by itself ---- */

static void settle_file(struct node *x, uint64_t *seed)
{
	size_t n = seed != NULL ? pick(seed, (unsigned)x->n_pending + 1) : 0;

	for (size_t i = 0; i < n; i++) {
		size_t bytes = x->pending[i].bytes.n;

		apply_write(&x->bytes, &x->pending[i], i + 1 < n ? bytes : pick(seed, (unsigned)bytes + 1));
	}
	lost_writes += x->n_pending - n;
	drop_pending(x);
}

static void settle_names(struct node *x, uint64_t *seed)
{
	unsigned n = 0;

	for (size_t i = 0; i < n_changes; i++)
		n += is_in(&changes[i], x) && !changes[i].done;
	lost_names += n;
	n = seed != NULL ? pick(seed, n + 1) : 0;
	lost_names -= n;
	for (size_t i = 0; i < n_changes && n > 0; i++)
		if (is_in(&changes[i], x) && !changes[i].done) {
			apply_change(&changes[i]);
			n--;
		}
}

static void settle(struct node *x, uint64_t *seed)
{
	if (!x->directory) {
		settle_file(x, seed);
		return;
	}
	settle_names(x, seed);
	for (size_t i = 0; i < x->n_durable; i++)
		if (x->durable[i].node != NULL)
			settle(x->durable[i].node, seed);
}

int main(int argc, char **argv)
{
	uint64_t seed;

	if (argc < 4 || argc > 5)
		die("usage: powerdisk BEFORE LOG AFTER [SEED]");
	root = new_node(true);
	load(root, AT_FDCWD, argv[1]);
	play_all(argv[2]);
	seed = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;
	settle(root, argc == 5 ? &seed : NULL);
	save(root, AT_FDCWD, argv[3]);
	printf("writes=%llu names=%llu are lost\n", (unsigned long long)lost_writes, (unsigned long long)lost_names);
	return 0;
}
