/* streams.c - the acked word count that Redis Streams give a C programmer.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     streams TEXT DIR WARM-UP SECONDS words|lines|RATE
 *
 * Three processes and a redis-server, joined by a Unix socket in DIR:
 *
 *     feed --XADD--> stream "lines" --XREADGROUP--> split --XADD--> "words" --> count
 *
 * A consumer acknowledges (XACK) what it has read once all that follows from it is in Redis;
 * what a consumer that died had not acknowledged is there for its successor: at least once,
 * as long as the server lives, for it writes nothing to disk. What is acknowledged is trimmed.
 * Commands go in batches of up to BATCH entries, and their replies are read together.
 *
 *     words    an entry of "words" is one word
 *     lines    it is all the words of a line: fewer entries, and each is acknowledged as a whole
 *     RATE     no text, but so many numbers a second pass through it, each an entry when it is due;
 *              their times are counted as in ../latency.h, until they are read at the end
 *
 * It stays until it is killed, so that what it costs can be measured to the end.
 *
 * One line in MARK_EVERY ends in a word that carries the time, which becomes a latency. What
 * happens is told by lines in DIR/events, as in ../jvm/Window.java; counts go to DIR/counts.all.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "../latency.h"

enum {
	BATCH = 500,
	MOST_LINES = 2000,	/* in "lines": about so many are on their way */
	MOST_ENTRIES = 5000,	/* in "words" */
	MARK_EVERY = 1000,
	MARK = '\1',		/* no word of the text begins with these */
	END = '\2',
	MOST_WORDS = 8000,	/* in a line */
	ID = 48,		/* bytes of an entry's id */
	SLOTS = 1 << 16,	/* for different words; a power of two */
	MOST_SAMPLES = 1 << 20,
	CONNECT_S = 10
};

/* What the processes have in common, in shared memory. */
struct shared {
	atomic_bool over;	/* nothing more is to be fed */
	atomic_long lines;	/* that were */
	atomic_ulong start_ns;	/* when number 0 was due */
};

struct count {
	char *word;
	long n;
};

static struct shared *shared;
#define KEPT 0.98	/* of the rate, or it can't be kept */

static const char *dir;
static bool by_line;
static uint64_t rate, unmeasured, total;	/* numbers; rate 0: words of the text */

/* Of the counting process. */
static struct count counts[SLOTS];
static long words, distinct;
static double samples[MOST_SAMPLES];
static size_t n_samples;
static double warm_up_s, window_s, begin_s, steady_s;
static long steady_words;
static struct latency latency;

static _Noreturn void refuse(const char *why)
{
	fprintf(stderr, "streams: %s\n", why);
	exit(1);
}

/* die: a call that must not fail has failed. */
static _Noreturn void die(const char *what)
{
	fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void nap(long us)
{
	nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
}

static FILE *open_file(const char *name, const char *mode)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if ((f = fopen(path, mode)) == NULL)
		die(path);
	return f;
}

static void event(const char *format, ...)
{
	FILE *f = open_file("events", "a");
	va_list args;

	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
}

/* ---- Redis ------------------------------------------------------------------------- */

static redisContext *connected(void)
{
	char path[512];
	double deadline = now() + CONNECT_S;

	snprintf(path, sizeof path, "%s/redis.sock", dir);
	do {
		redisContext *c = redisConnectUnix(path);

		if (c != NULL && c->err == 0)
			return c;
		redisFree(c);
		nap(10000);
	} while (now() < deadline);
	refuse("redis-server does not answer");
}

static redisReply *reply_of(redisContext *c)
{
	redisReply *reply;

	if (redisGetReply(c, (void **)&reply) != REDIS_OK)
		refuse(c->errstr);
	if (reply->type == REDIS_REPLY_ERROR)
		refuse(reply->str);
	return reply;
}

static void read_replies(redisContext *c, size_t n)
{
	while (n-- > 0)
		freeReplyObject(reply_of(c));
}

/* send_args sends a command that was put together as words. */
static void send_args(redisContext *c, int n, const char **args, const size_t *lengths)
{
	if (redisAppendCommandArgv(c, n, args, lengths) != REDIS_OK)
		refuse(c->errstr);
}

