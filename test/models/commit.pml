/* commit.pml - batches, rounds and the record: is each applied once, whoever dies and when?
 *
 *     spout --> a --> b            data and markers; a and b have state, b publishes
 *     coordinator <-> each         orders down, reports up
 *
 * Mirrors: runtime/txn/ (the coordinator and the workers' side), runtime/state/ (prepare, reset),
 *          runtime/supervisor/fence.c and runtime/worker/worker.c (succeed) as in fence.pml.
 * Rules:   I1-I4, R1-R4, X1-X8, X12.
 *
 * The coordinator begins batches 1 .. BATCHES, INFLIGHT at a time; the spout cuts each as it
 * likes (content 1 or 2) unless the cut is planned; a emits its whole state to b, so b's input
 * depends on a's state. A worker closes a batch when its marker has come. What both have closed
 * is committed by one round; when both have prepared, the record decides. State is a number with
 * a digit per batch: 0, or what was applied.
 *
 * Frames of later batches than the open one are put aside, which is to say that they stay in the
 * pipe; frames of other generations do not: nobody can tell when what nobody takes is dropped.
 * Of reports, those of older generations are dropped when the generation is raised. A successor is
 * up at once: what happens to a dead start also happens to one to which nobody has switched.
 *
 * On disk: the record and the cuts; of a and b value, txid, undo, base, written in one step; what
 * b has published. All else dies with its worker. Pipes are FIFO; a receiver's death empties
 * them, a sender's death takes any number of the last messages; what is sent to a dead start is
 * lost until the sender has switched. When all senders have, the coordinator is told "lost", and
 * before that, too, if they take long. Who has switched a data edge does not know what of a batch
 * went to the dead start, and does nothing before the reset that is to come: the generation may
 * be newer than that death. Power: all die at once, and a new run starts.
 *
 * There are no timeouts: what hangs, hangs.
 *
 * Shown:   at the end all batches are recorded, and the state of a and b is what the record says,
 *          each batch applied once; at a reset a worker is at the record, or one round ahead with
 *          the undo (X12); what is published stays. With type transactional a batch that has
 *          been closed has the same content ever after.
 *
 * Twins:   -DSELF_UNDO -DROUND_EARLY -DNO_BARRIER -DUNDO_LAST -DANY_COMMIT -DANY_GENERATION
 *          -DCOUNTER_ONLY -DMARKER_FIRST -DSWITCH_GOES_ON -DPUBLISH_EARLY -DPUBLISH_ONCE -DCUT_UNSYNCED
 *          -DREPORTS_TO_THE_DEAD -DTOLD_EARLY -DDEAF
 *          README.md says what they break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCHES
#define BATCHES 2
#endif
#ifndef INFLIGHT
#define INFLIGHT 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef FAILS
#define FAILS 1
#endif
#ifndef LAGGARDS
#define LAGGARDS 1
#endif
#ifndef CONTENTS
#define CONTENTS 2
#endif

#define SPOUT 0
#define A 1
#define B 2
#define COORDINATOR 3
#define SET(w) (1 << (w))
#define STATEFUL (SET(A) | SET(B))
#define WORKERS (SET(SPOUT) | STATEFUL)

/* who sends to whom */
#define SENDERS(to) ((to) == COORDINATOR -> WORKERS : \
	SET(COORDINATOR) | ((to) == A -> SET(SPOUT) : ((to) == B -> SET(A) : 0)))

/* digits: what batch t adds to the state of w */
#define BITS(w) ((w) == B -> 2 * BATCHES : 2)
#define DIGIT(w, t, x) ((x) << (BITS(w) * ((t) - 1)))
#define UP_TO(w, t) ((1 << (BITS(w) * (t))) - 1)
#define CONTENT(digits, t) (((digits) >> (2 * ((t) - 1))) & 3)

/* ---- on disk ---- */

byte record, recorded;			/* L, and the contents of the batches up to it */
byte cuts;				/* contents that are planned for good */
byte txid[3], base[3];			/* base: the txid that the undo goes back to; txid: there is none */
int value[3], undo[3];
byte published;

/* what nobody in gale knows */
byte was_closed;			/* with which content batches were closed by a */
int was_published;

/* ---- in memory ---- */

byte behind[4];				/* senders that still send to a dead start of it */
byte fence, told;			/* whose loss is still to be told; was told before all had switched */
bool lost;				/* the coordinator is told of one */
byte crashes, fails;

