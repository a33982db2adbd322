/* flow.c - see flow.h. SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

static size_t size_of(uint32_t n)
{
	return sizeof(struct flow) + n * sizeof(struct flow_link);
}

/* make_room reserves: a full file system is an error here, and no SIGBUS later. */
static struct flow *make(const char *path, size_t size, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), cause;
	void *page = MAP_FAILED;

	if (fd < 0) {
		error_errno(e, "cannot create the flow page %s", path);
		return NULL;
	}
	do
		cause = posix_fallocate(fd, 0, (off_t)size);
	while (cause == EINTR);
	errno = cause;
	if (cause != 0)
		error_errno(e, "no room for the flow page %s (%zu bytes)", path, size);
	else if ((page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED)
		error_errno(e, "cannot map the flow page %s", path);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

struct flow *flow_create(const char *path, uint32_t worker, uint32_t start, const uint32_t *peers,
    uint32_t n, struct error *e)
{
	char *unfinished = xasprintf("%s.new", path);
	struct flow *f = make(unfinished, size_of(n), e);

	if (f != NULL) {
		*f = (struct flow){ .magic = FLOW_MAGIC, .version = FLOW_VERSION, .worker = worker,
			.start = start, .n = n };
		for (uint32_t i = 0; i < n; i++)
			f->links[i].peer = peers[i];
		if (rename(unfinished, path) < 0) {
			error_errno(e, "cannot name the flow page %s", path);
			flow_close(f);
			f = NULL;
		}
	}
	if (f == NULL)
		unlink(unfinished);
	free(unfinished);
	return f;
}

/* map_whole maps the page if it is one, and whole. */
static const struct flow *map_whole(int fd, const char *path, struct error *e)
{
	struct flow head = { 0 };
	struct stat st;
	void *page;

	if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head || fstat(fd, &st) < 0 ||
	    head.magic != FLOW_MAGIC || head.version != FLOW_VERSION ||
	    (uint64_t)st.st_size < size_of(head.n)) {
		error_set(e, "%s is no flow page that this program reads", path);
		return NULL;
	}
	page = mmap(NULL, size_of(head.n), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		error_errno(e, "cannot map the flow page %s", path);
		return NULL;
	}
	return page;
}

const struct flow *flow_open(const char *path, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const struct flow *f;

	if (fd < 0) {
		error_errno(e, "cannot open the flow page %s", path);
		return NULL;
	}
	f = map_whole(fd, path, e);
	close(fd);
	return f;
}

void flow_close(const struct flow *f)
{
	if (f != NULL)
		munmap((void *)(uintptr_t)f, size_of(f->n));
}

const struct flow_link *flow_find(const struct flow *f, uint32_t peer)
{
	uint32_t low = 0, high = f != NULL ? f->n : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (f->links[middle].peer == peer)
			return &f->links[middle];
		if (f->links[middle].peer < peer)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void flow_inherit(struct flow *f, const struct flow *from)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct flow_link *before = flow_find(from, f->links[i].peer);

		if (before != NULL)
			f->links[i] = *before;
	}
}

void flow_waiting(const struct flow *from, const struct flow *to, uint64_t *frames, uint64_t *bytes)
{
	const struct flow_link *out = to != NULL ? flow_find(from, to->worker) : NULL;
	const struct flow_link *in = from != NULL ? flow_find(to, from->worker) : NULL;
	uint64_t frames_in = 0, bytes_in = 0;

	*frames = *bytes = 0;
	if (out == NULL || in == NULL || out->out_start != to->start)
		return;
	if (in->in_start == from->start) {
		frames_in = in->frames_in;
		bytes_in = in->bytes_in;
	}
	if (out->frames_out > frames_in)
		*frames = out->frames_out - frames_in;
	if (out->bytes_out > bytes_in)
		*bytes = out->bytes_out - bytes_in;
}
