/* memory.h - allocation that does not fail: without memory the process ends (error.h).
 * Everything is freed with free().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MEMORY_H
#define GALE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);		/* zeroed; N * SIZE may not overflow */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);	/* adds the NUL */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* xgrow makes room for N items of SIZE bytes in the array at P, which has room for *CAP,
 * doubling; returns the array, moved or not. */
void *xgrow(void *p, size_t *cap, size_t n, size_t size);

#endif
