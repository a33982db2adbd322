/* flow.c - see flow.h. SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include "page.h"

static size_t size_of(uint32_t n)
{
	return sizeof(struct flow) + n * sizeof(struct flow_link);
}

static const struct page_kind kind = { "flow page", FLOW_MAGIC, FLOW_VERSION, sizeof(struct flow), NULL };

struct flow *flow_create(const char *path, uint32_t worker, uint32_t start, const uint32_t *peers,
    uint32_t n, struct error *e)
{
	struct flow *f = page_make(&kind, path, size_of(n), e);

	if (f == NULL)
		return NULL;
	f->worker = worker;
	f->start = start;
	f->n = n;
	for (uint32_t i = 0; i < n; i++)
		f->links[i].peer = peers[i];
	return page_publish(&kind, f, path, size_of(n), e);
}

const struct flow *flow_open(const char *path, struct error *e)
{
	size_t size;
	const struct flow *f = page_open(&kind, path, false, &size, e);

	if (f == NULL || size >= size_of(f->n))
		return f;
	error_set(e, "%s is no flow page that is whole: it has not all of its %u links", path, f->n);
	page_close(f, size);
	return NULL;
}

void flow_close(const struct flow *f)
{
	if (f != NULL)
		page_close(f, size_of(f->n));
}

const struct flow_link *flow_find(const struct flow *f, uint32_t peer)
{
	uint32_t low = 0, high = f != NULL ? f->n : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (f->links[middle].peer == peer)
			return &f->links[middle];
		if (f->links[middle].peer < peer)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void flow_inherit(struct flow *f, const struct flow *from)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct flow_link *before = flow_find(from, f->links[i].peer);

		if (before != NULL)
			f->links[i] = *before;
	}
}

void flow_waiting(const struct flow *from, const struct flow *to, uint64_t *frames, uint64_t *bytes)
{
	const struct flow_link *out = to != NULL ? flow_find(from, to->worker) : NULL;
	const struct flow_link *in = from != NULL ? flow_find(to, from->worker) : NULL;
	uint64_t frames_in = 0, bytes_in = 0;

	*frames = *bytes = 0;
	if (out == NULL || in == NULL || out->out_start != to->start)
		return;
	if (in->in_start == from->start) {
		frames_in = in->frames_in;
		bytes_in = in->bytes_in;
	}
	if (out->frames_out > frames_in)
		*frames = out->frames_out - frames_in;
	if (out->bytes_out > bytes_in)
		*bytes = out->bytes_out - bytes_in;
}
