/* failpoint.h - faults on demand, for tests: the n-th write fails, the process dies there.
 *
 * They are in every build, so that what is tested is what is shipped; without
 * GALE_FAILPOINTS in the environment each is one branch that is never taken. The variable
 * holds rules, separated by ";":
 *
 *     [WHO/]POINT=N[,WHAT[,START]]
 *
 * The N-th time (from 1) that process WHO comes to POINT, WHAT happens: "kill" is SIGKILL, "all"
 * is SIGKILL for the supervisor too, and so for everybody; "stop" is SIGSTOP, and after SIGCONT it goes
 * on as if nothing had been; a number is the errno that the call fails with; EIO when nothing is said. WHO is a worker's label ("count[0]") or "supervisor";
 * every process when it is left out. A rule counts for one start of a worker, the first when
 * nothing is said: its successor is healthy.
 *
 *     GALE_FAILPOINTS='count[0]/state.sync=3,kill' gale run t.json
 *
 * A point that strikes says so on standard error: "failpoint alloc reached". So a test can
 * count n up until a run no longer says it, and has had every fault there is.
 *
 * Points: alloc, send, control.send, status.map, spawn.fork, deadletter.write, deadletter.sync,
 * state.open, state.write, state.prepared, state.undone, position.write, position.sync,
 * file.write, file.sync, file.rename, log.write, topology.write.
 *
 * In transactional topologies: before each order of the coordinator to a worker, order.reset,
 * order.begin, order.close, order.mark, order.commit, order.record, order.over; before and
 * after its writes coordinator.cut, coordinator.cut.written, coordinator.record,
 * coordinator.record.written. In other workers, in the order in which they come there:
 * batch.reset, batch.ready (the reset is done, and not answered), batch.emit (each call of a
 * spout's next), batch.work (each part of a frame), batch.cut (a spout's batch is left, and not
 * told), batch.closed (the markers are out, and it was not said), batch.commit, batch.persisted,
 * state.write, state.prepared, batch.prepared (written, and not answered), batch.publish,
 * batch.published. When something fails there it has no effect: they are places to die at.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FAILPOINT_H
#define GALE_FAILPOINT_H

#include <stdbool.h>
#include <stdint.h>

extern bool failpoints_on;

/* failpoints_init reads the rules for the process WHO, start number START. A rule that can't
 * be read ends the process: a test that tests nothing must not pass. Call it once, early. */
void failpoints_init(const char *who, uint32_t start);

/* failpoint_reached counts; true, with errno set, when the caller shall fail. */
bool failpoint_reached(const char *point);

/* failpoint tells whether POINT shall fail now, with errno set. */
static inline bool failpoint(const char *point)
{
	return __builtin_expect(failpoints_on, false) && failpoint_reached(point);
}

#endif
