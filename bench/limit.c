/* limit.c - what this machine can do for an acked word count, with nothing around it.
 *
 *     cc -O2 -o limit limit.c -lzmq
 *     ./limit [-n COUNTERS] [-p PENDING] [-f FRAME] [-k WORDS] FILE LINES
 *
 * Processes joined by ZeroMQ over ipc, one PULL socket each (limit.h):
 *
 *     spout ---lines---> split ---words---> count     COUNTERS of them (1): a word goes
 *      ^  \                |                  |       always to the same one
 *      |   `--init---.     | acks             | acks
 *      |             v     v                  |
 *      `--complete-- acker <------------------'
 *
 * LINES lines are emitted in all, those of FILE over and over; at most PENDING (10000) of
 * them are on their way at a time. Every line and every word carries the root of its tree
 * and an edge of its own, and the acker XORs edges until a tree is zero: the work of an
 * at-least-once topology. But the tuple has one layout, nothing can fail, nothing can be
 * configured, and the tables never grow (WORDS different ones at most, 131072). A runtime is
 * measured as a ratio to this, in the same run. It prints one line, where a line and each of
 * its words count as one tuple:
 *
 *     N lines/s N tuples/s N words N distinct
 *
 * A frame has FRAME bytes at most (65536). Behind the head of a tuple are the length of its
 * text, in 2 bytes, and the text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "limit.h"

enum { TUPLE_HEAD = HEAD_BYTES + 2, MAX_LINE = 8000 };

struct text {
	char **line;
	uint16_t *n;
	long n_lines;
};

static struct text text;
static int counters = 1;
static long most_words = 1 << 17;

static _Noreturn void refuse(const char *why)
{
	fprintf(stderr, "limit: %s\n", why);
	exit(1);
}

static inline void put_tuple(struct output *o, uint64_t root, uint64_t edge, const char *s, uint16_t n)
{
	char *p = reserve(o, (size_t)TUPLE_HEAD + n);

	memcpy(p, &root, 8);
	memcpy(p + 8, &edge, 8);
	memcpy(p + 16, &n, 2);
	memcpy(p + TUPLE_HEAD, s, n);
}

static inline uint64_t hash(const char *s, uint16_t n)
{
	uint64_t h = 1469598103934665603u;	/* FNV-1a */

	for (int i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 1099511628211u;
	return h;
}

/* ---- spout ------------------------------------------------------------------------- */

static struct output *split_in, *spout_ack;
static long next_line;

static void emit(uint64_t root)
{
	uint64_t edge = new_id();

	put_tuple(split_in, root, edge, text.line[next_line], text.n[next_line]);
	put_ack(spout_ack, root, edge);
	next_line = next_line + 1 < text.n_lines ? next_line + 1 : 0;
}

static void spout(int number)
{
	double begin;

	open_input("spout", number, ACK_HWM);
	split_in = open_output("split", 0, DATA_HWM);
	spout_ack = open_output("acker", 0, ACK_HWM);
	begin = now();
	emit_all(emit);
	shared->seconds = now() - begin;
	put_end(split_in);
}

/* ---- split ------------------------------------------------------------------------- */

static struct output *count_of[MOST_WAYS];	/* split's, to each counter */

/* White space is what gale's split takes for it: space, \t, \n, \v, \f, \r. */
static inline bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* split_line emits the words of a line; returns the XOR of their edges. */
static uint64_t split_line(uint64_t root, const char *at, const char *end)
{
	uint64_t edges = 0;

	while (at < end) {
		const char *word = at;
		int to = 0;
		uint64_t edge;

		while (at < end && !is_blank(*at))
			at++;
		if (at > word) {
			edge = new_id();
			edges ^= edge;
			/* The low bits choose the slot in a counter's table. */
			if (counters > 1)
				to = (int)((hash(word, (uint16_t)(at - word)) >> 32) % (uint64_t)counters);
			put_tuple(count_of[to], root, edge, word, (uint16_t)(at - word));
		}
		at++;
	}
	return edges;
}

static void split(int number)
{
	struct output *ack;
	const char *p;
	zmq_msg_t frame;

	open_input("split", number, DATA_HWM);
	for (int i = 0; i < counters; i++)
		count_of[i] = open_output("count", i, DATA_HWM);
	ack = open_output("acker", 0, ACK_HWM);
	zmq_msg_init(&frame);
	for (int n; (n = receive(&frame, &p)) != 1;) {
		for (const char *end = p + n; p < end;) {
			uint64_t root, edge;
			uint16_t n_line;

			memcpy(&root, p, 8);
			memcpy(&edge, p + 8, 8);
			memcpy(&n_line, p + 16, 2);
			p += TUPLE_HEAD;
			edge ^= split_line(root, p, p + n_line);
			put_ack(ack, root, edge);
			p += n_line;
		}
	}
	for (int i = 0; i < counters; i++)
		put_end(count_of[i]);
}

