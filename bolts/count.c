/* count.c - a bolt that counts words in memory and says how often each came, at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (word: string) --> count --default--> (word: string, count: int)
 *
 * Feed it with FIELDS on `word`, so that all of a word comes to one task. Nothing is emitted
 * before the input has ended. The counts die with the worker; what outlives it is another
 * bolt's business.
 *
 * The table has three parts, each as small as it can be, for the time goes into fetching
 * memory and not into computing:
 *
 *     slots      open addressing: 32 bits of the hash and the number of a word, 8 bytes a
 *                slot; at most 3 of 4 are taken, then their number doubles
 *     words      in the order in which they first came: the first eight bytes, where the text
 *                is, its length, the count
 *     text       the words' bytes one behind the other, in large blocks
 *
 * To look a word up takes one line of memory of each, and of the text only where it is longer
 * than eight bytes; a slot whose 32 bits of hash differ is passed over without looking further.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <gale/gale.h>

enum {
	FIRST_SLOTS = 1024,	/* a power of two */
	BLOCK = 64 << 10,	/* bytes of text in a block */
	BATCH = 64		/* words a call of finish */
};

struct slot {
	uint32_t hash;
	uint32_t word;		/* number of a word plus 1; 0: the slot is free */
};

struct word {
	uint64_t head;		/* its first eight bytes; those it has not are 0 */
	const char *text;
	int64_t count;
	uint32_t n;
};

struct block {
	struct block *previous;
	char text[];
};

struct count {
	struct slot *slots;
	size_t n_slots;		/* a power of two */
	struct word *words;
	uint32_t n_words;
	size_t words_room;
	struct block *block;	/* the newest */
	char *text;		/* what is free in it */
	size_t text_room;
	uint32_t finished;	/* words emitted by finish */
};

/* Memory that isn't there ends the worker, loudly: nothing sensible can go on. */
static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "count: out of memory\n");
		abort();
	}
	return p;
}

/* keep copies the N bytes at S to where they stay. A long word gets a block of its own, and
 * the block in use stays in use. */
static const char *keep(struct count *c, const char *s, size_t n)
{
	if (n > c->text_room) {
		size_t room = n > BLOCK / 8 ? n : BLOCK;
		struct block *b = checked(malloc(sizeof *b + room));
		b->previous = c->block;
		c->block = b;
		if (room == n)
			return memcpy(b->text, s, n);
		c->text = b->text;
		c->text_room = room;
	}
	char *kept = memcpy(c->text, s, n);
	c->text += n;
	c->text_room -= n;
	return kept;
}

static void grow(struct count *c)
{
	struct slot *old = c->slots;
	size_t n_old = c->n_slots;
	c->n_slots = n_old == 0 ? FIRST_SLOTS : 2 * n_old;
	c->slots = checked(calloc(c->n_slots, sizeof *c->slots));
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].word == 0)
			continue;
		size_t at = old[i].hash & (c->n_slots - 1);
		while (c->slots[at].word != 0)
			at = (at + 1) & (c->n_slots - 1);
		c->slots[at] = old[i];
	}
	free(old);
}

/* head_of gives the first eight of N bytes at S as one number, and reads no others: what is
 * shorter is put together of its two ends, which may overlap. */
static uint64_t head_of(const char *s, uint32_t n)
{
	uint64_t head = 0;
	uint32_t low, high;
	if (n >= 8) {
		memcpy(&head, s, 8);
		return head;
	}
	if (n >= 4) {
		memcpy(&low, s, 4);
		memcpy(&high, s + n - 4, 4);
		return low | (uint64_t)high << 8 * (n - 4);
	}
	for (uint32_t i = 0; i < n; i++)
		head |= (uint64_t)(unsigned char)s[i] << 8 * i;
	return head;
}

/* add puts a new word at the end of the words. */
static struct word *add(struct count *c, const char *s, uint32_t n)
{
	if (c->n_words == c->words_room) {
		c->words_room = c->words_room == 0 ? FIRST_SLOTS : 2 * c->words_room;
		c->words = checked(realloc(c->words, c->words_room * sizeof *c->words));
	}
	struct word *w = &c->words[c->n_words++];
	*w = (struct word){ .head = head_of(s, n), .text = keep(c, s, n), .n = n };
	return w;
}

/* find gives the word that is the N bytes at S; a new one if it has not come before. */
static struct word *find(struct count *c, const char *s, uint32_t n)
{
	if (c->n_words >= c->n_slots / 4 * 3)
		grow(c);
	uint32_t hash = (uint32_t)XXH3_64bits(s, n);
	uint64_t head = head_of(s, n);
	for (size_t at = hash & (c->n_slots - 1);; at = (at + 1) & (c->n_slots - 1)) {
		struct slot *slot = &c->slots[at];
		if (slot->word == 0) {
			struct word *w = add(c, s, n);
			*slot = (struct slot){ hash, c->n_words };
			return w;
		}
		struct word *w = &c->words[slot->word - 1];
		if (slot->hash == hash && w->n == n && w->head == head &&
		    (n <= 8 || memcmp(w->text + 8, s + 8, n - 8) == 0))
			return w;
	}
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)ctx;
	const gale_value *word = gale_in(t, 0);
	find(self, word->u.s, word->n)->count += t->times;
	return GALE_OK;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct count *c = self;
	for (int i = 0; i < BATCH && c->finished < c->n_words; i++) {
		const struct word *w = &c->words[c->finished++];
		if (gale_emit(ctx, 0, gale_string(w->text, w->n), gale_int(w->count)) != 0)
			return GALE_FATAL;
	}
	return c->finished < c->n_words ? GALE_EMITTED : GALE_DONE;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct count *c = self;
	(void)ctx;
	while (c->block != NULL) {
		struct block *b = c->block;
		c->block = b->previous;
		free(b);
	}
	free(c->words);
	free(c->slots);
}

static const gale_component count = {
	.name = "Count",
	.doc = "Counts words; emits each with its count when the input has ended.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct count),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "word", GALE_STRING }, { "count", GALE_INT })),
	.execute = execute,
	.finish = finish,
	.cleanup = cleanup,
	.combine = true,
};
GALE_PLUGIN(&count);