byte gen[3];				/* 0: not reset yet */
byte closed[3];
int mem[3];				/* value, and what the open batches have added */

byte start = 1, counter;		/* the coordinator */
byte generation;
byte waiting;				/* who was not yet reset */
byte last;				/* the record, as it knows it */
byte begun, contents, closed_by[3];
byte round, prepared;			/* the round in progress, up to this batch */

#define RESET 1
#define BEGIN 2
#define MARK 3
#define COMMIT 4
#define RECORD 5
chan orders[3] = [5] of { byte, byte, byte, byte };	/* what, txid, generation, content */

#define WAS_RESET 1
#define CUT 2
#define CLOSED 3
#define PREPARED 4
chan reports[3] = [4] of { byte, byte, byte };		/* what, txid, content */

#define DATA 1
#define MARKER 2
chan data[3] = [4] of { byte, byte, byte, byte };	/* what, txid, generation, content */

hidden byte once, same, at_record, overtaken, all_committed;	/* what is asserted */
hidden byte n, x0, x1, x2, x3;		/* scratch inside of steps */

#define REACHES(from, to) (!(behind[to] & SET(from)))

inline empty_orders(w) {
	do
	:: nempty(orders[w]) -> orders[w] ? x0, x1, x2, x3
	:: empty(orders[w]) -> break
	od
}
inline empty_reports(w) {
	do
	:: nempty(reports[w]) -> reports[w] ? x0, x1, x2
	:: empty(reports[w]) -> break
	od
}
inline empty_data(w) {
	do
	:: nempty(data[w]) -> data[w] ? x0, x1, x2, x3
	:: empty(data[w]) -> break
	od
}

inline report(w, g, what, t, x) {
	if
	:: REACHES(w, COORDINATOR) && g == generation -> reports[w] ! what, t, x
	:: else
	fi
}

inline emit(from, to, what, t, x) {
	if
#ifdef ANY_GENERATION
	:: REACHES(from, to) -> data[to] ! what, t, gen[from], x
#else
	:: REACHES(from, to) && gen[from] == gen[to] -> data[to] ! what, t, gen[from], x
#endif
	:: else
	fi
}

/* An order of a new coordinator's proves the old one dead. */
#ifdef REPORTS_TO_THE_DEAD
#define NEWEST(g) false
#elif defined(COUNTER_ONLY)
#define NEWEST(g) true
#else
#define NEWEST(g) ((g) >> 4 == start)
#endif
inline heard(w, g) {
	if
	:: NEWEST(g) -> behind[COORDINATOR] = behind[COORDINATOR] & ~SET(w)
	:: else
	fi
}

/* ---- the spout ---- */

#define IS_BEGIN(w) (orders[w] ? [BEGIN, _, _, _])
#define MAY_EMIT(to) (nfull(data[to]))

inline on_begin(c) {
	orders[SPOUT] ? what, t, g, x;
	heard(SPOUT, g);
	if
	:: g == gen[SPOUT] ->
		if
		:: x == 0 -> x = c
		:: else
		fi;
		emit(SPOUT, A, DATA, t, x);
		report(SPOUT, g, CUT, t, x)
	:: else
	fi;
	what = 0; t = 0; g = 0; x = 0
}

proctype spout() {
	byte what, t, g, x;
end:	do
	:: d_step { IS_BEGIN(SPOUT) && MAY_EMIT(A) -> on_begin(1) }
	:: d_step { IS_BEGIN(SPOUT) && MAY_EMIT(A) && CONTENTS > 1 -> on_begin(2) }
	:: d_step { nempty(orders[SPOUT]) && !IS_BEGIN(SPOUT) && MAY_EMIT(A) ->
		orders[SPOUT] ? what, t, g, x;
		heard(SPOUT, g);
		if
		:: what == RESET && g > gen[SPOUT] -> gen[SPOUT] = g; report(SPOUT, g, WAS_RESET, 0, 0)
		:: what == MARK && g == gen[SPOUT] -> emit(SPOUT, A, MARKER, t, 0)
		:: else
		fi;
		what = 0; t = 0; g = 0; x = 0 }
	od
}

/* ---- the workers with state ---- */

inline publish(upto) {
	if
	:: w == B && upto > published ->
		assert((value[B] & UP_TO(B, published)) == was_published);
		published = upto;
		was_published = value[B] & UP_TO(B, upto)
	:: else
	fi
}

inline go_back() {
	assert(base[w] < txid[w]);
	assert(w == A || published <= base[w]);
	txid[w] = base[w]; value[w] = undo[w]; undo[w] = 0
}