static void add_entry(redisContext *c, const char *stream, const char *text, size_t n)
{
	const char *args[] = { "XADD", stream, "*", "t", text };
	size_t lengths[] = { 4, strlen(stream), 1, 1, n };

	send_args(c, 5, args, lengths);
}

static long length_of(redisContext *c)
{
	redisReply *reply = reply_of(c);
	long n = (long)reply->integer;

	freeReplyObject(reply);
	return n;
}

/* next_batch waits for entries of STREAM that nobody has read yet; gives the reply that they
 * are in, and them as *ENTRIES. */
static redisReply *next_batch(redisContext *c, const char *stream, redisReply **entries)
{
	for (;;) {
		redisReply *reply;

		redisAppendCommand(c, "XREADGROUP GROUP g c COUNT %d BLOCK 1000 STREAMS %s >", BATCH,
		    stream);
		reply = reply_of(c);
		if (reply->type == REDIS_REPLY_ARRAY) {
			*entries = reply->element[0]->element[1];
			return reply;
		}
		freeReplyObject(reply);
	}
}

/* acknowledge all ENTRIES, and trim them away: they are the oldest, for one reads alone. */
static void acknowledge(redisContext *c, const char *stream, const redisReply *entries)
{
	const char *args[3 + BATCH] = { "XACK", stream, "g" };
	size_t lengths[3 + BATCH] = { 4, strlen(stream), 1 };
	const redisReply *last = NULL;

	for (size_t i = 0; i < entries->elements; i++) {
		last = entries->element[i]->element[0];
		args[3 + i] = last->str;
		lengths[3 + i] = last->len;
	}
	send_args(c, 3 + (int)entries->elements, args, lengths);
	redisAppendCommand(c, "XTRIM %s MINID = %s", stream, last->str);
}

/* fields of an entry: name, value, name, value ... */
static const redisReply *fields(const redisReply *entries, size_t i)
{
	return entries->element[i]->element[1];
}

/* ---- feed -------------------------------------------------------------------------- */

struct text {
	char *bytes;
	size_t n;
};

static struct text read_text(const char *path)
{
	struct text text = { NULL, 0 };
	FILE *f = fopen(path, "re");
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0)
		die(path);
	rewind(f);
	if ((text.bytes = malloc((size_t)n + 1)) == NULL)
		die("memory");
	if ((text.n = fread(text.bytes, 1, (size_t)n, f)) == 0 || text.bytes[text.n - 1] != '\n')
		refuse("a text must end with a newline");
	fclose(f);
	return text;
}

/* feed_line adds the line at AT of the text; gives where the next one is. */
static size_t feed_line(redisContext *c, const struct text *text, size_t at, long number)
{
	char *start = text->bytes + at, marked[8192];
	size_t n = (size_t)((char *)memchr(start, '\n', text->n - at) - start);

	if (number % MARK_EVERY == 0 && n < sizeof marked - 64) {
		memcpy(marked, start, n);
		add_entry(c, "lines", marked,
		    n + (size_t)sprintf(marked + n, " %c%.6f", MARK, now()));
	} else {
		add_entry(c, "lines", start, n);
	}
	at += n + 1;
	return at == text->n ? 0 : at;
}

/* wait_for_room reads the lengths of both streams until they are short enough. */
static void wait_for_room(redisContext *c)
{
	for (;;) {
		long lines, entries;

		redisAppendCommand(c, "XLEN lines");
		redisAppendCommand(c, "XLEN words");
		lines = length_of(c);
		entries = length_of(c);
		if (lines <= MOST_LINES - BATCH && entries <= MOST_ENTRIES)
			return;
		nap(200);
	}
}

static void feed(const char *path)
{
	static const char end = END;
	redisContext *c = connected();
	struct text text = read_text(path);
	size_t at = 0;
	long number = 0;

	while (!shared->over) {
		wait_for_room(c);
		for (int i = 0; i < BATCH; i++)
			at = feed_line(c, &text, at, number++);
		read_replies(c, BATCH);
	}
	shared->lines = number;
	add_entry(c, "lines", &end, 1);
	read_replies(c, 1);
}

