/* health.js - what the numbers of a status document mean for a box or an edge of the graph.
 * SPDX-License-Identifier: Apache-2.0 */
import { percent, plural } from "./format.js";

const BLOCKED_FROM = 0.1;	/* less of its time is no trouble */
const BUSY_FROM = 0.8;
const QUEUE_FROM = 4;		/* frames */

/* inTrouble gives what is wrong with a component in a few words; null: nothing. */
function inTrouble(c) {
	const w = c.window;

	if (w.timedOut > 0)
		return `${plural(w.timedOut, "timed out", "timed out")}`;
	if (w.failed > 0)
		return `${plural(w.failed, "failed", "failed")}`;
	if (w.deadLettered > 0)
		return plural(w.deadLettered, "dead letter");
	return null;
}

/* componentHealth: state is failing, bottleneck, inactive or fine; badge says it in words. */
export function componentHealth(c, status) {
	const trouble = inTrouble(c);
	const quiet = c.window.executedPerSecond === 0 && c.window.emittedPerSecond === 0 && c.window.ackedPerSecond === 0;

	if (trouble !== null)
		return { state: "failing", badge: trouble };
	if (status.advice?.bottleneck === c.id && !["none", "unknown"].includes(status.advice.kind))
		return { state: "bottleneck", badge: "bottleneck" };
	if (status.status === "INACTIVE" && c.type === "spout")
		return { state: "inactive", badge: "paused" };
	if (quiet)
		return { state: "inactive", badge: "no tuples" };
	if (c.type === "spout" && c.window.blocked >= BLOCKED_FROM)
		return { state: "fine", badge: `waits ${percent(c.window.blocked)}` };
	return { state: "fine", badge: null };
}

/* rateOf is the number that tells most of a component. */
export function rateOf(c) {
	if (c.type === "spout")
		return c.window.emittedPerSecond;
	return c.type === "bolt" ? c.window.executedPerSecond : c.window.ackedPerSecond;
}

export function p99Of(c) {
	return (c.type === "spout" ? c.window.completeLatencyMs : c.window.executeLatencyMs)?.p99 ?? null;
}

/* edgeHealth: what waits along an edge, and whether that holds its source back. */
export function edgeHealth(from, to, frames) {
	const waits = frames >= QUEUE_FROM && (to.window.busy >= BUSY_FROM || from.window.blocked >= BLOCKED_FROM);

	if (!waits)
		return { state: "free", label: null };
	return from.window.blocked >= BLOCKED_FROM
		? { state: "blocking", label: `blocks ${percent(from.window.blocked)}` }
		: { state: "blocking", label: `queue ${frames}` };
}