inline reset(l) {
	gen[w] = g;
	if
	:: txid[w] > l -> go_back()
	:: else
	fi;
	at_record = txid[w] == l;
	assert(at_record);
	mem[w] = value[w]; closed[w] = l;
#ifndef ANY_GENERATION
	empty_data(w);
#endif
	report(w, g, WAS_RESET, 0, 0);
#ifndef PUBLISH_ONCE
	publish(l)
#endif
}

#ifdef ANY_COMMIT
#define CLOSED_BY_THIS_START(w, g, t) true
#else
#define CLOSED_BY_THIS_START(w, g, t) ((g) == gen[w] && closed[w] >= (t))
#endif

inline prepare(upto) {
	base[w] = txid[w]; txid[w] = upto;
#ifdef UNDO_LAST
	undo[w] = mem[w] & UP_TO(w, upto - 1);
#else
	undo[w] = value[w];
#endif
	value[w] = mem[w] & UP_TO(w, upto);
#ifdef PUBLISH_EARLY
	publish(upto);
#endif
	report(w, g, PREPARED, upto, 0)
}

inline close() {
	closed[w] = t;
	if
	:: w == A ->
#ifdef MARKER_FIRST
		emit(A, B, MARKER, t, 0);
		emit(A, B, DATA, t, mem[A]);
#else
		emit(A, B, MARKER, t, 0);
#endif
#ifndef OPAQUE
		same = CONTENT(was_closed, t) == 0 || CONTENT(was_closed, t) == CONTENT(mem[A], t);
		assert(same);
		was_closed = was_closed | (CONTENT(mem[A], t) << (2 * (t - 1)))
#endif
	:: else
	fi;
	report(w, gen[w], CLOSED, t, 0)
}

#ifdef ANY_GENERATION
#define OURS(w) _
#else
#define OURS(w) eval(gen[w])
#endif
/* Frames of later batches are put aside; they may as well stay in the pipe. */
#define NEXT(w) (data[w] ?? [_, eval(closed[w] + 1), OURS(w), _])

inline execute() {
	once = (mem[w] & DIGIT(w, t, 15)) == 0;
	assert(once);
	mem[w] = mem[w] | DIGIT(w, t, x);
#ifndef MARKER_FIRST
	if
	:: w == A -> emit(A, B, DATA, t, mem[A])
	:: else
	fi
#endif
}

proctype worker(byte w) {
	byte what, t, g, x;
end:	do
	:: d_step { nempty(orders[w]) ->
		orders[w] ? what, t, g, x;
		heard(w, g);
		if
		:: what == RESET && g > gen[w] -> reset(t)
		:: what == COMMIT && CLOSED_BY_THIS_START(w, g, t) && t > txid[w] -> prepare(t)
		:: what == RECORD && g == gen[w] -> publish(t)
		:: else
		fi;
		what = 0; t = 0; g = 0; x = 0 }
#ifdef ANY_GENERATION
	:: d_step { nempty(data[w]) && gen[w] == 0 -> data[w] ? what, t, g, x;
		what = 0; t = 0; g = 0; x = 0 }
	:: d_step { data[w] ? [_, eval(closed[w]), _, _] -> data[w] ? what, t, g, x;
		what = 0; t = 0; g = 0; x = 0 }
#endif
	:: d_step { gen[w] != 0 && NEXT(w) && (w == B || len(data[B]) < 3) ->
		data[w] ?? what, eval(closed[w] + 1), OURS(w), x;
		t = closed[w] + 1;
		if
		:: what == DATA -> execute()
		:: what == MARKER -> close()
		fi;
		what = 0; t = 0; x = 0 }
#ifdef MARKER_FIRST
	:: d_step { data[w] ? [DATA, eval(closed[w]), _, _] -> overtaken = true; assert(!overtaken) }
#endif
	od
}

/* ---- the coordinator ---- */

inline order(w, what, t, x) {
	if
	:: REACHES(COORDINATOR, w) -> orders[w] ! what, t, generation, x
	:: else
	fi
}
#define MAY_ORDER (len(orders[SPOUT]) < 4 && len(orders[A]) < 4 && len(orders[B]) < 4)

