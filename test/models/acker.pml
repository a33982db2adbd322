/* acker.pml - one spout, two bolts, a sink, one acker: is a message acked only when its tree is
 * done, and is every emission acked or failed, once?
 *
 *     spout --e1--> split --e2--> join --e4--> sink        every arrow a FIFO pipe of its own
 *                         --e3-->
 *     spout, split, join, sink --records--> acker --verdicts--> spout
 *
 * Mirrors: acker/ledger.c (the book), acker/acker.c (expiry after the input is drained),
 *          runtime/worker/fold.c (records merge until they leave), runtime/worker/host.c
 *          (host_ack_anchor, register_children), runtime/worker/out.c (flush_acker),
 *          runtime/worker/verdict.c and pending.c (verdicts, net, void, replay).
 * Rules:   A1, A2, A4, A5, A6, A7.
 *
 * An edge id is a bit and a root's value is a set of bits: XOR without luck. The join holds two
 * tuples, of one root or of two, emits one tuple anchored to both, and acks them one after the
 * other. Records of one worker merge in its fold; a frame takes all of it; one frame per pipe.
 * So records of different workers come to the acker in any order. Time is not counted: the
 * acker may find anything too old once its input is empty, the spout's net may close at any
 * moment. Faults: a frame of records or a verdict is lost, an init frame comes twice, a bolt
 * fails a tuple; each as often as LOSSES, DUPS, FAILS say.
 *
 * Shown:   nothing is acked while a tuple of it is not done, or after one of it failed; nothing
 *          times out whose tuples are done and whose records have all arrived; every emission
 *          is settled, once; at the end the book is empty.
 *          -DPLAIN: the join acks at once, which leaves room for more faults in as many states.
 *          -DLIVE: the same as [](emitted -> <>settled), under weak fairness.
 *
 * Twins (wrong on purpose): -DACK_FIRST -DINIT_TWICE -DEDGE_COPIED -DJOIN_EVEN -DJOIN_EXTRA -DUNDRAINED
 * -DROOT_REUSED -DNO_NET. README.md says what they break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef REPLAYS
#define REPLAYS 1
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef DUPS
#define DUPS 1
#endif
#ifndef FAILS
#define FAILS 1
#endif
#define NONE 255
#define EMISSIONS (MESSAGES + REPLAYS)

/* workers that send records */
#define SPOUT 0
#define SPLIT 1
#define JOIN 2
#define SINK 3
#define WORKERS 4

/* edges; what the join makes of e2 and e3 is e4 and e5 */
#define E1 1
#define E2 2
#define E3 4
#define CHILD(edge) ((edge) << 2)

/* A root is the number of its emission (A7). The twin uses the message's root again; edges
 * are new all the same. */
#ifdef ROOT_REUSED
#define VALUE short
#define ROOT(e) (((e) * ((e) < MESSAGES) + replayed * ((e) >= MESSAGES)) % EMISSIONS)
#define EDGE(e, edge) ((edge) << (5 * ((e) >= MESSAGES)))
#else
#define VALUE byte
#define ROOT(e) (e)
#define EDGE(e, edge) (edge)
#endif

/* st[] of an emission */
#define PENDING 1
#define ACKED 2
#define FAILED 3
/* verdicts; 0: none */
#define V_ACKED 1
#define V_ENDED 2
/* state of an entry of the book; 0: there is none */
#define HEARD 1
#define INIT 2
#define BROKEN 4

typedef records {
	VALUE value[EMISSIONS];
	byte inits;		/* sets of roots */
	byte others		/* fails; from the spout: voids */
};
records fold[WORKERS], wire[WORKERS];
bool on_wire[WORKERS];		/* a frame is in wire[] */
bool again;			/* the spout's frame is to come once more */

VALUE book[EMISSIONS];
byte entry[EMISSIONS];
byte mail[EMISSIONS];		/* the verdict on its way */

byte st[EMISSIONS];		/* the spout's table, by emission */
byte replayed = NONE;		/* the message that the emission MESSAGES is a replay of */
byte emitted, losses, dups, fails;

hidden byte i;			/* scratch inside of steps */
hidden byte early, condemned, all_settled;

/* what nobody in gale knows: */
byte alive[EMISSIONS];		/* edges whose tuples are not done */
bool broken[EMISSIONS];		/* a tuple of it was failed */
bool lost[EMISSIONS];		/* a word about it was lost, or forgotten while it waited for its init */

chan to_split = [2] of { byte };
chan to_join = [2] of { byte, byte };
chan to_sink = [1] of { byte, byte, byte, byte };

#define HAS(set, i) (((set) >> (i)) & 1)
inline tell(w, e, v) { fold[w].value[ROOT(e)] = fold[w].value[ROOT(e)] ^ (v) }

