/* fence.pml - workers are lost, two in any order and at any moment: does a root stay open for ever?
 *
 *     spout --> bolt --> sink      one tuple a root, by either way; the sink's record completes it
 *           ----------->           spout, sink --records--> acker --verdicts--> spout
 *
 * Mirrors: runtime/supervisor/fence.c (who has to confirm, whom to tell) and life.c (the table at
 *          the hello), runtime/worker/worker.c (on_switch, worker_frame_ok) and out.c (out_switch),
 *          runtime/worker/verdict.c (verdict_lost: what fails is voided), acker/acker.c (succeeded,
 *          replaced), acker/ledger.c (ledger_drop_older).
 * Rules:   I1-I4, A6, R1-R6.
 *
 * One fence per worker: the new start, and the senders that have yet to confirm. It begins when
 * the successor says hello, which is when it gets the table of starts and becomes a sender of
 * later fences, and takes the place of one that is still up. A dead sender is struck; a
 * confirmation names the start that was switched to; one for an older start does not count. When
 * all have confirmed, or without those that take long, the spout is told "lost" and fails all that
 * is pending, and again whenever a laggard confirms. Control channels are FIFO, one per worker and
 * direction.
 *
 * Pipes: one per edge and start of the sender, to the receiver's present start; what is sent to
 * another start is gone. A receiver's death empties its pipes; a sender's death takes any number
 * of the last frames. There is no message timeout: what hangs, hangs.
 *
 * Shown:   at the end no root is pending, and the acker's book is empty; nothing is acked that
 *          the sink has not got.
 *
 * Twins:   -DNO_WAIT -DANY_CONFIRM -DTABLE_AT_EXEC -DLAGGARD_ONCE -DNO_INCARNATION -DFRAMES_ONLY
 *          -DMAIL_LOST
 *          README.md says what they break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ROOTS
#define ROOTS 2
#endif
/* how many are lost in all, and of each kind at most */
#ifndef LOSSES
#define LOSSES 2
#endif
#ifndef SPOUT_LOSSES
#define SPOUT_LOSSES 2
#endif
#ifndef BOLT_LOSSES
#define BOLT_LOSSES 2
#endif
#ifndef SINK_LOSSES
#define SINK_LOSSES 2
#endif
#ifndef ACKER_LOSSES
#define ACKER_LOSSES 2
#endif
#define STARTS 3

#define SPOUT 0
#define BOLT 1
#define SINK 2
#define ACKER 3
#define WORKERS 4
#define SET(w) (1 << (w))

/* who sends to whom */
#define SENDERS(to) ((to) == SPOUT -> SET(ACKER) : ((to) == BOLT -> SET(SPOUT) : \
	((to) == SINK -> (SET(SPOUT) | SET(BOLT)) : (SET(SPOUT) | SET(SINK)))))

/* a worker: DEAD until it is reaped, STARTING until its hello */
#define UP 0
#define STARTING 1
#define DEAD 2
byte state[WORKERS];
byte start[WORKERS];
byte lost[WORKERS], losses;

/* table: which start of `to` w is connected to; seen: the newest start of `from` that w knows of */
byte table[16], seen[16];
#define AT(w, other) (4 * (w) + (other))

/* Sets of roots: in the pipes, by the start of the sender; */
byte spout_bolt[STARTS], spout_sink[STARTS], bolt_sink[STARTS];
byte inits[STARTS], voids[STARTS], dones[STARTS], verdicts[STARTS];
/* in the workers: */
byte pending, fold_inits, fold_voids;	/* the spout */
byte hand;				/* the bolt */
byte fold_dones;			/* the sink */
byte book_inits, book_dones;		/* the acker */
/* and what nobody in gale knows: */
byte got;				/* the sink has had it */
byte owned[STARTS];			/* by the spout of that start */

byte emitted;
hidden byte i;				/* scratch inside of steps */
hidden byte kept, kept2;

