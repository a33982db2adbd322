/* rolled.c - a bolt that writes each batch to a file of its own, in one directory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> rolled
 *
 * For transactional topologies. A batch that has tuples for task 3 becomes the file
 * 00000000000000000042-3.tsv, where 42 is its txid, so that the names sort as the batches do.
 * The files of a task appear in this order, each complete, when the batch is decided: who reads the
 * directory sees no half batch, none twice, and none that is undone later. A file that is
 * there may be moved or removed; it does not come again. A batch without tuples makes no file.
 *
 * Until then a batch is in a file .gale-ID/TXID-GENERATION, synced by persist, where ID is this
 * task's for as long as its state lasts. The state has
 *
 *     id              the ID
 *     file TXID       the generation of the attempt whose file it is, 8 bytes each, the txid
 *                     with its highest byte first; from the end of the batch until a later one
 *                     is made after it was published
 *
 * What the state of the last decided batch has no word of is removed by prepare; what it has is
 * renamed by publish. A file that is not there to be renamed was renamed before. Until a batch
 * with the ID is decided, and so some state is sure to know it, the name of the inner directory
 * tells also whose it is: a task whose state has no ID removes it.
 */
#include <dirent.h>
#include <endian.h>

#include "output.h"

/* A batch that is not published, or is, and still in the state. */
struct ended {
	uint64_t txid, generation;
	int fd;			/* to be synced; -1: is */
	bool earlier;		/* another task has made it, and may have published it */
};

struct rolled {
	/* properties */
	const char *path;
	const char *format;

	row_fn *add;
	struct output out;	/* `text` and the file of the batch in hand */
	int dir, inner;		/* `inner` -1: not opened */
	uint64_t id;
	bool known;		/* the id is in the state, */
	uint64_t settles;	/* where this batch is the first that has it, not decided; or 0 */
	bool entered;		/* the inner directory's name is synced */
	struct ended *ended;	/* by txid; the first n_published are published */
	size_t n_published, n_ended, room;
};

/* ---- Names ------------------------------------------------------------------------- */

enum { NAME_SIZE = 80 };

static void temporary_name(char *name, uint64_t txid, uint64_t generation)
{
	snprintf(name, NAME_SIZE, "%llu-%llx", (unsigned long long)txid, (unsigned long long)generation);
}

/* inner_name gives the name of the inner directory, SETTLED or not; the caller frees it. */
static char *inner_name(const struct rolled *r, const gale_ctx *ctx, bool settled)
{
	char *name;
	int n = settled ? asprintf(&name, ".gale-%016llx", (unsigned long long)r->id) :
	    asprintf(&name, ".gale-%016llx-%s-%u.new", (unsigned long long)r->id, ctx->component, ctx->index);
	if (n == -1)
		abort();
	return name;
}

static void final_name(char *name, const struct rolled *r, uint32_t task, uint64_t txid)
{
	snprintf(name, NAME_SIZE, "%020llu-%u.%s", (unsigned long long)txid, task,
	    strcmp(r->format, "lines") == 0 ? "txt" : r->format);
}

/* txid_of gives the batch of the published file NAME, 0: it is none of this task. */
static uint64_t txid_of(const struct rolled *r, uint32_t task, const char *name)
{
	char same[NAME_SIZE];
	uint64_t txid = strtoull(name, NULL, 10);
	final_name(same, r, task, txid);
	return strcmp(same, name) == 0 ? txid : 0;
}

static int cannot(struct rolled *r, gale_ctx *ctx, const char *what, const char *name)
{
	return output_fatal(ctx, "can't %s %s/%s: %s", what, r->path, name, strerror(errno));
}

/* ---- The state --------------------------------------------------------------------- */

struct file_key {
	char file[8];
	uint64_t txid;		/* big endian */
};

static struct file_key file_key(uint64_t txid)
{
	return (struct file_key){ "file", htobe64(txid) };
}

static void add_ended(struct rolled *r, struct ended e)
{
	if (r->n_ended == r->room) {
		r->room = r->room == 0 ? 16 : 2 * r->room;
		r->ended = output_checked(realloc(r->ended, r->room * sizeof *r->ended));
	}
	r->ended[r->n_ended++] = e;
}