/* add_due adds the numbers from K on that are due, a batch at most; gives how many. */
static size_t add_due(redisContext *c, uint64_t k)
{
	uint64_t at = latency_now(), start_ns = shared->start_ns;
	char number[24];
	size_t n = 0;

	for (; n < BATCH && k < total && latency_due(start_ns, k, rate) <= at; n++, k++)
		add_entry(c, "lines", number, (size_t)sprintf(number, "%llu", (unsigned long long)k));
	return n;
}

static void feed_numbers(void)
{
	static const char end = END;
	redisContext *c = connected();
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t times;

	if (timer < 0)
		die("timer");
	shared->start_ns = latency_now();
	for (uint64_t k = 0; k < total;) {
		size_t n = add_due(c, k);

		read_replies(c, n);
		k += n;
		if (n == 0 && (latency_ring(timer, latency_due(shared->start_ns, k, rate)) != 0 ||
		    read(timer, &times, sizeof times) < 0))
			die("timer");
	}
	shared->lines = (long)total;
	add_entry(c, "lines", &end, 1);
	read_replies(c, 1);
}

/* ---- split ------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* find_words fills ARGS from FROM on with the words of LINE, a name before each. */
static int find_words(const redisReply *line, const char **args, size_t *lengths, int from)
{
	const char *at = line->str, *end = at + line->len;
	int n = from;

	while (n + 2 <= MOST_WORDS) {
		while (at < end && is_blank(*at))
			at++;
		if (at == end)
			break;
		args[n] = "t";
		lengths[n++] = 1;
		args[n] = at;
		while (at < end && !is_blank(*at))
			at++;
		lengths[n] = (size_t)(at - args[n]);
		n++;
	}
	return n;
}

/* split_line sends the words of a line on; gives how many commands that took. */
static size_t split_line(redisContext *c, const redisReply *line)
{
	static const char *args[MOST_WORDS] = { "XADD", "words", "*" };
	static size_t lengths[MOST_WORDS] = { 4, 5, 1 };
	int n = find_words(line, args, lengths, 3);

	if (n == 3)
		return 0;
	if (by_line) {
		send_args(c, n, args, lengths);
		return 1;
	}
	for (int i = 3; i < n; i += 2)
		add_entry(c, "words", args[i + 1], lengths[i + 1]);
	return (size_t)(n - 3) / 2;
}

static void split(void)
{
	redisContext *c = connected();

	for (;;) {
		redisReply *entries, *reply = next_batch(c, "lines", &entries);
		size_t sent = 0;

		for (size_t i = 0; i < entries->elements; i++)
			sent += split_line(c, fields(entries, i)->element[1]);
		acknowledge(c, "lines", entries);
		read_replies(c, sent + 2);
		freeReplyObject(reply);
	}
}

/* ---- count ------------------------------------------------------------------------- */

static void count_word(const char *word, size_t n)
{
	uint64_t hash = 14695981039346656037u;	/* FNV-1a */
	size_t slot;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)word[i]) * 1099511628211u;
	slot = hash & (SLOTS - 1);
	while (counts[slot].word != NULL &&
	    (strncmp(counts[slot].word, word, n) != 0 || counts[slot].word[n] != '\0'))
		slot = (slot + 1) & (SLOTS - 1);
	if (counts[slot].word == NULL) {
		if (++distinct > SLOTS / 2 || (counts[slot].word = strndup(word, n)) == NULL)
			refuse("too many different words");
	}
	counts[slot].n++;
	words++;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static long quantile_us(double q)
{
	return n_samples == 0 ? -1 : (long)(samples[(size_t)(q * (double)(n_samples - 1))] * 1e6);
}

