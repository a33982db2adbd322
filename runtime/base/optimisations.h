/* optimisations.h - what only makes gale faster, so that tests can do without it.
 *
 * Each of these may be left out, and every promise holds all the same: then the plain way is taken, which
 * is there for what the fast one can't do, or a bound has its smallest value. They are constants, and
 * what is not taken is not compiled. They are no options: nobody who runs topologies has a reason to
 * switch one off, and what is slow and right helps only to tell whether what is fast is right. So a
 * build for tests sets them, and nothing else does:
 *
 *     ./configure CPPFLAGS=-DOPTIMISE_RUNS=0      without this one
 *     ./configure CPPFLAGS=-DOPTIMISE=0           without any
 *     make optimisations                          tests without each of them, and without any
 *
 * test/optimisations reads the names here. The idea is SQLite's, whose tests switch off parts of its query
 * planner (SQLITE_TESTCTRL_OPTIMIZATIONS). What can be switched at run time is in the topology:
 * topology.chaining, topology.combining. What each brought is in doc/performance.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OPTIMISATIONS_H
#define GALE_OPTIMISATIONS_H

#ifndef OPTIMISE
#define OPTIMISE 1
#endif

/* A frame has many tuples (F1). Off: one. sink.h */
#ifndef OPTIMISE_FRAMES
#define OPTIMISE_FRAMES OPTIMISE
#endif

/* A frame may become 1 ms old while its worker has something to do (F7). Off: it leaves before the next
 * execute, next or turn. out.h */
#ifndef OPTIMISE_WAITING
#define OPTIMISE_WAITING OPTIMISE
#endif

/* It may become older where there are many destinations. out.h */
#ifndef OPTIMISE_WIDE_WAITING
#define OPTIMISE_WIDE_WAITING OPTIMISE
#endif

/* The clock is read once for a group of executes, and so is what waits looked at. Off: for each. bolt.c */
#ifndef OPTIMISE_GROUPS
#define OPTIMISE_GROUPS OPTIMISE
#endif

/* Records of one root are merged while they wait (A2, Storm's idea of the XOR taken further). Off: each leaves
 * by itself. fold.h */
#ifndef OPTIMISE_MERGING
#define OPTIMISE_MERGING OPTIMISE
#endif

/* The acks of neighbouring tuples of one root are one before they come to the fold. bolt.c */
#ifndef OPTIMISE_NEIGHBOURS
#define OPTIMISE_NEIGHBOURS OPTIMISE
#endif

/* A fold finds a root by its distance from the first, or by halves. Off: by an index. fold.h */
#ifndef OPTIMISE_FOLD_ORDER
#define OPTIMISE_FOLD_ORDER OPTIMISE
#endif

/* Records of roots that follow each other, and verdicts on them, are one. Off: lists of roots, and a
 * verdict for each. fold.c, acker.c */
#ifndef OPTIMISE_RUNS
#define OPTIMISE_RUNS OPTIMISE
#endif

/* Messages in flight lie in a ring by root. Off: all but the last are in the table with the index. pending.h */
#ifndef OPTIMISE_PENDING_RING
#define OPTIMISE_PENDING_RING OPTIMISE
#endif

/* So do the trees in the acker's book. Off: all but the last are in the pool. ledger.c */
#ifndef OPTIMISE_LEDGER_RING
#define OPTIMISE_LEDGER_RING OPTIMISE
#endif

/* A message that is closed is the first of its position's row, or behind the one before. Off: it is searched for.
 * position.h */
#ifndef OPTIMISE_POSITIONS
#define OPTIMISE_POSITIONS OPTIMISE
#endif

/* A flat tuple of one root is emitted in one go. Off: it is measured, checked and routed as any other. Where an
 * equal one waits is then not looked for (combine.h). route.c, source.c, chain.c */
#ifndef OPTIMISE_SHORT_EMIT
#define OPTIMISE_SHORT_EMIT OPTIMISE
#endif

/* A flat tuple of one root is read inline, a flat key hashed where it is written. wire.h, group.c */
#ifndef OPTIMISE_SHORT_READ
#define OPTIMISE_SHORT_READ OPTIMISE
#endif

/* ZeroMQ is asked for news at every fourth frame, and not for 50 us after it has said that there are none; a
 * bolt that has no messages of its own does not ask for verdicts. Off: each time. transport.c, source.c */
#ifndef OPTIMISE_LOOKS
#define OPTIMISE_LOOKS OPTIMISE
#endif

#endif