static void recall(struct rolled *r, gale_ctx *ctx)
{
	gale_slice id;
	r->known = gale_state_get(ctx, "id", 2, &id) == 1 && id.n == sizeof r->id;
	if (r->known)
		memcpy(&r->id, id.bytes, sizeof r->id);
	else if (getrandom(&r->id, sizeof r->id, 0) != sizeof r->id)
		abort();
	for (gale_scan s = gale_state_scan("file", 4); gale_state_next(ctx, &s);) {
		struct file_key key;
		struct ended e = { .fd = -1, .earlier = true };
		if (s.key.n != sizeof key || s.value.n != sizeof e.generation)
			continue;
		memcpy(&key, s.key.bytes, sizeof key);
		memcpy(&e.generation, s.value.bytes, sizeof e.generation);
		e.txid = be64toh(key.txid);
		add_ended(r, e);
	}
}

/* forget_published takes what is published out of the state. */
static int forget_published(struct rolled *r, gale_ctx *ctx)
{
	for (size_t i = 0; i < r->n_published; i++) {
		struct file_key key = file_key(r->ended[i].txid);
		if (gale_state_delete(ctx, &key, sizeof key) != 0)
			return -1;
	}
	r->n_ended -= r->n_published;
	memmove(r->ended, r->ended + r->n_published, r->n_ended * sizeof *r->ended);
	r->n_published = 0;
	return 0;
}

/* ---- The directory ----------------------------------------------------------------- */

static bool is_ended(const struct rolled *r, const char *name)
{
	char same[NAME_SIZE];
	for (size_t i = 0; i < r->n_ended; i++) {
		temporary_name(same, r->ended[i].txid, r->ended[i].generation);
		if (strcmp(same, name) == 0)
			return true;
	}
	return false;
}

