/* durable.h - state on disk, and acks that wait for it.
 *
 * The acks of a worker whose tasks have state are withheld (out.h) until a commit has written
 * and synced all that the tasks changed before; fails go at once. One commit for all there is:
 * when the worker has nothing else to do; when the oldest of what waits is 10 ms old; when a
 * task has changed more than it may hold in memory. A worker for which nothing waits has no
 * timer for this.
 *
 * A commit that fails ends the process (X12).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DURABLE_H
#define GALE_DURABLE_H

struct task;
struct worker;

/* durable_open gives T its state, if its component declares one; ends the process when it
 * can't be opened. durable_close commits for the last time and closes those of all tasks:
 * before their cleanup. */
void durable_open(struct task *t);
void durable_close(struct worker *w);

/* durable_turn is called in each turn and commits when it is time; durable_commit commits
 * what there is. */
void durable_turn(struct worker *w);
void durable_commit(struct worker *w);

#endif
