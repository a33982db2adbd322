/* pulse.h - who still answers: pings, and how long an answer may take (rule R4).
 *
 * Every third of the timeout each worker that has answered the last ping gets another. Who
 * leaves one unanswered for the whole timeout hangs: in one execute, in a loop, stopped.
 * When this process itself was stopped, or the machine slept, everybody looks late: a beat
 * that comes far too late gives all of them their time anew. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PULSE_H
#define GALE_PULSE_H

#include <stdbool.h>
#include <stdint.h>

enum pulse_state { PULSE_ABSENT, PULSE_ANSWERED, PULSE_ASKED };

struct pulse_worker {
	enum pulse_state state;
	uint64_t asked_ns;
};

struct pulse {
	uint64_t timeout_ns;
	uint64_t next_ns;		/* when to ask again */
	uint64_t beat_ns;		/* when pulse_beat was last called */
	struct pulse_worker *workers;
	uint32_t n_workers;
	/* ping asks a worker; hung tells that it has not answered, once. */
	void (*ping)(void *arg, uint32_t worker);
	void (*hung)(void *arg, uint32_t worker);
	void *arg;
};

void pulse_init(struct pulse *p, uint32_t n_workers, uint64_t timeout_ns, uint64_t now_ns);
void pulse_free(struct pulse *p);

/* pulse_grow: there are N_WORKERS from now on, not fewer than before. */
void pulse_grow(struct pulse *p, uint32_t n_workers);

/* pulse_began: WORKER will answer from now on. pulse_heard: it has. pulse_ended: it won't. */
void pulse_began(struct pulse *p, uint32_t worker);
void pulse_heard(struct pulse *p, uint32_t worker);
void pulse_ended(struct pulse *p, uint32_t worker);

/* pulse_deadline gives when pulse_beat has something to do. */
uint64_t pulse_deadline(const struct pulse *p);
void pulse_beat(struct pulse *p, uint64_t now_ns);

#endif
