/* flow.pml - a diamond with room for one frame per pipe: does it ever stand still?
 *
 *     spout --> a --> join      data; every worker --records--> acker --verdicts--> spout
 *           --> b -->
 *
 * Mirrors: runtime/worker/sink.c and out.c (open frame, outbox, out_flush, out_retry, out_marker,
 *          flush_acker), runtime/worker/bolt.c (take_frame, work, on_data, on_marker, rest),
 *          runtime/worker/spout.c (rest), acker/acker.c (send_mail).
 * Rules:   F1-F4, F7, B1-B3.
 *
 * An edge: an open frame in the worker, of up to FRAME tuples; an outbox, where frames wait that
 * found the pipe full; a pipe for one frame. A worker whose outbox holds something is blocked: it
 * takes no data in, but goes on with records, verdicts and retries. The spout sends each tuple to
 * a or b, has PENDING open at most, and emits MESSAGES; a tuple may fail (FAILS) and comes again.
 * The join holds tuples until it has GROUP of them or is drained, so that markers matter. When a
 * worker has nothing else to do, all its open frames leave; then come its markers: drain when
 * nothing is left to emit, end when nothing is pending. Tuples have no names, they are counted.
 *
 * Shown:   no state in which all wait but the end; there everything was acked once and all have
 *          ended; a marker never overtakes data; an outbox holds two frames at most.
 *
 * Twins:   -DMARKER_STAYS -DMERGE_IN_ORDER -DACKS_BLOCK -DGROUP_TOO_LARGE
 *          README.md says what they break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MESSAGES
#define MESSAGES 4
#endif
#ifndef PENDING
#define PENDING 3
#endif
#ifndef FAILS
#define FAILS 1
#endif
#ifdef GROUP_TOO_LARGE
#define GROUP (PENDING + 1)
#endif
#ifndef GROUP
#define GROUP 3
#endif
#define FRAME 2

#define A 0
#define B 1
#define JOIN 2
#define SPOUT 3

/* a frame: 1 .. FRAME tuples, or a marker */
#define DRAIN 8
#define END 9

/* edges: 0 spout -> a, 1 spout -> b, 2 a -> join, 3 b -> join */
byte open[4];				/* tuples in the open frame; */
bool marked[4];				/* the twin: a marker lies behind them */
chan outbox[4] = [2] of { byte };
chan pipe[4] = [1] of { byte };
hidden byte got;			/* scratch inside of steps */

/* what a worker knows of the other end of an edge that it reads */
#define OPEN 0
#define DRAINED 1
#define ENDED 2
byte upstream[4];
byte hand[3];				/* tuples of the frame in hand that are not done */
bool fed[3];				/* data came since the last drain */
bool fresh[4];				/* frames left since the last drain marker */
bool drain_passed[4], end_passed[4], ended[4];

/* records: acks that have not left, and the pipe to the acker; verdicts to the spout */
byte fold[3], fold_failed;
chan records[3] = [1] of { byte, byte };
chan verdicts = [1] of { byte, byte };
byte bolts_acked, join_acked, failed, late;	/* the acker's book, in numbers */

byte to_emit = MESSAGES, pending, acked;	/* the spout */
byte held, fails;				/* the join */

#define WAITS(edge) (len(outbox[edge]) > 0)

/* outbox_send */
inline send(to, f) {
	if
	:: len(outbox[to]) == 0 && len(pipe[to]) == 0 -> pipe[to] ! f
	:: len(outbox[to]) > 0 || len(pipe[to]) > 0 ->
		assert(len(outbox[to]) < 2);
		outbox[to] ! f
	fi
}

inline flush(out, from) {
	send(out, open[out]);
	open[out] = 0;
	fresh[from] = true;
	if
	:: marked[out] -> send(out, DRAIN); marked[out] = false
	:: else
	fi
}

inline put(out, from) {
	open[out]++;
	if
	:: open[out] == FRAME -> flush(out, from)
	:: else
	fi
}

