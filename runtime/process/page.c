/* page.c - see page.h. SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "memory.h"

/* What all begin with. */
struct head {
	uint32_t magic, version;
};

static void *map(int fd, size_t size, bool writable)
{
	void *page = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

void *page_room(const struct page_kind *k, int fd, const char *path, size_t size, struct error *e)
{
	void *page = NULL;
	int cause;

	do
		cause = k->failpoint != NULL && failpoint(k->failpoint) ? errno : posix_fallocate(fd, 0, (off_t)size);
	while (cause == EINTR);
	errno = cause;
	if (cause != 0)
		error_errno(e, "no room for the %s %s (%zu bytes)", k->what, path, size);
	else if ((page = map(fd, size, true)) == NULL)
		error_errno(e, "cannot map the %s %s", k->what, path);
	return page;
}

void *page_make(const struct page_kind *k, const char *path, size_t size, struct error *e)
{
	char *unfinished = xasprintf("%s.new", path);
	int fd = open(unfinished, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	struct head *head = NULL;

	if (fd < 0) {
		error_errno(e, "cannot create the %s %s", k->what, unfinished);
	} else {
		head = page_room(k, fd, unfinished, size, e);
		close(fd);
		if (head != NULL)
			*head = (struct head){ k->magic, k->version };
		else
			unlink(unfinished);
	}
	free(unfinished);
	return head;
}

void *page_publish(const struct page_kind *k, void *page, const char *path, size_t size, struct error *e)
{
	char *unfinished = xasprintf("%s.new", path);

	if (rename(unfinished, path) != 0) {
		error_errno(e, "cannot name the %s %s", k->what, path);
		page_close(page, size);
		unlink(unfinished);
		page = NULL;
	}
	free(unfinished);
	return page;
}

/* check: version first, for a page of another version may well have another size. */
static int check(const struct page_kind *k, int fd, const char *path, size_t *size, struct error *e)
{
	struct head head = { 0 };
	ssize_t n = pread(fd, &head, sizeof head, 0);
	struct stat st;

	if (n < 0 || fstat(fd, &st) < 0)
		return error_errno(e, "cannot read the %s %s", k->what, path);
	if (n != sizeof head)
		return error_set(e, "the %s %s is cut short: %zd bytes", k->what, path, n);
	if (head.magic != k->magic)
		return error_set(e, "%s is no %s", path, k->what);
	if (head.version != k->version)
		return error_set(e, "the %s %s has version %u; this program reads %u", k->what, path, head.version,
		    k->version);
	if ((uint64_t)st.st_size < k->least)
		return error_set(e, "the %s %s is cut short: %lld of %zu bytes", k->what, path, (long long)st.st_size,
		    k->least);
	*size = (size_t)st.st_size;
	return 0;
}

void *page_open(const struct page_kind *k, const char *path, bool writable, size_t *size, struct error *e)
{
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	void *page = NULL;
	size_t whole = 0;

	if (fd < 0) {
		error_errno(e, "cannot open the %s %s", k->what, path);
		return NULL;
	}
	if (check(k, fd, path, &whole, e) == 0 && (page = map(fd, whole, writable)) == NULL)
		error_errno(e, "cannot map the %s %s", k->what, path);
	close(fd);
	if (page != NULL && size != NULL)
		*size = whole;
	return page;
}

void page_close(const void *page, size_t size)
{
	if (page != NULL)
		munmap((void *)(uintptr_t)page, size);
}
