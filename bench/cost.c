/* cost.c - the word count on one thread: no processes, no sockets, no acks. What it does less
 * than everybody else is what they have to be worth ("Scalability! But at what COST?",
 * McSherry, Isard, Murray, 2015).
 *
 *     cc -O2 -o cost cost.c
 *     ./cost FILE LINES
 *
 * Counts the words of LINES lines, those of FILE over and over, and prints as limit.c does:
 *
 *     N lines/s N tuples/s N words N distinct
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 1 << 18 };	/* a power of two; at most half of it is used */

static struct word {
	const char *s;
	size_t n;
	long count;
} table[SLOTS];
static long words, distinct;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* count_word looks the word up in an open table by its FNV-1a hash. The text stays, so the table
 * points into it. */
static void count_word(const char *s, size_t n, uint64_t hash)
{
	struct word *w = &table[hash & (SLOTS - 1)];

	while (w->s != NULL && (w->n != n || memcmp(w->s, s, n) != 0))
		w = w == &table[SLOTS - 1] ? table : w + 1;
	if (w->s == NULL) {
		w->s = s;
		w->n = n;
		if (++distinct > SLOTS / 2) {
			fprintf(stderr, "cost: too many different words\n");
			exit(1);
		}
	}
	w->count++;
	words++;
}

/* count_line counts the words up to the end of the line at S, and gives what follows it. White
 * space is what gale's split takes for it: space, \t, \n, \v, \f, \r. */
static const char *count_line(const char *s)
{
	for (;;) {
		const char *word = s;
		uint64_t hash = 1469598103934665603u;

		for (; *s != ' ' && !(*s >= '\t' && *s <= '\r'); s++)
			hash = (hash ^ (uint8_t)*s) * 1099511628211u;
		if (s > word)
			count_word(word, (size_t)(s - word), hash);
		if (*s++ == '\n')
			return s;
	}
}

/* read_text reads all of PATH, and ends it with a newline. */
static char *read_text(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	*n = 0;
	if (f == NULL)
		die(path);
	do {
		if (room - *n < 65536 && (text = realloc(text, room += 1 << 20)) == NULL)
			die("memory");
		*n += fread(text + *n, 1, room - *n - 1, f);
	} while (!feof(f) && !ferror(f));
	if (ferror(f))
		die(path);
	fclose(f);
	if (*n > 0 && text[*n - 1] != '\n')
		text[(*n)++] = '\n';
	return text;
}

int main(int argc, char **argv)
{
	long lines = argc == 3 ? atol(argv[2]) : 0;
	const char *text, *at;
	double seconds;
	size_t n;

	if (lines < 1) {
		fprintf(stderr, "usage: cost FILE LINES\n");
		return 2;
	}
	text = at = read_text(argv[1], &n);
	if (n == 0) {
		fprintf(stderr, "cost: %s is empty\n", argv[1]);
		return 1;
	}
	seconds = now();
	for (long i = 0; i < lines; i++)
		at = count_line(at == text + n ? text : at);
	seconds = now() - seconds;
	printf("%.0f lines/s %.0f tuples/s %ld words %ld distinct\n", (double)lines / seconds,
	    (double)(lines + words) / seconds, words, distinct);
	return 0;
}
