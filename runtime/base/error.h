/* error.h - what went wrong, in words, and the end of a process that can't go on.
 *
 * Three kinds are kept apart:
 *   failure   something outside did not do its part (a file, a plugin, a peer): the
 *             function returns -1 and fills a `struct error` with one sentence that names
 *             the thing and what to do. Written once, where the cause is known.
 *   bug       an invariant of ours is broken: assert(), compiled into every build.
 *   no memory die(): the process ends; its supervisor describes it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ERROR_H
#define GALE_ERROR_H

struct error {
	char text[1024];
};

/* error_set writes the sentence and returns -1, so `return error_set(e, ...)` works. A
 * longer text is cut. E may be NULL. */
int error_set(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* error_errno is error_set with ": " and the text of errno at its end. */
int error_errno(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* die writes one line to standard error and ends the process with exit code 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