/* each calls FN with the name of each file in the directory FD. */
static int each(struct rolled *r, gale_ctx *ctx, int dir,
    int (*fn)(struct rolled *, gale_ctx *, int dir, const char *name))
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return cannot(r, ctx, "read", "");
	}
	while (!failed && (errno = 0, entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			failed = fn(r, ctx, dir, entry->d_name);
	if (!failed && errno != 0)
		failed = cannot(r, ctx, "read", "");
	closedir(d);
	return failed;
}

static int remove_any(struct rolled *r, gale_ctx *ctx, int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 ? 0 : cannot(r, ctx, "remove", name);
}

/* remove_undone removes the temporary file NAME unless the state knows its batch. */
static int remove_undone(struct rolled *r, gale_ctx *ctx, int dir, const char *name)
{
	return is_ended(r, name) ? 0 : remove_any(r, ctx, dir, name);
}

/* remove_unknown removes the inner directory NAME with all that is in it. */
static int remove_unknown(struct rolled *r, gale_ctx *ctx, const char *name)
{
	int fd = openat(r->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int failed = fd == -1 ? cannot(r, ctx, "read", name) : each(r, ctx, fd, remove_any);
	if (fd != -1)
		close(fd);
	return failed || unlinkat(r->dir, name, AT_REMOVEDIR) == 0 ? failed : cannot(r, ctx, "remove", name);
}

/* look_at refuses a directory where batches to come are there already, and removes an inner one
 * that an undone attempt of this task has left. */
static int look_at(struct rolled *r, gale_ctx *ctx, int dir, const char *name)
{
	(void)dir;
	if (txid_of(r, ctx->index, name) > (r->known ? ctx->txid : 0))
		return output_fatal(ctx, "%s has the output of another run, such as %s: give an empty "
		    "directory, or that run's state", r->path, name);
	char *mine = inner_name(r, ctx, false);
	const char *end = mine + strlen(".gale-0123456789abcdef");
	size_t n = strlen(name), m = strlen(end);
	int failed = n == strlen(mine) && strncmp(name, mine, 6) == 0 && strcmp(name + n - m, end) == 0 ?
	    remove_unknown(r, ctx, name) : 0;
	free(mine);
	return failed;
}

static int register_temporary(struct rolled *r, gale_ctx *ctx, const char *name)
{
	char *path;
	if (asprintf(&path, "%s/%s", r->path, name) == -1)
		abort();
	int failed = gale_temporary(ctx, path);
	free(path);
	return failed;
}

/* open_inner opens the inner directory, MADE when it is missing. 1: it is. */
static int open_inner(struct rolled *r, gale_ctx *ctx, bool made)
{
	char *name = inner_name(r, ctx, r->known && r->settles == 0);
	if (made && register_temporary(r, ctx, name) == 0 && mkdirat(r->dir, name, 0777) == -1 && errno != EEXIST)
		cannot(r, ctx, "make", name);
	r->inner = openat(r->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int failed = r->inner != -1 ? 0 : !made && errno == ENOENT ? 1 : cannot(r, ctx, "open", name);
	free(name);
	return failed;
}

/* settle gives the inner directory the name that the decided state has. */
static int settle(struct rolled *r, gale_ctx *ctx)
{
	char *from = inner_name(r, ctx, false), *to = inner_name(r, ctx, true);
	int failed = register_temporary(r, ctx, to);
	if (!failed && renameat(r->dir, from, r->dir, to) == -1 && errno != ENOENT)
		failed = cannot(r, ctx, "rename", from);
	r->settles = 0;
	free(from);
	free(to);
	return failed;
}

/* take_over finds what earlier tasks have left. */
static int take_over(struct rolled *r, gale_ctx *ctx)
{
	recall(r, ctx);
	if (r->known && settle(r, ctx) != 0)
		return -1;
	if (each(r, ctx, r->dir, look_at) != 0)
		return -1;
	if (r->known && open_inner(r, ctx, false) == -1)
		return -1;
	return r->inner != -1 ? each(r, ctx, r->inner, remove_undone) : 0;
}

static int sync_directory(struct rolled *r, gale_ctx *ctx, int fd)
{
	return fsync(fd) == 0 || errno == EINVAL ? 0 : cannot(r, ctx, "sync", "");
}

static int open_directory(struct rolled *r, gale_ctx *ctx)
{
	if (mkdir(r->path, 0777) == -1 && errno != EEXIST)
		return output_fatal(ctx, "can't make the directory %s: %s", r->path, strerror(errno));
	r->dir = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir == -1)
		return output_fatal(ctx, "can't write to the directory %s: %s", r->path, strerror(errno));
	if (!ctx->state_lasts)
		return 0;
	/* Who has made it may have died before it could sync its name. */
	int parent = openat(r->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = parent == -1 || (fsync(parent) == -1 && errno != EINVAL);
	if (failed)
		output_fatal(ctx, "can't sync the directory above %s: %s", r->path, strerror(errno));
	if (parent != -1)
		close(parent);
	return failed ? -1 : 0;
}

/* ---- The bolt ---------------------------------------------------------------------- */

static int prepare(void *self, gale_ctx *ctx)
{
	struct rolled *r = self;
	r->add = row_format(r->format);
	r->out.fd = r->dir = r->inner = -1;
	if (ctx->generation == 0)
		return gale_fatal(ctx, "rolled writes a file for each batch: it needs a transactional "
		    "topology; elsewhere use file");
	return open_directory(r, ctx) == 0 && take_over(r, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

static int open_temporary(struct rolled *r, gale_ctx *ctx)
{
	char name[NAME_SIZE];
	if (r->inner == -1 && open_inner(r, ctx, true) != 0)
		return -1;
	temporary_name(name, ctx->txid, ctx->generation);
	r->out.fd = openat(r->inner, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (r->out.fd == -1)
		return cannot(r, ctx, "create", name);
	free(r->out.name);
	if (asprintf(&r->out.name, "%s/%s", r->path, name) == -1)
		abort();
	return 0;
}

/* spill writes the text of the batch in hand to its file. */
static int spill(struct rolled *r, gale_ctx *ctx)
{
	if (r->out.fd == -1 && open_temporary(r, ctx) != 0)
		return -1;
	return output_push(&r->out, ctx);
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct rolled *r = self;
	r->add(&r->out.text, ctx, t);
	text_putc(&r->out.text, '\n');
	return r->out.text.n < OUTPUT_WRITE_AT || spill(r, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

static int finish_batch(void *self, gale_ctx *ctx)
{
	struct rolled *r = self;
	struct file_key key = file_key(ctx->txid);
	if (forget_published(r, ctx) != 0 || (r->out.text.n > 0 && spill(r, ctx) != 0))
		return GALE_FATAL;
	if (r->out.fd == -1)
		return GALE_OK;
	add_ended(r, (struct ended){ ctx->txid, ctx->generation, r->out.fd, false });
	r->out.fd = -1;
	if (!r->known && gale_state_put(ctx, "id", 2, &r->id, sizeof r->id) != 0)
		return GALE_FATAL;
	if (!r->known)
		r->settles = ctx->txid;
	r->known = true;
	return gale_state_put(ctx, &key, sizeof key, &ctx->generation, sizeof ctx->generation) == 0 ?
	    GALE_OK : GALE_FATAL;
}

static int persist(void *self, gale_ctx *ctx)
{
	struct rolled *r = self;
	bool any = false;
	for (size_t i = r->n_published; i < r->n_ended && r->ended[i].txid <= ctx->txid; i++) {
		struct ended *e = &r->ended[i];
		char name[NAME_SIZE];
		temporary_name(name, e->txid, e->generation);
		if (e->fd == -1)
			continue;
		if (fdatasync(e->fd) == -1)
			return cannot(r, ctx, "sync", name);
		close(e->fd);
		e->fd = -1;
		any = true;
	}
	if (any && (sync_directory(r, ctx, r->inner) != 0 || (!r->entered && sync_directory(r, ctx, r->dir) != 0)))
		return GALE_FATAL;
	r->entered |= any;
	return GALE_OK;
}

/* publish_as makes the temporary file FROM the file TO, and replaces nothing, also where file
 * systems can't do that in one. */
static int publish_as(struct rolled *r, const char *from, const char *to)
{
	if (renameat2(r->inner, from, r->dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	if (faccessat(r->dir, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(r->inner, from, r->dir, to);
}

static int publish_one(struct rolled *r, gale_ctx *ctx, const struct ended *e)
{
	char from[NAME_SIZE], to[NAME_SIZE];
	temporary_name(from, e->txid, e->generation);
	final_name(to, r, ctx->index, e->txid);
	if (r->inner == -1 && e->earlier)
		return 0;
	if (publish_as(r, from, to) == 0 || (errno == ENOENT && e->earlier))
		return 0;
	if (errno == EEXIST)
		return output_fatal(ctx, "%s/%s is there already: another run writes to this directory; "
		    "give each its own", r->path, to);
	return cannot(r, ctx, "publish", to);
}

static int publish(void *self, gale_ctx *ctx)
{
	struct rolled *r = self;
	size_t before = r->n_published;
	if (r->settles != 0 && r->settles <= ctx->txid && settle(r, ctx) != 0)
		return GALE_FATAL;
	while (r->n_published < r->n_ended && r->ended[r->n_published].txid <= ctx->txid) {
		if (publish_one(r, ctx, &r->ended[r->n_published]) != 0)
			return GALE_FATAL;
		r->n_published++;
	}
	return r->n_published == before || sync_directory(r, ctx, r->dir) == 0 ? GALE_OK : GALE_FATAL;
}

/* cleanup leaves what may be decided; the next prepare knows. */
static void cleanup(void *self, gale_ctx *ctx)
{
	struct rolled *r = self;
	char *name = inner_name(r, ctx, r->known && r->settles == 0);
	for (size_t i = 0; i < r->n_ended; i++)
		if (r->ended[i].fd != -1)
			close(r->ended[i].fd);
	if (r->inner != -1) {
		close(r->inner);
		unlinkat(r->dir, name, AT_REMOVEDIR);	/* if it is empty */
	}
	if (r->dir != -1)
		close(r->dir);
	output_close(&r->out, true);
	free(r->ended);
	free(name);
}

static const gale_component rolled = {
	.name = "Rolled",
	.doc = "Writes each batch of a transactional topology to a file of its own.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct rolled),
	.props = GALE_PROPS(
	    GALE_PROP(struct rolled, path, GALE_PROP_PATH,
		"The directory; made when it is missing, and best empty at the start.",
		.required = true),
	    GALE_PROP(struct rolled, format, GALE_PROP_STRING,
		"How a tuple is written: its first value, all with tabs between, or JSON.",
		.fallback = "tsv", .choices = "lines|tsv|json")),
	.prepare = prepare,
	.execute = execute,
	.cleanup = cleanup,
	.state_version = 1,
	.persist = persist,
	.finish_batch = finish_batch,
	.publish = publish,
};
GALE_PLUGIN(&rolled);