inline marker(out, kind) {
#ifdef MARKER_STAYS
	/* into the open frame; and what has no tuples is not flushed */
	if
	:: kind == DRAIN -> marked[out] = true
	:: else -> send(out, kind)
	fi
#else
	send(out, kind)
#endif
}

/* Of each edge: a frame leaves because it is 1 ms old, or its worker has nothing else to do; what
 * waits goes when there is room. */
proctype carrier(byte e; byte w) {
end:	do
	:: d_step { open[e] > 0 && len(outbox[e]) < 2 -> flush(e, w) }
	:: d_step { len(outbox[e]) > 0 && len(pipe[e]) == 0 -> outbox[e] ? got; pipe[e] ! got }
	od
}

/* ---- the spout ---- */

#define SPOUT_BLOCKED (WAITS(0) || WAITS(1))
#ifdef ACKS_BLOCK
#define MAY_HEAR !SPOUT_BLOCKED
#define MAY_WORK(w) (fold[w] == 0)
#define MAY_READ (DONE == 0 && failed == 0)
#else
#define MAY_HEAR true
#define MAY_WORK(w) true
#define MAY_READ true
#endif
#define SPOUT_RESTS (!SPOUT_BLOCKED && to_emit == 0 && open[0] == 0 && open[1] == 0)

proctype spout() {
	byte n, f;
end:	do
	:: d_step { !SPOUT_BLOCKED && to_emit > 0 && pending < PENDING -> to_emit--; pending++; put(0, SPOUT) }
	:: d_step { !SPOUT_BLOCKED && to_emit > 0 && pending < PENDING -> to_emit--; pending++; put(1, SPOUT) }
	:: d_step { MAY_HEAR && len(verdicts) > 0 -> verdicts ? n, f;
		acked = acked + n;
		pending = pending - n - f;
		to_emit = to_emit + f;		/* a replay */
		n = 0; f = 0 }
	:: d_step { SPOUT_RESTS && (fresh[SPOUT] || !drain_passed[SPOUT]) ->
		marker(0, DRAIN); marker(1, DRAIN);
		drain_passed[SPOUT] = true; fresh[SPOUT] = false }
	:: d_step { SPOUT_RESTS && !fresh[SPOUT] && drain_passed[SPOUT] && pending == 0 && !end_passed[SPOUT] ->
		marker(0, END); marker(1, END); end_passed[SPOUT] = true }
	:: d_step { end_passed[SPOUT] && !SPOUT_BLOCKED && !ended[SPOUT] -> ended[SPOUT] = true }
	od
}

/* ---- the bolts ---- */

inline take(worker, in) {
	pipe[in] ? got;
	assert(upstream[in] != ENDED);
	if
	:: got == DRAIN -> upstream[in] = DRAINED
	:: got == END -> upstream[in] = ENDED
	:: else ->
		hand[worker] = got;
		fed[worker] = true;
		drain_passed[worker] = false;
		upstream[in] = OPEN
	fi
}

#define BOLT_RESTS(w) (hand[w] == 0 && len(pipe[w]) == 0 && !WAITS(2 + w) && open[2 + w] == 0 && \
	upstream[w] != OPEN)
#define DRAIN_IS_OUT(w) (drain_passed[w] && !fresh[w])

proctype bolt(byte w) {
end:	do
	:: d_step { hand[w] == 0 && !WAITS(2 + w) && len(pipe[w]) > 0 -> take(w, w) }
	:: d_step { hand[w] > 0 && !WAITS(2 + w) && MAY_WORK(w) -> hand[w]--; fold[w]++; put(2 + w, w) }
	:: d_step { fold[w] > 0 && len(records[w]) == 0 -> records[w] ! fold[w], 0; fold[w] = 0 }
	:: d_step { BOLT_RESTS(w) && fed[w] -> fed[w] = false }		/* drain */
	:: d_step { BOLT_RESTS(w) && !fed[w] && !DRAIN_IS_OUT(w) ->
		marker(2 + w, DRAIN); drain_passed[w] = true; fresh[w] = false }
	:: d_step { BOLT_RESTS(w) && !fed[w] && DRAIN_IS_OUT(w) && upstream[w] == ENDED && !end_passed[w] ->
		marker(2 + w, END); end_passed[w] = true }
	:: d_step { end_passed[w] && !WAITS(2 + w) && fold[w] == 0 && !ended[w] -> ended[w] = true }
	od
}