/* what the supervisor knows */
byte fence_start[WORKERS];
byte fence_wait[WORKERS];		/* the set of workers that have yet to confirm */
byte fences, told;			/* sets of workers: whose fence is on, who of them was told of */

/* control channels: the start of a peer, or LOST */
#define LOST 99
chan control[WORKERS] = [4] of { byte, byte };
chan confirm[WORKERS] = [4] of { byte, byte };

/* put: into a pipe if the receiver is where the sender believes it to be */
inline put(from, to, pipe, what) {
	if
	:: table[AT(from, to)] == start[to] && state[to] != DEAD -> pipe = pipe | (what)
	:: else
	fi
}

/* Worker w looks at what comes from start k of `from`: an older one than it has seen is dropped. */
#ifdef NO_INCARNATION
#define TOO_OLD(w, from, k) false
#else
#define TOO_OLD(w, from, k) ((k) < seen[AT(w, from)])
#endif
inline see(w, from, k) {
	if
	:: (k) > seen[AT(w, from)] -> seen[AT(w, from)] = k
	:: else
	fi
}

/* never back: an order may be older than what the successor's frames have told */
inline switch_to(w, about, k) {
	if
	:: k > table[AT(w, about)] -> table[AT(w, about)] = k
	:: else
	fi;
	confirm[w] ! about, k
}

/* ---- the workers ---- */

inline emit_to(to, pipe) {
	put(SPOUT, to, pipe, 1 << emitted);
	pending = pending | (1 << emitted);
	fold_inits = fold_inits | (1 << emitted);
	owned[start[SPOUT]] = owned[start[SPOUT]] | (1 << emitted);
	emitted++
}

inline on_verdicts(k) {
	if
	:: TOO_OLD(SPOUT, ACKER, k)
	:: else ->
		see(SPOUT, ACKER, k);
		assert((pending & verdicts[k] & ~got) == 0);
		pending = pending & ~verdicts[k]
	fi;
	verdicts[k] = 0
}

proctype spout() {
	byte about, k;
end:	do
	:: d_step { state[SPOUT] == UP && emitted < ROOTS -> emit_to(BOLT, spout_bolt[start[SPOUT]]) }
	:: d_step { state[SPOUT] == UP && emitted < ROOTS -> emit_to(SINK, spout_sink[start[SPOUT]]) }
	:: d_step { state[SPOUT] == UP && (fold_inits | fold_voids) != 0 ->
		put(SPOUT, ACKER, inits[start[SPOUT]], fold_inits);
		put(SPOUT, ACKER, voids[start[SPOUT]], fold_voids);
		fold_inits = 0; fold_voids = 0 }
	:: d_step { state[SPOUT] == UP && verdicts[0] != 0 -> on_verdicts(0) }
	:: d_step { state[SPOUT] == UP && verdicts[1] != 0 -> on_verdicts(1) }
	:: d_step { state[SPOUT] == UP && verdicts[2] != 0 -> on_verdicts(2) }
	:: d_step { state[SPOUT] == UP && nempty(control[SPOUT]) ->
		control[SPOUT] ? about, k;
		if
		:: k == LOST -> fold_voids = fold_voids | pending; pending = 0
		:: else -> switch_to(SPOUT, about, k)
		fi;
		about = 0; k = 0 }
	od
}

inline take(k, what) {
	if
	:: TOO_OLD(BOLT, SPOUT, k) -> spout_bolt[k] = 0
	:: else ->
		see(BOLT, SPOUT, k);
		hand = what;
		spout_bolt[k] = spout_bolt[k] & ~what
	fi
}

