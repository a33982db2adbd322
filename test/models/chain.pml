/* chain.pml - a bolt that calls another one in its process, and both emit to a third elsewhere: is a
 * message acked only when its tree is done, and is every one acked or failed, without any timeout?
 *
 *     spout --HEAD--> head ==call==> leaf          -DINSIDE: spout ==call==> head ==call==> leaf
 *                      |--OUT--> sink  |
 *                                ^-OUT-'
 *     all of them --records--> acker
 *
 * Mirrors: runtime/worker/inside.h, chain.c (chain_call), host.c (host_hold, host_ack_anchor, fail_root),
 *          source.c (source_emit, over_inside, under_way), fold.c and out.c (flush_acker), acker/ledger.c.
 * Rules:   A1, A2; doc/architecture.md, Chaining.
 *
 * A call is no edge: what the callee emits is its caller's child. What is held gets one; what fails has one
 * that nobody acks. A message that is just being emitted is known to its own worker only: what fails of it is kept
 * until the emit returns; when no edge is left it is over.
 *
 * An edge id is a bit and a root's value is a set of bits. In a call everything happens in one step but
 * what is held: that is acked or failed at any time, and may emit before. Acks and fails of one worker merge
 * in its fold; acks leave with the fails or before them; records of different workers come to the acker in
 * any order. Nothing is lost and there is no time: acker.pml has both.
 *
 * Shown:   no tree reads zero while a tuple of it is not done, or after one has failed; at the end every
 *          message was settled, once, and the acker's book is empty.
 *
 * Twins (wrong on purpose): -DHELD_NO_EDGE -DHELD_TWICE -DFAILED_NO_EDGE -DCHILDREN_LOST, and with -DINSIDE
 * -DFAIL_LOST -DFAIL_UNTOLD -DFAIL_BEHIND -DOVER_OPEN. README.md says what they break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef FAILS
#define FAILS 1
#endif

/* workers that send records; with -DINSIDE all stages but the sink are in SPOUT */
#define SPOUT 0
#define SINK 1
#ifdef INSIDE
#define HERE SPOUT
#define WORKERS 2
#define EMITTING true
#else
#define HERE 2
#define WORKERS 3
#define EMITTING false
#endif

/* Tuples, and their edges, if they have one. */
#define HEAD 1
#define LEAF 2
#define OUT_HEAD 4
#define OUT_LEAF 8
/* edges that nobody acks: of what has failed in a call, and of a message that has failed while it was emitted */
#define DEAD_LEAF 16
#define DEAD_INIT 32

/* what a stage does with the tuple in hand; 0: it acks */
#define EMITS 1
#define HOLDS 2
#define FAILS_IT 4
#define IS_CALLED 8

/* st[] of a message */
#define PENDING 1
#define ACKED 2
#define FAILED 3
/* state of an entry of the book; 0: there is none */
#define HEARD 1
#define INIT 2
#define BROKEN 4

typedef records {
	byte value[MESSAGES];
	byte inits;		/* sets of roots */
	byte fails
};
records fold[WORKERS], wire[WORKERS];
bool on_wire[WORKERS];

byte book[MESSAGES], entry[MESSAGES];
byte st[MESSAGES];
byte held[MESSAGES];		/* HEAD, LEAF: tuples that are held, */
byte head_kids[MESSAGES], leaf_kids[MESSAGES];	/* and what they have emitted */
byte emitted, fails;

hidden byte i;			/* scratch inside of steps */
hidden byte kids, edges;
hidden byte emitting_failed, early, all_settled;

/* what nobody in gale knows: */
byte alive[MESSAGES];		/* tuples that are not done */
bool broken[MESSAGES];		/* one of them was failed */

chan to_head = [MESSAGES] of { byte };
chan to_sink = [2 * MESSAGES] of { byte, byte };

#define HAS(set, i) (((set) >> (i)) & 1)
inline tell(w, e, v) { fold[w].value[e] = fold[w].value[e] ^ (v) }

inline settle(e, how) {
	early = how == ACKED && (alive[e] != 0 || broken[e]);
	assert(!early);
	assert(st[e] == PENDING);
	st[e] = how
}

/* ---- the stages ---- */

inline emit_outside(e, edge) {
	to_sink ! e, edge;
	alive[e] = alive[e] | edge
}

