/* memory.c - see memory.h. SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "failpoint.h"

static void *checked(void *p, size_t size)
{
	if (p == NULL && size > 0)
		die("out of memory: %zu bytes", size);
	return p;
}

void *xmalloc(size_t size)
{
	return checked(failpoint("alloc") ? NULL : malloc(size), size);
}

void *xcalloc(size_t n, size_t size)
{
	return checked(failpoint("alloc") ? NULL : calloc(n, size), n * size);
}

void *xrealloc(void *p, size_t size)
{
	return checked(failpoint("alloc") ? NULL : realloc(p, size), size);
}

char *xstrndup(const char *s, size_t n)
{
	char *copy = xmalloc(n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xvasprintf(const char *format, va_list args)
{
	char *s;

	if (vasprintf(&s, format, args) < 0)
		die("out of memory: formatting \"%s\"", format);
	return s;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	s = xvasprintf(format, args);
	va_end(args);
	return s;
}

void *xgrow(void *p, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap ? *cap : 8;

	if (n <= *cap)
		return p;
	while (want < n)
		want *= 2;
	if (want > SIZE_MAX / size)
		die("out of memory: %zu items of %zu bytes", want, size);
	p = xrealloc(p, want * size);
	*cap = want;
	return p;
}