/* The verdicts of one root come in their order; only the first one can matter. */
inline post(r, v) { if :: mail[r] == 0 -> mail[r] = v :: else fi }

/* ---- the spout ---- */

inline emit(e) {
	st[e] = PENDING;
	alive[e] = E1;
	to_split ! e;
	tell(SPOUT, e, EDGE(e, E1));
	fold[SPOUT].inits = fold[SPOUT].inits | (1 << ROOT(e))
}

inline settle(e, how) {
	if
	:: how == V_ACKED ->
		early = alive[e] != 0 || broken[e];
		assert(!early);
		st[e] = ACKED
	:: else ->
		st[e] = FAILED;
		if
		:: REPLAYS > 0 && e < MESSAGES && replayed == NONE -> replayed = e
		:: else
		fi
	fi
}

/* of_root: the emission that waits for a verdict on root r; EMISSIONS: nobody waits, it is late */
inline of_root(r) {
	i = 0;
	do
	:: i < EMISSIONS && !(st[i] == PENDING && ROOT(i) == r) -> i++
	:: else -> break
	od
}

inline verdict(r) {
	of_root(r);
	if
	:: i < EMISSIONS -> settle(i, mail[r])
	:: else
	fi;
	mail[r] = 0
}

inline verdict_lost(r) {
	of_root(r);
	if
	:: i < EMISSIONS -> lost[i] = true
	:: else
	fi;
	losses++;
	mail[r] = 0
}

/* no word for 2 T: failed here, and the acker may forget it */
inline net(e) {
	fold[SPOUT].others = fold[SPOUT].others | (1 << ROOT(e));
	settle(e, V_ENDED)
}

proctype spout() {
end:	do
	:: d_step { emitted < MESSAGES && nfull(to_split) -> emit(emitted); emitted++ }
	:: d_step { replayed != NONE && st[MESSAGES] == 0 && nfull(to_split) -> emit(MESSAGES) }
	:: d_step { mail[0] != 0 -> verdict(0) }
	:: d_step { EMISSIONS > 1 && mail[1 % EMISSIONS] != 0 -> verdict(1 % EMISSIONS) }
	:: d_step { EMISSIONS > 2 && mail[2 % EMISSIONS] != 0 -> verdict(2 % EMISSIONS) }
	:: d_step { losses < LOSSES && mail[0] != 0 -> verdict_lost(0) }
	:: d_step { losses < LOSSES && EMISSIONS > 1 && mail[1 % EMISSIONS] != 0 -> verdict_lost(1 % EMISSIONS) }
	:: d_step { losses < LOSSES && EMISSIONS > 2 && mail[2 % EMISSIONS] != 0 -> verdict_lost(2 % EMISSIONS) }
#ifndef NO_NET
	:: d_step { st[0] == PENDING -> net(0) }
	:: d_step { EMISSIONS > 1 && st[1 % EMISSIONS] == PENDING -> net(1 % EMISSIONS) }
	:: d_step { EMISSIONS > 2 && st[2 % EMISSIONS] == PENDING -> net(2 % EMISSIONS) }
#endif
	od
}

/* ---- the bolts ---- */

inline done(e, edge) { alive[e] = alive[e] & ~(edge) }

inline fail(w, e, edge) {
	fails++;
	broken[e] = true;
	done(e, edge);
	fold[w].others = fold[w].others | (1 << ROOT(e))
}

proctype split() {
	byte e;
end:	do
#ifdef ACK_FIRST
	:: d_step { nempty(to_split) && empty(to_join) -> to_split ? e;
		done(e, E1);
		tell(SPLIT, e, EDGE(e, E1));
		alive[e] = alive[e] | E2 | E3 }
	   d_step {
		to_join ! e, E2; to_join ! e, E3;
		tell(SPLIT, e, EDGE(e, E2) ^ EDGE(e, E3)); e = 0 }
#else
	:: d_step { nempty(to_split) && empty(to_join) -> to_split ? e;
		done(e, E1);
		alive[e] = alive[e] | E2 | E3;
		to_join ! e, E2; to_join ! e, E3;
#ifdef EDGE_COPIED
		tell(SPLIT, e, EDGE(e, E1) ^ EDGE(e, E2) ^ EDGE(e, E2)); e = 0 }
#else
		tell(SPLIT, e, EDGE(e, E1) ^ EDGE(e, E2) ^ EDGE(e, E3)); e = 0 }
#endif
#endif
	:: d_step { fails < FAILS && nempty(to_split) -> to_split ? e; fail(SPLIT, e, E1); e = 0 }
	od
}

#ifdef EDGE_COPIED
#define HELD_EDGE(e, edge) EDGE(e, E2)
#else
#define HELD_EDGE(e, edge) EDGE(e, edge)
#endif

