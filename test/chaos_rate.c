/* chaos_rate.c - how many messages are acked, and how long after a kill they are again.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The spout's tasks count the acks they hear. A sample of their sum is taken every few
 * milliseconds. A kill is recovered from at the begin of the first 100 ms, not before the
 * kill, in which at least 90 % as many messages a second were acked as before. Such a
 * stretch begins with an ack: what had been held up and comes all at once at the end of a
 * silence does not make the silence shorter.
 */
#include "clock.h"
#include "memory.h"
#include "test/chaos_parts.h"

struct sample {
	uint64_t ns, acks;
};

static struct sample *samples;
static size_t n_samples, room;

static uint64_t acks_of(const struct chaos_journal *j)
{
	uint64_t sum = 0;

	for (int i = 0; i < CHAOS_TASKS; i++)
		sum += atomic_load_explicit(&j->tasks[i].acks, memory_order_relaxed);
	return sum;
}

/* at_or_after gives the first sample that is not older than NS. */
static size_t at_or_after(uint64_t ns)
{
	size_t low = 0, high = n_samples;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (samples[middle].ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static double rate_between(const struct sample *a, const struct sample *b)
{
	return b->ns == a->ns ? 0 : (double)(b->acks - a->acks) * 1e9 / (double)(b->ns - a->ns);
}

double rate_since(uint64_t from_ns)
{
	size_t first = at_or_after(from_ns);

	return first >= n_samples ? 0 : rate_between(&samples[first], &samples[n_samples - 1]);
}

/* look_at completes K, if the stretch that ends with the last sample is good enough. */
static void look_at(struct kill *k)
{
	const struct sample *last = &samples[n_samples - 1];
	size_t i;

	if (k->recovered_ns != UINT64_MAX || last->ns < k->at_ns + 100 * NS_PER_MS)
		return;
	i = at_or_after(last->ns - 100 * NS_PER_MS);
	if (i > 0 && samples[i].ns > last->ns - 100 * NS_PER_MS)
		i--;
	if (samples[i].ns < k->at_ns || samples[i + 1].acks == samples[i].acks)
		return;
	if (rate_between(&samples[i], last) >= 0.9 * k->former)
		k->recovered_ns = samples[i].ns - k->at_ns;
}

void rate_sample(const struct chaos_journal *j, struct kill *kills, size_t n)
{
	if (n_samples == room)
		samples = xgrow(samples, &room, n_samples + 1, sizeof *samples);
	samples[n_samples].acks = acks_of(j);
	samples[n_samples++].ns = clock_now_ns();
	/* Old ones are done; of a burst all are looked at. */
	for (size_t i = n > 64 ? n - 64 : 0; i < n; i++)
		look_at(&kills[i]);
}
