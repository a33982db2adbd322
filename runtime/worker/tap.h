/* tap.h - a look at the tuples that a component emits: which of them, how many, and as what.
 *
 * Somebody wants to see tuples of one component, of all its streams or of one, all of them or
 * those whose field has a value. At most TAP_RATE of them a second are shown, after a rest up to
 * TAP_BURST at once; those that were not are counted. Pure.
 *
 * What is wanted, in the words of the control channel:
 *
 *     COMPONENT STREAM [FIELD=VALUE]		numbers in the topology; STREAM *: all of them
 *
 * A tuple is shown as one JSON object:
 *
 *     {"time":"2026-01-31T23:59:59.123Z","component":"split","task":0,"stream":"default",
 *      "values":{"word":"the"}}
 *
 * The task is counted within the component, as in "split[0]". Values are as wire_describe writes
 * them, but that a string, bytes, a list or a map shows its first TAP_VALUE bytes at most, and
 * that values beyond TAP_LINE bytes of JSON are left out: the object then has "cut":true as well.
 *
 * What is told of them over the control channel ("tells"): how many suited and were not sampled,
 * how many were and found no room, how many follow; and those, each behind a tab, which no JSON
 * has in it:
 *
 *     UNSAMPLED LOST SHOWN<tab>JSON<tab>JSON...
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TAP_H
#define GALE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <gale/gale.h>

#include "buf.h"
#include "topology.h"

enum {
	TAP_RATE = 1000,		/* tuples shown in a second ... */
	TAP_BURST = 500,		/* ... and at once */
	TAP_VALUE = 1024,
	TAP_LINE = 16384,
	TAP_WAITING = 1 << 18,		/* bytes of JSON that wait for room in the channel */
	TAP_MESSAGE = 60000,		/* of one message, which is shorter than CONTROL_MAX with this */
	TAP_MOST = 8			/* taps at a time */
};

#define TAP_ALL_STREAMS UINT32_MAX

/* A value that a person has typed, and what it may be meant as. */
struct tap_value {
	char *text;
	size_t n;
	bool is_int, is_float;
	int64_t i;
	double f;
};

struct tap {
	uint32_t inquiry;		/* who wants to see */
	const struct component *component;
	uint32_t stream;		/* TAP_ALL_STREAMS: any */
	bool where;			/* only those whose field has this value: */
	int *field;			/* by stream: the number of that field, -1: it has none */
	struct tap_value value;
	uint64_t tokens_ns;		/* what may be shown, as time at TAP_RATE */
	uint64_t now_ns;		/* when that was so */
	struct buf lines;		/* each with a tab before it */
	uint32_t unsampled, lost, shown;	/* since the last message; the last: lines */
	uint64_t told_ns;		/* when that left */
};

/* tap_parse makes a tap of TEXT, for components of T; false: it makes no sense. T must outlive
 * it; free it with tap_free. */
bool tap_parse(struct tap *tap, const struct topology *t, const char *text, uint32_t *component);
void tap_free(struct tap *tap);

/* tap_value_init: TEXT is taken for what it may be meant as. tap_value_fits tells whether a value
 * of TYPE may ever be equal to it. */
void tap_value_init(struct tap_value *v, const char *text);
void tap_value_free(struct tap_value *v);
bool tap_value_fits(const struct tap_value *v, uint8_t type);

/* tap_sees tells whether a tuple is to be shown, and counts it when only the rate is against it. */
bool tap_sees(struct tap *tap, uint32_t stream, const gale_value *values, uint64_t now_ns);

/* tap_add shows one, that task INDEX of the component has emitted at WHEN; one that finds no room
 * is counted as lost. */
void tap_add(struct tap *tap, uint32_t stream, uint32_t index, const gale_value *values, struct timespec when);

/* tap_message makes the next message of what waits, in OUT; false: there is nothing to tell. */
bool tap_message(struct tap *tap, struct buf *out);

/* tap_describe writes the JSON object. */
void tap_describe(struct buf *out, const struct component *c, uint32_t stream, uint32_t index,
    const gale_value *values, struct timespec when);

#endif