/* ack_held: one of the two, in one record with what was made of it */
inline ack_held(e, edge, child) {
	tell(JOIN, e, HELD_EDGE(e, edge) ^ EDGE(e, child));
	done(e, edge); e = 0; edge = 0; child = 0
}

/* A joined tuple has one edge id for each root. Where both anchors are of one root, one of them
 * registers it: each edge stands in two records, its making and its ack, and in no third. */
proctype join() {
	byte e, edge;		/* the one held, */
	byte e2, edge2;		/* the one that comes */
	byte child, child2;	/* what was made of them */
end:	do
#ifdef PLAIN
	:: d_step { nempty(to_join) -> to_join ? e, edge; ack_held(e, edge, child) }
	:: d_step { fails < FAILS && nempty(to_join) -> to_join ? e, edge; fail(JOIN, e, edge); e = 0; edge = 0 }
#else
	:: atomic { edge == 0 && nempty(to_join) -> to_join ? e, edge }
	:: d_step { edge != 0 && nempty(to_join) && nfull(to_sink) -> to_join ? e2, edge2;
		child = CHILD(edge); child2 = CHILD(edge2);
		if
		:: e != e2 -> to_sink ! e, child, e2, child2
#if defined(JOIN_EVEN) || defined(JOIN_EXTRA)
		:: else ->
			to_sink ! e, child, 0, 0;
			child2 = child;
#ifdef JOIN_EXTRA
			tell(JOIN, e, EDGE(e, child))
#endif
#else
		:: else -> to_sink ! e, child, 0, 0; child2 = 0
#endif
		fi;
		alive[e] = alive[e] | child; alive[e2] = alive[e2] | child2 }
	   if
	   :: d_step { ack_held(e, edge, child) }
	      d_step { ack_held(e2, edge2, child2) }
	   :: d_step { ack_held(e2, edge2, child2) }
	      d_step { ack_held(e, edge, child) }
	   fi
	:: d_step { edge != 0 -> ack_held(e, edge, child) }	/* drained: nothing to join it with */
	:: d_step { fails < FAILS && edge != 0 -> fail(JOIN, e, edge); e = 0; edge = 0 }
#endif
	od
}

proctype sink() {
	byte e, edge, e2, edge2;
end:	do
	:: d_step { nempty(to_sink) -> to_sink ? e, edge, e2, edge2;
		tell(SINK, e, EDGE(e, edge)); done(e, edge);
		if
		:: edge2 != 0 -> tell(SINK, e2, EDGE(e2, edge2)); done(e2, edge2)
		:: else
		fi;
		e = 0; edge = 0; e2 = 0; edge2 = 0 }
	:: d_step { fails < FAILS && nempty(to_sink) -> to_sink ? e, edge, e2, edge2;
		fail(SINK, e, edge);
		if
		:: edge2 != 0 -> fail(SINK, e2, edge2); fails--
		:: else
		fi;
		e = 0; edge = 0; e2 = 0; edge2 = 0 }
	od
}

/* ---- from the workers to the acker ---- */

inline clear(f) {
	i = 0;
	do
	:: i < EMISSIONS -> f.value[i] = 0; i++
	:: else -> break
	od;
	f.inits = 0;
	f.others = 0
}

#define WORDS(f) (f.inits | f.others | f.value[0] | f.value[1 % EMISSIONS] | f.value[2 % EMISSIONS])

inline send(w) {
	i = 0;
	do
	:: i < EMISSIONS -> wire[w].value[i] = fold[w].value[i]; i++
	:: else -> break
	od;
	wire[w].inits = fold[w].inits;
	wire[w].others = fold[w].others;
	on_wire[w] = true;
	clear(fold[w])
}

/* mark_lost: what the frame says of emissions is lost; of a reused root: of all of them. */
inline mark_lost(w) {
	i = 0;
	do
	:: i < EMISSIONS ->
		if
		:: wire[w].value[ROOT(i)] != 0 || HAS(wire[w].inits | wire[w].others, ROOT(i)) ->
			lost[i] = true
		:: else
		fi;
		i++
	:: else -> break
	od
}

/* ---- the acker ---- */

inline forget(r) { entry[r] = 0; book[r] = 0 }

inline hear(r, words, has_init) {
	if
	:: (words) == 0 && !(has_init) && entry[r] == 0
	:: (has_init) && (entry[r] & INIT) ->
		/* a second init: ignored */
#ifdef INIT_TWICE
		book[r] = book[r] ^ (words);
		if
		:: book[r] == 0 -> post(r, V_ACKED); forget(r)
		:: else
		fi;
#endif
		skip
	:: else ->
		entry[r] = entry[r] | HEARD | ((has_init) -> INIT : 0);
		if
		:: (entry[r] & BROKEN) && (entry[r] & INIT) -> post(r, V_ENDED); forget(r)
		:: entry[r] & BROKEN
		:: else ->
			book[r] = book[r] ^ (words);
			if
			:: book[r] == 0 && (entry[r] & INIT) -> post(r, V_ACKED); forget(r)
			:: else
			fi
		fi
	fi
}