/* ---- the join ---- */

/* The twin takes a frame from a, then one from b, and so on. */
#ifdef MERGE_IN_ORDER
bool next;
#define MAY_TAKE(edge) ((edge) == 2 + next || upstream[5 - (edge)] == ENDED)
#define TAKEN next = !next
#else
#define MAY_TAKE(edge) true
#define TAKEN skip
#endif

#define JOIN_RESTS (hand[JOIN] == 0 && len(pipe[2]) == 0 && len(pipe[3]) == 0 && \
	upstream[2] != OPEN && upstream[3] != OPEN)

proctype join() {
end:	do
	:: d_step { hand[JOIN] == 0 && MAY_TAKE(2) && len(pipe[2]) > 0 -> take(JOIN, 2); TAKEN }
	:: d_step { hand[JOIN] == 0 && MAY_TAKE(3) && len(pipe[3]) > 0 -> take(JOIN, 3); TAKEN }
	:: d_step { hand[JOIN] > 0 && MAY_WORK(JOIN) -> hand[JOIN]--; held++;
		if
		:: held == GROUP -> fold[JOIN] = fold[JOIN] + held; held = 0
		:: else
		fi }
	:: d_step { hand[JOIN] > 0 && fails < FAILS -> hand[JOIN]--; fails++; fold_failed++ }
	:: d_step { fold[JOIN] + fold_failed > 0 && len(records[JOIN]) == 0 ->
		records[JOIN] ! fold[JOIN], fold_failed; fold[JOIN] = 0; fold_failed = 0 }
	:: d_step { JOIN_RESTS && fed[JOIN] -> fed[JOIN] = false;
		fold[JOIN] = fold[JOIN] + held; held = 0 }		/* drain */
	:: d_step { JOIN_RESTS && !fed[JOIN] && upstream[2] == ENDED && upstream[3] == ENDED &&
		fold[JOIN] == 0 && !ended[JOIN] -> ended[JOIN] = true }
	od
}

/* ---- the acker ---- */

/* DONE: as many trees are complete as both the bolts and the join have acked. A failed one's
 * bolt has acked as well, now or later: that record finds nothing. */
#define DONE (bolts_acked < join_acked -> bolts_acked : join_acked)

proctype acker() {
	byte n, f;
end:	do
	:: d_step { MAY_READ && len(records[A]) > 0 -> records[A] ? n, f; bolts_acked = bolts_acked + n; n = 0 }
	:: d_step { MAY_READ && len(records[B]) > 0 -> records[B] ? n, f; bolts_acked = bolts_acked + n; n = 0 }
	:: d_step { MAY_READ && len(records[JOIN]) > 0 -> records[JOIN] ? n, f;
		join_acked = join_acked + n; failed = failed + f; late = late + f; n = 0; f = 0 }
	:: d_step { late > 0 && bolts_acked > 0 -> late--; bolts_acked-- }
	:: d_step { DONE + failed > 0 && len(verdicts) == 0 ->
		n = DONE; verdicts ! n, failed;
		bolts_acked = bolts_acked - n; join_acked = join_acked - n; failed = 0; n = 0 }
	od
}

init {
	atomic {
		run spout(); run bolt(A); run bolt(B); run join(); run acker();
		run carrier(0, SPOUT); run carrier(1, SPOUT); run carrier(2, A); run carrier(3, B)
	}
	timeout;
	assert(acked == MESSAGES && pending == 0);
	assert(ended[SPOUT] && ended[A] && ended[B] && ended[JOIN])
}
