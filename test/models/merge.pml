/* merge.pml - equal tuples of several roots that wait in one open frame become one, with one edge: is a
 * root acked only when its tree is done, and is every one acked or failed, without any timeout?
 *
 *     spout --INPUT(i)--> split --EDGE(k)--> sink        in any order; a frame from split to sink
 *     spout, split, sink --records--> acker              has all tuples that were written since the last
 *
 * Mirrors: runtime/worker/combine.h (combine_find, combine_merge), merged.c, bolt.c (ack_merged, fail_hand,
 *          bolt_all_roots), host.c (host_ack_anchor), fold.c and out.c (flush_acker), acker/ledger.c.
 * Rules:   A1, A2; doc/architecture.md, Combining.
 *
 * All that split emits is equal. What is emitted becomes one with the tuple that was written into the open
 * frame last, unless its root is older than the last one of that; then it is written. A tuple that was merged is an edge
 * in the tree of each of its roots, registered by each with its own anchor; the root that is the last one
 * has it already. Split acks an input at once, or holds it and acks it later, or fails it after
 * it has emitted. The sink executes a frame tuple by tuple, acks, holds or fails each, and hands in what it has
 * acked by root, when its turn ends: anywhere between two tuples.
 *
 * An edge id is a bit and a root's value is a set of bits. Acks and fails of one worker merge in its
 * fold; acks leave with the fails or before them; records of different workers come to the acker in any
 * order. Nothing is lost and there is no time: acker.pml has both.
 *
 * Shown:   no tree reads zero while a tuple of it is not done, or after one has failed; at the end every
 *          root was settled, once, and the acker's book is empty.
 *
 * Twins (wrong on purpose): -DTWICE -DOLDER -DUNREGISTERED -DOWN_EDGE -DGONE -DACK_FIRST -DHOLD_FIRST
 * -DFAIL_FIRST. README.md says what they break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ROOTS
#define ROOTS 2
#endif
#ifndef INPUTS
#define INPUTS 2		/* of each root */
#endif
#ifndef FAILS
#define FAILS 1
#endif
#ifndef HOLDS
#define HOLDS 1
#endif

/* workers that send records */
#define SPOUT 0
#define SPLIT 1
#define SINK 2
#define WORKERS 3

#define TUPLES (ROOTS * INPUTS)	/* most that are written */
#define NONE 255
#define INPUT(i) (1 << (i))
#define EDGE(k) (1 << (INPUTS + (k)))
#define STRAY 128		/* an edge that nobody acks */

/* st[] of a root */
#define PENDING 1
#define ACKED 2
#define FAILED 3
/* state of an entry of the book; 0: there is none */
#define HEARD 1
#define INIT 2
#define BROKEN 4

typedef records {
	byte value[ROOTS];
	byte inits;		/* sets of roots */
	byte fails
};
records fold[WORKERS], wire[WORKERS];
bool on_wire[WORKERS];

byte book[ROOTS], entry[ROOTS];
byte st[ROOTS];
byte fails, holds;

/* split: inputs that wait, by root; what is held, with what it has emitted */
byte waiting[ROOTS];
byte held_input[ROOTS], kids[ROOTS];	/* one of each root at most */
/* the frames; a tuple is a bit in a set */
byte n_written, open, slot = NONE;	/* slot: the one that others become one with */
byte last[TUPLES];		/* of its roots */
byte roots[TUPLES];		/* its roots, */
byte sent[TUPLES];		/* and those that the frame told when it left */
byte in_hand, acked, held_tuple;	/* the sink */

hidden byte i, r, edge, told_of;	/* scratch inside of steps */
hidden byte early, all_settled;

/* what nobody in gale knows: */
byte alive[ROOTS];		/* tuples that are not done */
byte count[TUPLES * ROOTS];	/* how many of a root tuple k stands for */
bool broken[ROOTS];

chan to_sink = [1] of { byte };

#define HAS(set, i) (((set) >> (i)) & 1)
inline tell(w, e, v) { fold[w].value[e] = fold[w].value[e] ^ (v) }

inline settle(e, how) {
	early = how == ACKED && (alive[e] != 0 || broken[e]);
	assert(!early);
	assert(st[e] == PENDING);
	st[e] = how
}

/* emit_all: the spout has emitted all of them, and its worker is about to tell their acker. */
inline emit_all() {
	i = 0;
	do
	:: i < ROOTS ->
		st[i] = PENDING;
		alive[i] = INPUTS;
		waiting[i] = (1 << INPUTS) - 1;
		tell(SPOUT, i, (1 << INPUTS) - 1);
		i++
	:: else -> break
	od;
	fold[SPOUT].inits = (1 << ROOTS) - 1;
	i = 0
}