inline hear_fail(r) {
	if
	:: entry[r] & INIT -> post(r, V_ENDED); forget(r)
	:: else -> entry[r] = entry[r] | HEARD | BROKEN; book[r] = 0
	fi
}

/* hear_all: inits, acks, then the rest, as flush_acker writes them */
inline hear_all(w) {
	i = 0;
	do
	:: i < EMISSIONS ->
		if
		:: wire[w].value[i] != 0 || HAS(wire[w].inits, i) ->
			hear(i, wire[w].value[i], HAS(wire[w].inits, i))
		:: else
		fi;
		if
		:: HAS(wire[w].others, i) && w == SPOUT -> forget(i)
		:: HAS(wire[w].others, i) && w != SPOUT -> hear_fail(i)
		:: else
		fi;
		i++
	:: else -> break
	od
}

#define DRAINED (!on_wire[SPOUT] && !on_wire[SPLIT] && !on_wire[JOIN] && !on_wire[SINK])
#ifdef UNDRAINED
#define MAY_EXPIRE true
#else
#define MAY_EXPIRE DRAINED
#endif

/* heard_in_full: all tuples of e are done, and all words about it have left their workers and
 * were not lost. */
#define heard_in_full(e) (st[e] == PENDING && alive[e] == 0 && !broken[e] && !lost[e] && \
	fold[SPOUT].value[ROOT(e)] == 0 && fold[SPLIT].value[ROOT(e)] == 0 && \
	fold[JOIN].value[ROOT(e)] == 0 && fold[SINK].value[ROOT(e)] == 0 && mail[ROOT(e)] == 0)

inline expire(r) {
	if
	:: entry[r] & INIT ->
		i = 0;
		do
		:: i < EMISSIONS ->
			condemned = ROOT(i) == r && heard_in_full(i);
			assert(!condemned);
			i++
		:: else -> break
		od;
		post(r, V_ENDED)
	:: else ->
		i = 0;
		do
		:: i < EMISSIONS ->
			if
			:: st[i] == PENDING && ROOT(i) == r -> lost[i] = true
			:: else
			fi;
			i++
		:: else -> break
		od
	fi;
	i = 0;
	forget(r)
}

proctype acker() {
end:	do
	:: d_step { MAY_EXPIRE && entry[0] != 0 -> expire(0) }
	:: d_step { MAY_EXPIRE && EMISSIONS > 1 && entry[1 % EMISSIONS] != 0 -> expire(1 % EMISSIONS) }
	:: d_step { MAY_EXPIRE && EMISSIONS > 2 && entry[2 % EMISSIONS] != 0 -> expire(2 % EMISSIONS) }
	od
}

/* One pipe into the acker. A worker that has nothing else to do, or words that are 1 ms old,
 * lets its fold leave; while the pipe is full the fold goes on merging (F3). */
proctype pipe(byte w) {
end:	do
	:: d_step { !on_wire[w] && WORDS(fold[w]) != 0 -> send(w) }
	:: d_step { on_wire[w] -> hear_all(w); clear(wire[w]); on_wire[w] = false; again = again && w != SPOUT }
	:: d_step { on_wire[w] && w == SPOUT && dups < DUPS && !again -> again = true; hear_all(w); dups++ }
	:: d_step { on_wire[w] && losses < LOSSES && !(w == SPOUT && again) ->
		losses++; mark_lost(w); clear(wire[w]); on_wire[w] = false }
	od
}

/* settled: of a replayed message its replay counts, which is another emission. */
#define SETTLED(e) (st[e] == ACKED || st[e] == FAILED)

init {
	atomic {
		run spout(); run split(); run join(); run sink(); run acker();
		run pipe(SPOUT); run pipe(SPLIT); run pipe(JOIN); run pipe(SINK)
	}
#ifndef LIVE
	timeout;
	d_step {
		all_settled = emitted == MESSAGES && (replayed == NONE || SETTLED(MESSAGES % EMISSIONS));
		i = 0;
		do
		:: i < MESSAGES -> all_settled = all_settled && SETTLED(i); i++
		:: else -> break
		od;
		assert(all_settled);
		i = 0;
		do
		:: i < EMISSIONS -> assert(entry[i] == 0 && mail[i] == 0); i++
		:: else -> break
		od;
		i = 0
	}
#endif
}

#ifdef LIVE
ltl settled {
	[]((st[0] == PENDING) -> <>(st[0] != PENDING)) &&
	[]((st[1] == PENDING) -> <>(st[1] != PENDING))
}
#endif
