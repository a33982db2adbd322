/* page.h - pages that one process writes and others look at: files in the run directory, mapped
 * shared. What stands on them is told by status.h, overview.h, flow.h and counts.h.
 *
 * A page begins with two words, what it is and in which version. It gets its name when it is whole,
 * so nobody opens half of it; an older page of that name stays as it was for those who have it
 * mapped. Room is reserved and not only promised: a full file system is an error when a page is
 * made, and no SIGBUS at the first store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PAGE_H
#define GALE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct page_kind {
	const char *what;		/* "status page", for messages */
	uint32_t magic, version;
	size_t least;			/* bytes that one has */
	const char *failpoint;		/* where making one fails on demand; NULL: nowhere */
};

/* page_make maps the new file PATH.new of SIZE bytes, zeroed but for its first two words;
 * page_publish gives it the name PATH: PAGE, or NULL when it could not, and then it is closed.
 * Both return NULL with E set. */
void *page_make(const struct page_kind *k, const char *path, size_t size, struct error *e);
void *page_publish(const struct page_kind *k, void *page, const char *path, size_t size, struct error *e);

/* page_open maps an existing one, all of it; *SIZE, if not NULL, becomes its size. NULL with E set when it
 * is of another kind or version, or cut short. page_close unmaps; NULL is allowed. */
void *page_open(const struct page_kind *k, const char *path, bool writable, size_t *size, struct error *e);
void page_close(const void *page, size_t size);

/* page_room reserves SIZE bytes of the file FD, which is PATH, and maps them for writing; what is
 * there stays. NULL with E set. */
void *page_room(const struct page_kind *k, int fd, const char *path, size_t size, struct error *e);

#endif