/* ---- split ---- */

inline write(e) {
	slot = n_written;
	n_written++;
	open = open | (1 << slot);
	last[slot] = e;
	roots[slot] = 1 << e;
	edge = EDGE(slot)
}

/* merge: combine_merge */
inline merge(e) {
#ifdef OWN_EDGE
	edge = STRAY;
#elif defined(UNREGISTERED)
	edge = 0;
#elif defined(TWICE)
	edge = EDGE(slot);
#else
	edge = (last[slot] == e -> 0 : EDGE(slot));
#endif
	last[slot] = e;
	roots[slot] = roots[slot] | (1 << e)
}

#ifdef OLDER
#define MAY_MERGE(e) true
#else
#define MAY_MERGE(e) ((e) >= last[slot])
#endif

inline emit(e) {
	if
	:: slot != NONE && MAY_MERGE(e) -> merge(e)
	:: else -> write(e)
	fi;
	alive[e]++;
	count[slot * ROOTS + e] = count[slot * ROOTS + e] + 1
}

/* execute leaves what its input has for children in `edge`. */
inline execute(e, input) {
	waiting[e] = waiting[e] & ~INPUT(input);
	emit(e)
}

inline fail(w, e) {
	broken[e] = true;
	alive[e]--;
	fold[w].fails = fold[w].fails | (1 << e)
}

proctype split(byte e; byte input) {
end:	do
	:: d_step { HAS(waiting[e], input) -> execute(e, input);
		tell(SPLIT, e, INPUT(input) ^ edge); alive[e]--; edge = 0 }
	:: d_step { HAS(waiting[e], input) && fails < FAILS -> execute(e, input);
		fails++; fail(SPLIT, e); edge = 0 }
	:: d_step { HAS(waiting[e], input) && holds < HOLDS && held_input[e] == 0 -> execute(e, input);
		holds++; held_input[e] = INPUT(input); kids[e] = edge; edge = 0 }
	:: d_step { held_input[e] == INPUT(input) ->
		tell(SPLIT, e, held_input[e] ^ kids[e]); alive[e]--; held_input[e] = 0; kids[e] = 0 }
	od
}

/* sink_flush: when the frame is full, or split has nothing else to do, or 1 ms is over */
proctype flush() {
end:	do
	:: d_step { open != 0 && nfull(to_sink) ->
		i = 0;
		do
		:: i < TUPLES -> sent[i] = (HAS(open, i) -> roots[i] : sent[i]); i++
		:: else -> break
		od;
		i = 0;
		to_sink ! open;
		open = 0;
#ifndef GONE
		slot = NONE
#endif
		}
	od
}

/* ---- sink ---- */

/* first: the tuple of SET that was written first, in `i` */
inline first(set) {
	i = 0;
	do
	:: i < TUPLES && !HAS(set, i) -> i++
	:: else -> break
	od
}

/* lowest gives what is left of ROOTS_OF when only the first one is told of. */
#define LOWEST(roots_of) ((roots_of) & -(roots_of))
#ifdef ACK_FIRST
#define TOLD_ACK(k) LOWEST(sent[k])
#else
#define TOLD_ACK(k) sent[k]
#endif
#ifdef HOLD_FIRST
#define TOLD_HELD(k) LOWEST(sent[k])
#else
#define TOLD_HELD(k) sent[k]
#endif
#ifdef FAIL_FIRST
#define TOLD_FAIL(k) LOWEST(sent[k])
#else
#define TOLD_FAIL(k) sent[k]
#endif

inline done(k) {
	r = 0;
	do
	:: r < ROOTS -> alive[r] = alive[r] - count[(k) * ROOTS + r]; count[(k) * ROOTS + r] = 0; r++
	:: else -> break
	od;
	r = 0
}

inline ack(k, told) {
	r = 0;
	do
	:: r < ROOTS ->
		if
		:: HAS(told, r) -> tell(SINK, r, EDGE(k))
		:: else
		fi;
		r++
	:: else -> break
	od;
	r = 0
}

inline fail_all(k) {
	r = 0;
	do
	:: r < ROOTS ->
		broken[r] = broken[r] || HAS(sent[k], r);
		r++
	:: else -> break
	od;
	r = 0;
	fold[SINK].fails = fold[SINK].fails | (TOLD_FAIL(k))
}