inline raise_generation() {
	counter++;
	assert(counter < 16);
#ifdef COUNTER_ONLY
	generation = counter;
#else
	generation = start << 4 | counter;
#endif
	waiting = WORKERS;
	begun = last; contents = 0; round = 0; prepared = 0;
	closed_by[A] = last; closed_by[B] = last;
	empty_reports(SPOUT); empty_reports(A); empty_reports(B);
	empty_orders(SPOUT);
	order(SPOUT, RESET, last, 0); order(A, RESET, last, 0); order(B, RESET, last, 0)
}

inline on_cut(t, c) {
	contents = contents | (c << (2 * (t - 1)));
#if !defined(OPAQUE) && !defined(CUT_UNSYNCED)
	cuts = cuts | (c << (2 * (t - 1)));
#endif
	order(SPOUT, MARK, t, 0)
}

inline write_record(upto) {
	recorded = recorded | (contents & UP_TO(A, upto) & ~UP_TO(A, record));
	record = upto
}

inline on_prepared(w) {
	prepared = prepared | SET(w);
	if
	:: prepared == STATEFUL ->
		last = round; round = 0; prepared = 0;
#ifndef ROUND_EARLY
		write_record(last);
		order(B, RECORD, last, 0)
#endif
	:: else
	fi
}

inline hear(w) {
	reports[w] ? what, t, c;
	if
	:: what == WAS_RESET -> waiting = waiting & ~SET(w)
	:: what == CUT -> on_cut(t, c)
	:: what == CLOSED -> closed_by[w] = t
	:: what == PREPARED -> on_prepared(w)
	fi;
	what = 0; t = 0; c = 0
}

#ifdef ROUND_EARLY
#define WRITTEN (record == last)
#else
#define WRITTEN true
#endif
#ifdef DEAF
#define HEARS_LOST (waiting == 0)
#else
#define HEARS_LOST true
#endif
#ifdef NO_BARRIER
#define IS_RESET true
#else
#define IS_RESET (waiting == 0)
#endif
#define COMPLETE (closed_by[A] < closed_by[B] -> closed_by[A] : closed_by[B])

proctype coordinator() {
	byte what, t, c;
end:	do
	:: d_step { generation == 0 && MAY_ORDER -> raise_generation() }
	:: d_step { lost && HEARS_LOST && WRITTEN && MAY_ORDER -> lost = false; raise_generation() }
#ifdef DEAF
	:: d_step { lost && !HEARS_LOST -> lost = false }
#endif
	:: d_step { WRITTEN && fails < FAILS && begun > last && MAY_ORDER -> fails++; raise_generation() }
	:: d_step { nempty(reports[SPOUT]) && MAY_ORDER -> hear(SPOUT) }
	:: d_step { nempty(reports[A]) && MAY_ORDER -> hear(A) }
	:: d_step { nempty(reports[B]) && MAY_ORDER -> hear(B) }
	:: d_step { generation != 0 && IS_RESET && begun < BATCHES && begun < last + INFLIGHT && MAY_ORDER ->
		begun++;
		order(SPOUT, BEGIN, begun, CONTENT(cuts, begun)) }
	:: d_step { round == 0 && COMPLETE > last && MAY_ORDER ->
		round = COMPLETE;
		order(A, COMMIT, round, 0); order(B, COMMIT, round, 0) }
#ifdef ROUND_EARLY
	:: d_step { record < last && MAY_ORDER -> write_record(last); order(B, RECORD, last, 0) }
#endif
	od
}

/* ---- the supervisor: who is lost, who has switched, who is told ---- */

/* batch_replaced */
inline switched(sender) {
#ifndef SWITCH_GOES_ON
	if
	:: w != COORDINATOR -> gen[sender] = 0
	:: else
	fi
#else
	skip
#endif
}

proctype life(byte w) {
end:	do
	:: d_step { behind[w] & SET(SPOUT) -> behind[w] = behind[w] & ~SET(SPOUT); switched(SPOUT) }
	:: d_step { behind[w] & SET(A) -> behind[w] = behind[w] & ~SET(A); switched(A) }
	:: d_step { behind[w] & SET(B) -> behind[w] = behind[w] & ~SET(B) }
	:: d_step { behind[w] & SET(COORDINATOR) -> behind[w] = behind[w] & ~SET(COORDINATOR) }
	:: d_step { (fence & SET(w)) && behind[w] == 0 ->
		fence = fence & ~SET(w); told = told & ~SET(w);
		lost = true }
	:: d_step { (fence & SET(w)) && behind[w] != 0 && !(told & SET(w)) && LAGGARDS ->
		told = told | SET(w);
		lost = true }
	od
}

/* ---- death ---- */

