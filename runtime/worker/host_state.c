/* host_state.c - the calls that a plugin makes for its state. Wrong ones are refused as in
 * host.c; where the disk fails the process ends (X12).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "transaction.h"
#include "worker.h"

/* task_of gives the task, or NULL when its call must be refused. */
static struct task *task_of(gale_ctx *ctx, size_t n_key, size_t n_value)
{
	struct task *t = (struct task *)ctx;	/* its first member */

	if (t->state == NULL)
		host_refuse(t, "a call for state %s", t->stage->code->state_version == 0 ?
		    "in a component that declares no state_version" :
		    "in cleanup: it is closed by then");
	else if (n_key > GALE_MAX_VALUE)
		host_refuse(t, "a key of %zu bytes for state; the limit is %d", n_key, GALE_MAX_VALUE);
	else if (n_value > GALE_MAX_VALUE)
		host_refuse(t, "a value of %zu bytes for state; the limit is %d", n_value, GALE_MAX_VALUE);
	else
		return t;
	return NULL;
}

/* writing_task is task_of for what changes the state: in a transactional topology that belongs to
 * a batch (X9). */
static struct task *writing_task(gale_ctx *ctx, size_t n_key, size_t n_value)
{
	struct task *t = task_of(ctx, n_key, n_value);

	if (t == NULL || t->worker->txn == NULL)
		return t;
	if (!t->worker->txn->open) {
		host_refuse(t, "a write to state outside of a batch");
		return NULL;
	}
	if (t->worker->txn->touched != ctx->txid)
		batch_touched(t->worker);
	return t;
}

int host_state_get(gale_ctx *ctx, const void *key, size_t n, gale_slice *value)
{
	struct task *t = task_of(ctx, n, 0);
	struct error e;
	int found;

	*value = (gale_slice){ NULL, 0 };
	if (t == NULL)
		return -1;
	if ((found = state_get(t->state, key, n, value, &e)) < 0)
		worker_fatal(t->worker, "%s", e.text);
	return found;
}

int host_state_put(gale_ctx *ctx, const void *key, size_t n, const void *value, size_t n_value)
{
	struct task *t = writing_task(ctx, n, n_value);
	struct error e;

	if (t == NULL)
		return -1;
	if (state_put(t->state, key, n, value, n_value, &e) != 0)
		worker_fatal(t->worker, "%s", e.text);
	return 0;
}

int host_state_delete(gale_ctx *ctx, const void *key, size_t n)
{
	struct task *t = writing_task(ctx, n, 0);
	struct error e;

	if (t == NULL)
		return -1;
	if (state_delete(t->state, key, n, &e) != 0)
		worker_fatal(t->worker, "%s", e.text);
	return 0;
}

void *host_state_merge(gale_ctx *ctx, const void *key, size_t n, size_t n_value)
{
	struct task *t = writing_task(ctx, n, n_value);
	struct error e;
	void *value;

	if (t == NULL)
		return NULL;
	if (state_merge(t->state, key, n, n_value, &value, &e) != 0)
		worker_fatal(t->worker, "%s", e.text);
	return value;
}

int host_state_add(gale_ctx *ctx, const void *key, size_t n, int64_t by, int64_t *sum)
{
	struct task *t = writing_task(ctx, n, 0);
	struct error e;
	int done;

	if (t == NULL)
		return -1;
	if ((done = state_add(t->state, key, n, by, sum, &e)) < 0)
		worker_fatal(t->worker, "%s", e.text);
	return done > 0 ? 0 : host_refuse(t, "gale_state_add to a value that is no int64_t");
}

bool host_state_next(gale_ctx *ctx, gale_scan *scan)
{
	struct task *t = task_of(ctx, scan->prefix.n, 0);
	struct error e;
	int more;

	if (t == NULL)
		return false;
	if (!state_scan_is_current(t->state, scan)) {
		host_refuse(t, "a step of a scan that another one has ended");
		return false;
	}
	if ((more = state_next(t->state, scan, &e)) < 0)
		worker_fatal(t->worker, "%s", e.text);
	return more;
}
