/* counts.c - see counts.h. SPDX-License-Identifier: Apache-2.0 */
#include "counts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page.h"

static size_t size_of(uint32_t n)
{
	return n * sizeof(struct counts_place);
}

/* It has no head: places are the same from the first start of a run to its end. */
static const struct page_kind kind = { .what = "counters of tasks" };

struct counts_place *counts_open(const char *path, uint32_t n, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct counts_place *places;

	if (fd < 0) {
		error_errno(e, "cannot open the counters of tasks %s", path);
		return NULL;
	}
	places = page_room(&kind, fd, path, size_of(n), e);
	close(fd);
	return places;
}

const struct counts_place *counts_look(const char *path, uint32_t n, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *page = MAP_FAILED;
	struct stat st;

	if (fd < 0) {
		error_errno(e, "cannot open the counters of tasks %s", path);
		return NULL;
	}
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < size_of(n))
		error_set(e, "%s is cut short: it has not the counters of %u tasks", path, n);
	else if ((page = mmap(NULL, size_of(n), PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED)
		error_errno(e, "cannot map the counters of tasks %s", path);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

void counts_close(const struct counts_place *places, uint32_t n)
{
	page_close(places, size_of(n));
}

static void add_page(struct counts *c, const struct status *page)
{
	for (uint32_t i = 0; i < STATUS_STREAMS; i++) {
		c->emitted += page->streams[i].emitted;
		c->transferred += page->streams[i].transferred;
	}
	c->executed += page->executed;
	c->acked += page->acked;
	c->failed += page->failed;
	c->timed_out += page->timed_out;
	c->dead_lettered += page->dead_lettered;
}

static int is_folded(const struct counts_place *p, const struct status *page)
{
	return p->start != 0 && p->worker == page->worker && p->start >= page->start;
}

void counts_fold(struct counts_place *p, const struct status *page)
{
	if (is_folded(p, page))
		return;
	atomic_fetch_add(&p->changes, 1);
	add_page(&p->n, page);
	p->worker = page->worker;
	p->start = page->start;
	atomic_fetch_add(&p->changes, 1);
}

/* Tried again while a page is being folded in: it would count twice, or not at all. Not for ever: the
 * supervisor may have died just then. */
struct counts counts_total(const struct counts_place *p, const struct status *page)
{
	struct counts sum = { 0 };
	uint64_t before;

	for (int tries = 0; tries < 1000; tries++) {
		before = p != NULL ? atomic_load(&p->changes) : 0;
		sum = p != NULL ? p->n : (struct counts){ 0 };
		sum.executed += p != NULL ? p->passed : 0;
		sum.acked += p != NULL ? p->passed : 0;
		if (page != NULL && (p == NULL || !is_folded(p, page)))
			add_page(&sum, page);
		atomic_thread_fence(memory_order_acquire);
		if (p == NULL || (before % 2 == 0 && atomic_load(&p->changes) == before))
			break;
	}
	return sum;
}