inline forget(w) {
	if
	:: w == COORDINATOR -> start++; counter = 0; generation = 0; last = record; begun = record; contents = 0;
		round = 0; prepared = 0; waiting = 0; lost = false;
		closed_by[A] = 0; closed_by[B] = 0;
		empty_reports(SPOUT); empty_reports(A); empty_reports(B)
	:: else -> gen[w] = 0; closed[w] = 0; mem[w] = value[w];
		empty_orders(w); empty_data(w)
	fi;
	n = 0
}

/* die: and have a successor, who sends to the newest starts of all */
inline die(w) {
	forget(w);
	behind[0] = behind[0] & ~SET(w); behind[1] = behind[1] & ~SET(w);
	behind[2] = behind[2] & ~SET(w); behind[3] = behind[3] & ~SET(w);
	behind[w] = SENDERS(w);
	if
	:: w != COORDINATOR ->
		fence = fence | SET(w); told = told & ~SET(w);
#ifdef TOLD_EARLY
		lost = true; fence = fence & ~SET(w);
#endif
#ifdef SELF_UNDO
		if
		:: txid[w] > record -> txid[w] = base[w]; value[w] = undo[w]; undo[w] = 0
		:: else
		fi
#endif
	:: else
	fi;
	crashes++
}

/* power: all die, and a new run starts */
inline power() {
	forget(SPOUT); forget(A); forget(B); forget(COORDINATOR);
	empty_orders(SPOUT); empty_orders(A); empty_orders(B);
	start = 1;
	fence = 0; told = 0;
	behind[0] = 0; behind[1] = 0; behind[2] = 0; behind[3] = 0;
	crashes++
}

/* cut: a dead sender's last message never left; its successor has not yet sent any */
inline cut4(pipe) {
	n = len(pipe) - 1;
	do
	:: n > 0 -> pipe ? x0, x1, x2, x3; pipe ! x0, x1, x2, x3; n--
	:: n == 0 -> break
	od;
	pipe ? x0, x1, x2, x3
}
inline cut3(pipe) {
	n = len(pipe) - 1;
	do
	:: n > 0 -> pipe ? x0, x1, x2; pipe ! x0, x1, x2; n--
	:: n == 0 -> break
	od;
	pipe ? x0, x1, x2
}

proctype faults() {
end:	do
	:: d_step { crashes < CRASHES -> die(SPOUT) }
	:: d_step { crashes < CRASHES -> die(A) }
	:: d_step { crashes < CRASHES -> die(B) }
	:: d_step { crashes < CRASHES -> die(COORDINATOR) }
	:: d_step { crashes < CRASHES -> power() }
	:: d_step { gen[SPOUT] == 0 && len(data[A]) > 0 -> cut4(data[A]) }
	:: d_step { gen[A] == 0 && len(data[B]) > 0 -> cut4(data[B]) }
	:: d_step { gen[SPOUT] == 0 && len(reports[SPOUT]) > 0 -> cut3(reports[SPOUT]) }
	:: d_step { gen[A] == 0 && len(reports[A]) > 0 -> cut3(reports[A]) }
	:: d_step { gen[B] == 0 && len(reports[B]) > 0 -> cut3(reports[B]) }
	:: d_step { generation == 0 && len(orders[SPOUT]) > 0 -> cut4(orders[SPOUT]) }
	:: d_step { generation == 0 && len(orders[A]) > 0 -> cut4(orders[A]) }
	:: d_step { generation == 0 && len(orders[B]) > 0 -> cut4(orders[B]) }
	od
}

/* what b's state is when each batch of `recorded` was applied once */
#if BATCHES == 1
#define EXPECTED recorded
#elif BATCHES == 2
#define EXPECTED (DIGIT(B, 1, recorded & UP_TO(A, 1)) | DIGIT(B, 2, recorded))
#else
#define EXPECTED (DIGIT(B, 1, recorded & UP_TO(A, 1)) | DIGIT(B, 2, recorded & UP_TO(A, 2)) | DIGIT(B, 3, recorded))
#endif

init {
	atomic {
		run spout(); run worker(A); run worker(B); run coordinator();
		run life(SPOUT); run life(A); run life(B); run life(COORDINATOR); run faults()
	}
	timeout;
	all_committed = record == BATCHES && txid[A] == BATCHES && txid[B] == BATCHES;
	assert(all_committed);
	assert(value[A] == recorded);
	assert(value[B] == EXPECTED);
	assert(published == BATCHES && was_published == value[B])
}