/* ---- count ------------------------------------------------------------------------- */

static struct word {
	char *s;
	uint16_t n;
	long count;
} *words;
static uint64_t word_mask;
static long distinct;

/* count_word looks the word up in an open table. */
static void count_word(const char *s, uint16_t n)
{
	uint64_t h = hash(s, n) & word_mask;

	while (words[h].s != NULL && (words[h].n != n || memcmp(words[h].s, s, n) != 0))
		h = (h + 1) & word_mask;
	if (words[h].s == NULL) {
		words[h].s = memcpy(checked(malloc(n)), s, n);
		words[h].n = n;
		if (++distinct > most_words)
			refuse("too many different words: see -k");
	}
	words[h].count++;
}

/* make_table leaves at least half of it free. */
static void make_table(void)
{
	uint64_t slots = 2;

	while (slots < 2 * (uint64_t)most_words)
		slots *= 2;
	words = checked(calloc(slots, sizeof *words));
	word_mask = slots - 1;
}

static void count(int number)
{
	struct output *ack;
	long n_words = 0;
	const char *p;
	zmq_msg_t frame;

	make_table();
	open_input("count", number, DATA_HWM);
	ack = open_output("acker", 0, ACK_HWM);
	zmq_msg_init(&frame);
	for (int n; (n = receive(&frame, &p)) != 1;) {
		uint64_t last = 0, edges = 0;	/* words of one line come together: one ack */

		for (const char *end = p + n; p < end;) {
			uint64_t root, edge;
			uint16_t n_word;

			memcpy(&root, p, 8);
			memcpy(&edge, p + 8, 8);
			memcpy(&n_word, p + 16, 2);
			count_word(p + TUPLE_HEAD, n_word);
			n_words++;
			p += TUPLE_HEAD + n_word;
			if (root == last) {
				edges ^= edge;
				continue;
			}
			if (last != 0)
				put_ack(ack, last, edges);
			last = root;
			edges = edge;
		}
		if (last != 0)
			put_ack(ack, last, edges);
	}
	__atomic_fetch_add(&shared->tuples, n_words, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->distinct, distinct, __ATOMIC_RELAXED);
}

/* ---- the whole --------------------------------------------------------------------- */

static void read_text(struct text *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	long most = 0;
	ssize_t n;

	if (f == NULL)
		die(path);
	while ((n = getline(&line, &room, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		if (n > MAX_LINE)
			refuse("a line is too long");
		if (t->n_lines == most) {
			most = most ? 2 * most : 1024;
			t->line = checked(realloc(t->line, (size_t)most * sizeof *t->line));
			t->n = checked(realloc(t->n, (size_t)most * sizeof *t->n));
		}
		t->line[t->n_lines] = memcpy(checked(malloc((size_t)n + 1)), line, (size_t)n);
		t->n[t->n_lines++] = (uint16_t)n;
	}
	free(line);
	fclose(f);
	if (t->n_lines == 0)
		refuse("the file is empty");
}

static int usage(void)
{
	fprintf(stderr, "usage: limit [-n COUNTERS] [-p PENDING] [-f FRAME] [-k WORDS] FILE LINES\n"
	    "COUNTERS 1 to %d, PENDING 1 to %d, FRAME from %d, WORDS and LINES from 1\n",
	    MOST_WAYS, MOST_PENDING, TUPLE_HEAD + MAX_LINE);
	return 2;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:p:f:k:")) != -1) {
		long value = option == '?' ? 0 : atol(optarg);

		switch (option) {
		case 'n': counters = (int)value; break;
		case 'p': most_pending = value; break;
		case 'f': frame_bytes = (size_t)value; break;
		case 'k': most_words = value; break;
		default: return usage();
		}
	}
	if (argc - optind != 2)
		return usage();
	total = atol(argv[optind + 1]);
	if (total < 1 || most_pending < 1 || most_pending > MOST_PENDING || counters < 1 ||
	    counters > MOST_WAYS || most_words < 1 || frame_bytes < TUPLE_HEAD + MAX_LINE ||
	    frame_bytes > INT32_MAX)
		return usage();
	read_text(&text, argv[optind]);
	share(3 + counters);
	start(acker, 0);
	for (int i = 0; i < counters; i++)
		start(count, i);
	start(split, 0);
	start(spout, 0);
	if (wait_for_all() != 0)
		return 1;
	printf("%.0f lines/s %.0f tuples/s %ld words %ld distinct\n", (double)total / shared->seconds,
	    (double)(total + shared->tuples) / shared->seconds, shared->tuples, shared->distinct);
	return 0;
}