/* watch_numbers begins the window and ends it, with the last number. */
static void watch_numbers(void)
{
	double t = now(), took = t - steady_s;

	if (steady_s == 0 && (uint64_t)words >= unmeasured) {
		steady_s = t;
		steady_words = words;
		event("steady\n");
	} else if (steady_s > 0 && (uint64_t)words == total && !shared->over) {
		bool kept = (double)(words - steady_words) >= KEPT * (double)rate * took;

		event("window %.6f %ld %.1f %.1f\n", took, words - steady_words,
		    kept ? latency_us(&latency, 50) : -1, kept ? latency_us(&latency, 99) : -1);
		shared->over = true;
	}
}

/* watch_clock begins and ends the window. */
static void watch_clock(void)
{
	double t = now();

	if (rate > 0) {
		watch_numbers();
		return;
	}
	if (steady_s == 0 && t - begin_s >= warm_up_s) {
		steady_s = t;
		steady_words = words;
		event("steady\n");
	} else if (steady_s > 0 && !shared->over && t - steady_s >= window_s) {
		qsort(samples, n_samples, sizeof *samples, compare);
		event("window %.6f %ld %ld %ld\n", t - steady_s, words - steady_words,
		    quantile_us(0.5), quantile_us(0.99));
		shared->over = true;
	}
}

static void write_counts(void)
{
	FILE *f = open_file("counts.all", "w");

	for (size_t i = 0; i < SLOTS; i++)
		if (counts[i].word != NULL)
			fprintf(f, "%s\t%ld\n", counts[i].word, counts[i].n);
	if (fclose(f) != 0)
		die("counts.all");
}

static void take_number(uint64_t k)
{
	words++;
	if (k >= unmeasured)
		latency_add(&latency, latency_now() - latency_due(shared->start_ns, k, rate));
}

/* take gives false when the word was the end. */
static bool take(const redisReply *word)
{
	if (word->str[0] == END)
		return false;
	if (rate > 0)
		take_number(strtoull(word->str, NULL, 10));
	else if (word->str[0] != MARK)
		count_word(word->str, word->len);
	else if (steady_s > 0 && !shared->over && n_samples < MOST_SAMPLES)
		samples[n_samples++] = now() - strtod(word->str + 1, NULL);
	return true;
}

static void count(void)
{
	redisContext *c = connected();
	bool going = true;

	begin_s = now();
	while (going) {
		redisReply *entries, *reply = next_batch(c, "words", &entries);

		for (size_t i = 0; i < entries->elements; i++)
			for (size_t k = 1; k < fields(entries, i)->elements; k += 2)
				going = take(fields(entries, i)->element[k]) && going;
		acknowledge(c, "words", entries);
		read_replies(c, 2);
		freeReplyObject(reply);
		watch_clock();
	}
	write_counts();
	event("done %ld 0\n", atomic_load(&shared->lines));
}

/* ---- all of it --------------------------------------------------------------------- */

/* begin_process gives true in a new process, which ends with this one. */
static bool begin_process(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return false;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		exit(1);
	return true;
}

static void start_server(void)
{
	char path[512];
	redisContext *c;

	snprintf(path, sizeof path, "%s/redis.sock", dir);
	if (begin_process()) {
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
		    "--appendonly", "no", "--dir", dir, "--loglevel", "warning", (char *)NULL);
		die("redis-server");
	}
	c = connected();
	redisAppendCommand(c, "XGROUP CREATE lines g $ MKSTREAM");
	redisAppendCommand(c, "XGROUP CREATE words g $ MKSTREAM");
	read_replies(c, 2);
	redisFree(c);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		refuse("usage: streams TEXT DIR WARM-UP SECONDS words|lines|RATE");
	dir = argv[2];
	warm_up_s = strtod(argv[3], NULL);
	window_s = strtod(argv[4], NULL);
	by_line = strcmp(argv[5], "lines") == 0;
	rate = strtoull(argv[5], NULL, 10);
	unmeasured = rate * (uint64_t)warm_up_s;
	total = unmeasured + rate * (uint64_t)window_s;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("memory");
	start_server();
	if (begin_process()) {
		if (rate > 0)
			feed_numbers();
		else
			feed(argv[1]);
		return 0;
	}
	if (begin_process())
		split();
	count();
	for (;;)
		pause();
}
