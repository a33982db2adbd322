/* disk.c - what a worker has written, and what is left of it (one disk per worker, for ever).
 *
 * A log of parts: what was synced stays, what was only written survives the process but at a
 * power failure some of its end is gone. And the two files of a position, written in turn
 * (positionfile.c): at a power failure one that was not synced may be damaged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "memory.h"
#include "world.h"

void disk_append(struct disk *d, uint32_t part)
{
	d->log = xgrow(d->log, &d->cap, d->n_written + 1, sizeof *d->log);
	d->log[d->n_written++] = part;
}

void disk_power_loss(struct world *w)
{
	for (uint32_t i = 0; i < MOST_NODES; i++) {
		struct disk *d = &w->disks[i];

		d->n_written = d->n_synced + below(w, d->n_written - d->n_synced + 1);
		d->n_synced = d->n_written;
		for (int s = 0; s < 2; s++) {
			if (!d->slots[s].synced && chance(w, 500))
				d->slots[s].bytes.n /= 2;
			d->slots[s].synced = true;
		}
	}
	for (uint32_t i = 0; i < MOST_IDS; i++)
		if (w->oracle.ids[i].buried == 1)
			w->oracle.ids[i].buried = (uint8_t)(chance(w, 500) ? 2 : 0);
}

/* disk_write_position: the first half of positionfile_write. */
void disk_write_position(struct node *n)
{
	struct disk *d = n->disk;
	int slot = d->sequence == 0 ? 0 : 1 - d->newest;

	d->slots[slot].bytes.n = 0;
	d->slots[slot].synced = false;
	position_put(&d->slots[slot].bytes, &n->position, d->sequence + 1, n->world->run);
	d->newest = slot;
	d->sequence++;
	n->position.changed = false;
}

void disk_sync_position(struct node *n)
{
	n->disk->slots[n->disk->newest].synced = true;
}

/* disk_read_position follows positionfile_read. */
bool disk_read_position(struct node *n, struct position *p)
{
	struct disk *d = n->disk;
	bool good[2];
	struct position found[2] = { { 0 }, { 0 } };
	uint64_t sequence[2] = { 0, 0 };
	uint32_t run;
	struct error e;

	for (int s = 0; s < 2; s++)
		good[s] = position_get(&found[s], d->slots[s].bytes.data, d->slots[s].bytes.n,
		    &sequence[s], &run, &e) == 0;
	d->newest = good[1] && (!good[0] || sequence[1] > sequence[0]);
	d->sequence = sequence[d->newest];
	if (good[d->newest]) {
		position_free(p);
		*p = found[d->newest];
		found[d->newest].row = NULL;
	}
	position_free(&found[0]);
	position_free(&found[1]);
	return good[d->newest];
}

void disk_free(struct disk *d)
{
	free(d->log);
	buf_free(&d->slots[0].bytes);
	buf_free(&d->slots[1].bytes);
	*d = (struct disk){ 0 };
}