/* fail_root: inside_keeps */
inline fail(e) {
	fails++;
	broken[e] = true;
	if
	:: EMITTING && st[e] == 0 -> emitting_failed = true
	:: else -> fold[HERE].fails = fold[HERE].fails | (1 << e)
	fi
}

/* call_leaf: chain_call. What comes of it is in `kids`. */
inline call_leaf(e, does) {
	kids = 0;
	if
	:: does & EMITS -> emit_outside(e, OUT_LEAF); kids = OUT_LEAF
	:: else
	fi;
	if
	:: does & HOLDS ->
		held[e] = held[e] | LEAF;
		alive[e] = alive[e] | LEAF;
		leaf_kids[e] = kids;
#ifdef HELD_TWICE
		kids = kids ^ LEAF
#elif !defined(HELD_NO_EDGE)
		kids = LEAF
#endif
	:: does & FAILS_IT ->
#ifndef FAILED_NO_EDGE
		kids = kids ^ (EMITTING -> 0 : DEAD_LEAF);
#endif
		fail(e)
	:: else
	fi;
#ifdef CHILDREN_LOST
	kids = kids & ~OUT_LEAF
#endif
}

/* execute_head leaves what its tuple has for children in `edges`, of what is held and acks them itself its own. */
inline execute_head(e, does, leaf) {
	kids = 0;
	edges = 0;
	alive[e] = alive[e] | HEAD;
	if
	:: does & EMITS -> emit_outside(e, OUT_HEAD); edges = OUT_HEAD
	:: else
	fi;
	if
	:: leaf & IS_CALLED -> call_leaf(e, leaf); edges = edges ^ kids
	:: else
	fi;
	if
	:: does & HOLDS ->
		held[e] = held[e] | HEAD;
		head_kids[e] = edges;
		edges = HEAD
	:: does & FAILS_IT ->
		alive[e] = alive[e] & ~HEAD;
		fail(e)
	:: else -> alive[e] = alive[e] & ~HEAD
	fi;
	kids = 0
}

/* choose: what head and leaf will do with a message. */
inline choose(does, leaf) {
	if
	:: does = 0
	:: does = HOLDS
	:: fails < FAILS -> does = FAILS_IT
	fi;
	if
	:: skip
	:: does = does | EMITS
	fi;
	if
	:: leaf = 0
	:: leaf = IS_CALLED
	:: leaf = IS_CALLED | EMITS
	:: leaf = IS_CALLED | HOLDS
	:: leaf = IS_CALLED | HOLDS | EMITS
	:: !(does & FAILS_IT) && fails < FAILS -> leaf = IS_CALLED | FAILS_IT
	:: !(does & FAILS_IT) && fails < FAILS -> leaf = IS_CALLED | FAILS_IT | EMITS
	fi
}

#ifdef INSIDE

/* source_emit: over_inside, under_way */
inline emit(e, does, leaf) {
	emitting_failed = false;
	execute_head(e, does, leaf);
	st[e] = PENDING;
#ifdef FAIL_LOST
	emitting_failed = false;
#endif
	if
#ifdef OVER_OPEN
	:: (edges & HEAD) == 0 -> settle(e, (emitting_failed -> FAILED : ACKED))
#else
	:: edges == 0 -> settle(e, (emitting_failed -> FAILED : ACKED))
#endif
	:: else ->
#ifdef FAIL_BEHIND
		tell(SPOUT, e, edges);
#else
		tell(SPOUT, e, edges ^ (emitting_failed -> DEAD_INIT : 0));
#endif
		fold[SPOUT].inits = fold[SPOUT].inits | (1 << e);
#ifndef FAIL_UNTOLD
		fold[SPOUT].fails = fold[SPOUT].fails | (emitting_failed << e)
#endif
	fi;
	emitting_failed = false
}

proctype spout() {
	byte does, leaf;
end:	do
	:: atomic { emitted < MESSAGES -> choose(does, leaf);
		d_step { emit(emitted, does, leaf); emitted++; edges = 0; does = 0; leaf = 0 } }
	od
}

#else

proctype spout() {
end:	do
	:: d_step { emitted < MESSAGES ->
		st[emitted] = PENDING;
		alive[emitted] = HEAD;
		to_head ! emitted;
		tell(SPOUT, emitted, HEAD);
		fold[SPOUT].inits = fold[SPOUT].inits | (1 << emitted);
		emitted++ }
	od
}