proctype bolt() {
	byte about, k;
end:	do
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[0] & 1) -> take(0, 1) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[0] & 2) -> take(0, 2) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[0] & 4) -> take(0, 4) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[1] & 1) -> take(1, 1) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[1] & 2) -> take(1, 2) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[1] & 4) -> take(1, 4) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[2] & 1) -> take(2, 1) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[2] & 2) -> take(2, 2) }
	:: d_step { state[BOLT] == UP && hand == 0 && (spout_bolt[2] & 4) -> take(2, 4) }
	:: d_step { state[BOLT] == UP && hand != 0 ->
		put(BOLT, SINK, bolt_sink[start[BOLT]], hand); hand = 0 }
	:: d_step { state[BOLT] == UP && nempty(control[BOLT]) ->
		control[BOLT] ? about, k; switch_to(BOLT, about, k); about = 0; k = 0 }
	od
}

inline receive(from, pipe, k) {
	if
	:: TOO_OLD(SINK, from, k)
	:: else ->
		see(SINK, from, k);
		got = got | pipe;
		fold_dones = fold_dones | pipe
	fi;
	pipe = 0
}

proctype sink() {
	byte about, k;
end:	do
	:: d_step { state[SINK] == UP && spout_sink[0] != 0 -> receive(SPOUT, spout_sink[0], 0) }
	:: d_step { state[SINK] == UP && spout_sink[1] != 0 -> receive(SPOUT, spout_sink[1], 1) }
	:: d_step { state[SINK] == UP && spout_sink[2] != 0 -> receive(SPOUT, spout_sink[2], 2) }
	:: d_step { state[SINK] == UP && bolt_sink[0] != 0 -> receive(BOLT, bolt_sink[0], 0) }
	:: d_step { state[SINK] == UP && bolt_sink[1] != 0 -> receive(BOLT, bolt_sink[1], 1) }
	:: d_step { state[SINK] == UP && bolt_sink[2] != 0 -> receive(BOLT, bolt_sink[2], 2) }
	:: d_step { state[SINK] == UP && fold_dones != 0 ->
		put(SINK, ACKER, dones[start[SINK]], fold_dones); fold_dones = 0 }
	:: d_step { state[SINK] == UP && nempty(control[SINK]) ->
		control[SINK] ? about, k; switch_to(SINK, about, k); about = 0; k = 0 }
	od
}

inline complete() {
	put(ACKER, SPOUT, verdicts[start[ACKER]], book_inits & book_dones);
	i = book_inits & book_dones;
	book_inits = book_inits & ~i;
	book_dones = book_dones & ~i;
	i = 0
}

/* drop_older: roots of spouts before start k (A6) */
inline drop_older(k) {
	i = 0;
	do
	:: i < k -> book_inits = book_inits & ~owned[i]; i++
	:: else -> break
	od;
	i = 0
}

inline on_records(k) {
	if
	:: TOO_OLD(ACKER, SPOUT, k)
	:: else ->
		if
		:: k > seen[AT(ACKER, SPOUT)] ->
			seen[AT(ACKER, SPOUT)] = k; drop_older(k);
#ifndef MAIL_LOST
			table[AT(ACKER, SPOUT)] = k	/* worker.c, succeed */
#endif
		:: else
		fi;
		book_inits = book_inits | inits[k];
		complete();
		book_inits = book_inits & ~voids[k];
		book_dones = book_dones & ~voids[k]
	fi;
	inits[k] = 0;
	voids[k] = 0
}

inline on_dones(k) {
	if
	:: TOO_OLD(ACKER, SINK, k)
	:: else ->
		see(ACKER, SINK, k);
		book_dones = book_dones | dones[k];
		complete()
	fi;
	dones[k] = 0
}

proctype acker() {
	byte about, k;
end:	do
	:: d_step { state[ACKER] == UP && (inits[0] | voids[0]) != 0 -> on_records(0) }
	:: d_step { state[ACKER] == UP && (inits[1] | voids[1]) != 0 -> on_records(1) }
	:: d_step { state[ACKER] == UP && (inits[2] | voids[2]) != 0 -> on_records(2) }
	:: d_step { state[ACKER] == UP && dones[0] != 0 -> on_dones(0) }
	:: d_step { state[ACKER] == UP && dones[1] != 0 -> on_dones(1) }
	:: d_step { state[ACKER] == UP && dones[2] != 0 -> on_dones(2) }
	:: d_step { state[ACKER] == UP && nempty(control[ACKER]) ->
		control[ACKER] ? about, k;
#ifndef FRAMES_ONLY
		see(ACKER, about, k);
		drop_older(k);
#endif
		switch_to(ACKER, about, k); about = 0; k = 0 }
	od
}