/* hand_in: merged_hand_in */
inline hand_in() {
	i = 0;
	do
	:: i < TUPLES ->
		if
		:: HAS(acked, i) -> told_of = TOLD_ACK(i); ack(i, told_of)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0; told_of = 0;
	acked = 0
}

proctype sink() {
end:	do
	:: d_step { in_hand == 0 && acked == 0 && nempty(to_sink) -> to_sink ? in_hand }
	:: d_step { in_hand != 0 -> first(in_hand);
		in_hand = in_hand & ~(1 << i); acked = acked | (1 << i); done(i); i = 0 }
	:: d_step { in_hand != 0 && fails < FAILS -> first(in_hand);
		in_hand = in_hand & ~(1 << i); fails++; fail_all(i); done(i); i = 0 }
	:: d_step { in_hand != 0 && holds < HOLDS && held_tuple == 0 -> first(in_hand);
		in_hand = in_hand & ~(1 << i); holds++; held_tuple = 1 << i; i = 0 }
	:: d_step { acked != 0 -> hand_in() }
	:: d_step { held_tuple != 0 -> first(held_tuple);
		held_tuple = 0; told_of = TOLD_HELD(i); ack(i, told_of); done(i); i = 0; told_of = 0 }
	od
}

/* ---- from the workers to the acker ---- */

#define ACKS(f) (f.inits | f.value[0] | f.value[1 % ROOTS] | f.value[2 % ROOTS])

/* send: ALL, or what fails stays until the next frame */
inline send(w, all) {
	i = 0;
	do
	:: i < ROOTS -> wire[w].value[i] = fold[w].value[i]; fold[w].value[i] = 0; i++
	:: else -> break
	od;
	i = 0;
	wire[w].inits = fold[w].inits;
	fold[w].inits = 0;
	wire[w].fails = (all -> fold[w].fails : 0);
	fold[w].fails = (all -> 0 : fold[w].fails);
	on_wire[w] = true
}

inline forget(e) { entry[e] = 0; book[e] = 0 }

inline hear(e, words, has_init) {
	if
	:: (words) == 0 && !(has_init)
	:: else ->
		entry[e] = entry[e] | HEARD | ((has_init) -> INIT : 0);
		book[e] = book[e] ^ ((entry[e] & BROKEN) -> 0 : (words));
		if
		:: (entry[e] & BROKEN) && (entry[e] & INIT) -> settle(e, FAILED); forget(e)
		:: !(entry[e] & BROKEN) && (entry[e] & INIT) && book[e] == 0 -> settle(e, ACKED); forget(e)
		:: else
		fi
	fi
}

inline hear_fail(e) {
	if
	:: entry[e] & INIT -> settle(e, FAILED); forget(e)
	:: st[e] == PENDING -> entry[e] = entry[e] | HEARD | BROKEN; book[e] = 0
	:: else		/* late, and dropped with the root */
	fi
}

/* What comes of a root whose verdict is out finds no entry; such are dropped in time (acker.pml). */
inline hear_all(w) {
	i = 0;
	do
	:: i < ROOTS ->
		if
		:: st[i] == PENDING -> hear(i, wire[w].value[i], HAS(wire[w].inits, i))
		:: else
		fi;
		if
		:: HAS(wire[w].fails, i) && st[i] == PENDING -> hear_fail(i)
		:: else
		fi;
		wire[w].value[i] = 0;
		i++
	:: else -> break
	od;
	i = 0;
	wire[w].inits = 0;
	wire[w].fails = 0;
	on_wire[w] = false
}

proctype pipe(byte w) {
end:	do
	:: d_step { !on_wire[w] && (ACKS(fold[w]) | fold[w].fails) != 0 -> send(w, true) }
	:: d_step { !on_wire[w] && fold[w].fails != 0 && ACKS(fold[w]) != 0 -> send(w, false) }
	:: d_step { on_wire[w] -> hear_all(w) }
	od
}

init {
	atomic {
		emit_all();
		run flush(); run sink();
		run pipe(SPOUT); run pipe(SPLIT); run pipe(SINK);
		i = 0;
		do
		:: i < TUPLES -> run split(i / INPUTS, i % INPUTS); i++
		:: else -> break
		od;
		i = 0
	}
	timeout;
	d_step {
		all_settled = true;
		i = 0;
		do
		:: i < ROOTS ->
			all_settled = all_settled && (st[i] == ACKED || st[i] == FAILED);
			i++
		:: else -> break
		od;
		assert(all_settled);
		i = 0;
		do
		:: i < ROOTS -> assert(entry[i] == 0); i++
		:: else -> break
		od;
		i = 0
	}
}