/* execute in bolt.c: one record has the ack and the children (A2) */
proctype head() {
	byte e, does, leaf;
end:	do
	:: atomic { nempty(to_head) -> choose(does, leaf);
		d_step {
			to_head ? e;
			execute_head(e, does, leaf);
			if
			:: does & (HOLDS | FAILS_IT)
			:: else -> tell(HERE, e, HEAD ^ edges)
			fi;
			e = 0; edges = 0; does = 0; leaf = 0 } }
	od
}

#endif

/* What is held, of message e. */
inline let_go(e, tuple) {
	held[e] = held[e] & ~tuple;
	alive[e] = alive[e] & ~tuple
}

proctype later(byte e) {
end:	do
	:: d_step { held[e] & LEAF -> tell(HERE, e, LEAF ^ leaf_kids[e]); leaf_kids[e] = 0; let_go(e, LEAF) }
	:: d_step { held[e] & HEAD -> tell(HERE, e, HEAD ^ head_kids[e]); head_kids[e] = 0; let_go(e, HEAD) }
	:: d_step { held[e] & LEAF && leaf_kids[e] == 0 -> emit_outside(e, OUT_LEAF); leaf_kids[e] = OUT_LEAF }
	:: d_step { held[e] & LEAF && fails < FAILS -> fail(e); leaf_kids[e] = 0; let_go(e, LEAF) }
	:: d_step { held[e] & HEAD && fails < FAILS -> fail(e); head_kids[e] = 0; let_go(e, HEAD) }
	od
}

proctype sink() {
	byte e, edge;
end:	do
	:: d_step { nempty(to_sink) -> to_sink ? e, edge;
		tell(SINK, e, edge);
		alive[e] = alive[e] & ~edge; e = 0; edge = 0 }
	od
}

/* ---- from the workers to the acker ---- */

#define ACKS(f) (f.inits | f.value[0] | f.value[MESSAGES - 1])

/* send: ALL, or what fails stays until the next frame */
inline send(w, all) {
	i = 0;
	do
	:: i < MESSAGES -> wire[w].value[i] = fold[w].value[i]; fold[w].value[i] = 0; i++
	:: else -> break
	od;
	wire[w].inits = fold[w].inits;
	fold[w].inits = 0;
	wire[w].fails = (all -> fold[w].fails : 0);
	fold[w].fails = (all -> 0 : fold[w].fails);
	on_wire[w] = true
}

inline forget(r) { entry[r] = 0; book[r] = 0 }

inline hear(r, words, has_init) {
	if
	:: (words) == 0 && !(has_init)
	:: else ->
		entry[r] = entry[r] | HEARD | ((has_init) -> INIT : 0);
		book[r] = book[r] ^ ((entry[r] & BROKEN) -> 0 : (words));
		if
		:: (entry[r] & BROKEN) && (entry[r] & INIT) -> settle(r, FAILED); forget(r)
		:: !(entry[r] & BROKEN) && (entry[r] & INIT) && book[r] == 0 -> settle(r, ACKED); forget(r)
		:: else
		fi
	fi
}

inline hear_fail(r) {
	if
	:: entry[r] & INIT -> settle(r, FAILED); forget(r)
	:: st[r] != ACKED && st[r] != FAILED -> entry[r] = entry[r] | HEARD | BROKEN; book[r] = 0
	:: else		/* late, and dropped with the root */
	fi
}

/* What comes of a root whose verdict is out finds no entry; such are dropped in time (acker.pml). */
inline hear_all(w) {
	i = 0;
	do
	:: i < MESSAGES ->
		if
		:: st[i] != ACKED && st[i] != FAILED -> hear(i, wire[w].value[i], HAS(wire[w].inits, i))
		:: else
		fi;
		if
		:: HAS(wire[w].fails, i) -> hear_fail(i)
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
		run spout(); run sink(); run later(0); run later(MESSAGES - 1);
		run pipe(SPOUT); run pipe(SINK);
#ifndef INSIDE
		run head(); run pipe(HERE)
#endif
	}
	timeout;
	d_step {
		all_settled = emitted == MESSAGES;
		i = 0;
		do
		:: i < MESSAGES ->
			all_settled = all_settled && (st[i] == ACKED || st[i] == FAILED);
			i++
		:: else -> break
		od;
		assert(all_settled);
		i = 0;
		do
		:: i < MESSAGES -> assert(entry[i] == 0 && held[i] == 0); i++
		:: else -> break
		od;
		i = 0
	}
}