/* ---- the supervisor ---- */

inline hand_over_table(w) {
	table[AT(w, 0)] = start[0]; table[AT(w, 1)] = start[1];
	table[AT(w, 2)] = start[2]; table[AT(w, 3)] = start[3]
}

inline empty_channels(w) {
	do
	:: nempty(control[w]) -> control[w] ? i, i
	:: empty(control[w]) -> break
	od;
	do
	:: nempty(confirm[w]) -> confirm[w] ? i, i
	:: empty(confirm[w]) -> break
	od;
	i = 0
}

inline reap(w) {
	start[w]++;
	state[w] = STARTING;
	empty_channels(w);
	fence_wait[0] = fence_wait[0] & ~SET(w); fence_wait[1] = fence_wait[1] & ~SET(w);
	fence_wait[2] = fence_wait[2] & ~SET(w); fence_wait[3] = fence_wait[3] & ~SET(w)
#ifdef TABLE_AT_EXEC
	;
	hand_over_table(w)
#endif
}

/* could_reach: a spout's own loss is none of what it has pending. */
inline tell_spout(w) {
	if
	:: (w) != SPOUT && state[SPOUT] == UP -> control[SPOUT] ! w, LOST
	:: else
	fi
}

/* What is sent to a worker that has died and is not yet reaped, nobody reads. */
inline tell_sender(w, from) {
	if
	:: (SENDERS(w) & SET(from)) && state[from] != STARTING ->
		fence_wait[w] = fence_wait[w] | SET(from);
		if
		:: state[from] == UP -> control[from] ! w, start[w]
		:: else
		fi
	:: else
	fi
}

inline hello(w) {
	state[w] = UP;
#ifndef TABLE_AT_EXEC
	hand_over_table(w);
#endif
	fences = fences | SET(w);
	told = told & ~SET(w);
	fence_start[w] = start[w];
	fence_wait[w] = 0;
	tell_sender(w, SPOUT); tell_sender(w, BOLT); tell_sender(w, SINK); tell_sender(w, ACKER);
#ifdef NO_WAIT
	tell_spout(w);
	fence_wait[w] = 0;
	told = told | SET(w)
#endif
}

#ifdef ANY_CONFIRM
#define COUNTS(w, k) true
#else
#define COUNTS(w, k) ((k) >= fence_start[w])
#endif
inline on_confirm(from) {
	confirm[from] ? about, k;
	if
	:: (fence_wait[about] & SET(from)) && COUNTS(about, k) ->
		fence_wait[about] = fence_wait[about] & ~SET(from);
#ifndef LAGGARD_ONCE
		if
		:: told & SET(about) -> tell_spout(about)
		:: else
		fi
#endif
	:: else
	fi;
	about = 0; k = 0
}

/* fence: all have confirmed, or a tenth of a second has passed */
inline all_confirmed(w) {
	if
	:: !(told & SET(w)) -> tell_spout(w)
	:: else
	fi;
	fences = fences & ~SET(w);
	told = told & ~SET(w)
}
inline too_slow(w) {
	told = told | SET(w);
	tell_spout(w)
}

#define FENCE(w) ((fences & SET(w)) && nfull(control[SPOUT]))
#define CAN_TELL (nfull(control[SPOUT]) && nfull(control[BOLT]) && nfull(control[SINK]) && nfull(control[ACKER]))

proctype supervisor() {
	byte about, k;
end:	do
	:: d_step { nempty(confirm[SPOUT]) && CAN_TELL -> on_confirm(SPOUT) }
	:: d_step { nempty(confirm[BOLT]) && CAN_TELL -> on_confirm(BOLT) }
	:: d_step { nempty(confirm[SINK]) && CAN_TELL -> on_confirm(SINK) }
	:: d_step { nempty(confirm[ACKER]) && CAN_TELL -> on_confirm(ACKER) }
	od
}

/* life: what concerns worker w: its death, its successor, its fence */
proctype life(byte w) {
end:	do
	:: d_step { state[w] == DEAD -> reap(w) }
	:: d_step { state[w] == STARTING && CAN_TELL -> hello(w) }
	:: d_step { FENCE(w) && fence_wait[w] == 0 -> all_confirmed(w) }
	:: d_step { FENCE(w) && fence_wait[w] != 0 && !(told & SET(w)) -> too_slow(w) }
	od
}

/* ---- death ---- */

#define MOST(w) ((w) == SPOUT -> SPOUT_LOSSES : ((w) == BOLT -> BOLT_LOSSES : \
	((w) == SINK -> SINK_LOSSES : ACKER_LOSSES)))

/* die: pipes to w are gone; of what it sent the receivers get what is in `kept` */
inline die(w) {
	losses++;
	lost[w]++;
	state[w] = DEAD;
	i = 0;
	do
	:: i < STARTS ->
		if
		:: w == SPOUT -> verdicts[i] = 0
		:: w == BOLT -> spout_bolt[i] = 0
		:: w == SINK -> spout_sink[i] = 0; bolt_sink[i] = 0
		:: else -> inits[i] = 0; voids[i] = 0; dones[i] = 0
		fi;
		i++
	:: else -> break
	od;
	i = start[w];
	if
	:: w == SPOUT ->
		spout_bolt[i] = spout_bolt[i] & kept; spout_sink[i] = spout_sink[i] & kept;
		inits[i] = inits[i] & kept2; voids[i] = voids[i] & kept2;
		pending = 0; fold_inits = 0; fold_voids = 0
	:: w == BOLT -> bolt_sink[i] = bolt_sink[i] & kept; hand = 0
	:: w == SINK -> dones[i] = dones[i] & kept; fold_dones = 0
	:: else -> verdicts[i] = verdicts[i] & kept; book_inits = 0; book_dones = 0
	fi;
	/* nothing of it is left to know */
	table[AT(w, 0)] = 0; table[AT(w, 1)] = 0; table[AT(w, 2)] = 0; table[AT(w, 3)] = 0;
	seen[AT(w, 0)] = 0; seen[AT(w, 1)] = 0; seen[AT(w, 2)] = 0; seen[AT(w, 3)] = 0;
	i = 0; kept = 0; kept2 = 0
}

#define MAY_DIE(w) (losses < LOSSES && lost[w] < MOST(w) && state[w] != DEAD)
#define ALL ((1 << ROOTS) - 1)

proctype faults(byte w) {
end:	do
	:: d_step { MAY_DIE(w) -> kept = ALL; kept2 = ALL; die(w) }
	:: d_step { MAY_DIE(w) -> kept = 0; kept2 = 0; die(w) }
	:: d_step { MAY_DIE(w) && ROOTS > 1 -> kept = 1; kept2 = 1; die(w) }
	:: d_step { MAY_DIE(w) && ROOTS > 1 -> kept = 2; kept2 = 2; die(w) }
	:: d_step { MAY_DIE(w) && w == SPOUT -> kept = ALL; kept2 = 0; die(w) }
	:: d_step { MAY_DIE(w) && w == SPOUT -> kept = 0; kept2 = ALL; die(w) }
	od
}

init {
	atomic {
		run spout(); run bolt(); run sink(); run acker(); run supervisor();
		run life(SPOUT); run life(BOLT); run life(SINK); run life(ACKER);
		run faults(SPOUT); run faults(BOLT); run faults(SINK); run faults(ACKER)
	}
	timeout;
	assert(pending == 0);
	assert(book_inits == 0)
}
