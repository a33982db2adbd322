/* columns.js - the columns of the tables of components, executors and tasks: Storm's, and gale's own.
 *
 * Numbers are of the chosen window where there is one. SPDX-License-Identifier: Apache-2.0 */
import { attr, el, text } from "./dom.js";
import { bytes, clock, count, milliseconds, percent, rate } from "./format.js";
import { toComponent } from "./router.js";
import { link, number } from "./table.js";
import { tellTimes, timeBar } from "./parts.js";

const latency = (row, kind, of) => (row.window ?? row)[`${kind}LatencyMs`]?.[of] ?? null;
const inWindow = (name) => (row) => (row.window ?? row)[name] ?? null;

function counter(id, label, tip) {
	return { id, label, tip, value: inWindow(id), show: number(inWindow(id), count) };
}

function latencyColumn(kind, of, label, tip) {
	const value = (row) => latency(row, kind, of);
	return { id: `${kind}-${of}`, label, tip, value, show: number(value, milliseconds) };
}

function plain(id, label, tip, format = count) {
	const value = (row) => row[id] ?? null;
	return { id, label, tip, value, show: number(value, format) };
}

/* 0: not known, or told of the component whose workers it is in. */
function memory(x) {
	return x > 0 ? bytes(x) : "–";
}

const TIPS = {
	executors: "Executors: processes (or stages of a chained one) that share the component's tasks.",
	tasks: "Tasks: instances of the component. Their number is fixed; a rebalance moves them.",
	emitted: "Tuples emitted in the window, on all streams. Exact: none is sampled.",
	transferred: "Tuples delivered to tasks in the window. One that goes to three tasks counts three times.",
	executed: "Tuples given to execute in the window.",
	acked: "Of a bolt: inputs that it acked. Of a spout: messages all of whose tuples were acked.",
	failed: "Of a bolt: inputs that it failed. Of a spout: messages that failed, those that timed out included.",
	timedOut: "Messages that were not done in topology.message.timeout.secs. Trees tells where they got stuck.",
	replayed: "Of those emitted: messages that were not the first attempt.",
	deadLettered: "Messages that were given up after topology.max.attempts.",
	capacity: "Share of the window's time that its executors were busy. At 100 % they can take no more.",
	time: "How its workers spent their time. Full: busy in callbacks and with tuples. Hatched: blocked, waiting for others. Empty: idle.",
	execute: "How long execute took, per tuple.",
	process: "From execute to the ack. Longer than execute where tuples are held.",
	complete: "From emit to the ack of the whole tree.",
	queue: "Frames that were sent to it and that it has not received yet.",
	rateIn: "Tuples executed a second.",
	rateOut: "Tuples emitted a second.",
	restarts: "Starts of its workers but the first, in this run.",
	memory: "Memory of its processes; pages shared with others by their share.",
	cpu: "Processor time a second: 1.00 is one processor.",
	lastError: "The last error in the log's list of errors.",
	pending: "Messages that are open now. Of the acker: trees.",
};

function timeColumn() {
	return {
		id: "time", label: "Busy / blocked", tip: TIPS.time, align: "left", value: (row) => row.window?.busy ?? null,
		show(cell, row) {
			if (row.chainedTo) {
				text(cell, `in ${row.chainedTo}`);
				return;
			}
			if (cell.querySelector("svg") === null)
				cell.replaceChildren(timeBar());
			tellTimes(cell.firstElementChild, row.window);
		},
	};
}

const capacity = { id: "capacity", label: "Capacity", tip: TIPS.capacity, value: inWindow("busy"),
	show: number((row) => (row.chainedTo ? null : inWindow("busy")(row)), percent) };
const rateIn = { id: "rateIn", label: "In", tip: TIPS.rateIn, value: inWindow("executedPerSecond"), show: number(inWindow("executedPerSecond"), rate) };
const rateOut = { id: "rateOut", label: "Out", tip: TIPS.rateOut, value: inWindow("emittedPerSecond"), show: number(inWindow("emittedPerSecond"), rate) };
const cpu = { id: "cpu", label: "CPU", tip: TIPS.cpu, value: inWindow("cpu"), show: number(inWindow("cpu"), (x) => (x === null ? "–" : x.toFixed(2))) };

const lastError = {
	id: "lastError", label: "Last error", tip: TIPS.lastError, align: "left", value: (row) => row.lastError?.text ?? null,
	show(cell, row) {
		if (cell.firstElementChild === null)
			cell.append(el("span", { class: "clip" }));
		text(cell.firstElementChild, row.lastError ? `${clock(row.lastError.at)}  ${row.lastError.text}` : "–");
		attr(cell.firstElementChild, "title", row.lastError?.text);
		cell.classList.toggle("zero", !row.lastError);
	},
};

function idColumn(name, windowOf) {
	return { id: "id", label: "Id", align: "left", first: true, value: (row) => row.id,
		show: link((row) => row.id, (row) => toComponent(name, row.id, windowOf())) };
}

const sizes = () => [plain("executorsTotal", "Executors", TIPS.executors), plain("tasksTotal", "Tasks", TIPS.tasks)];
const tail = () => [plain("queueFrames", "Queue", TIPS.queue), plain("restarts", "Restarts", TIPS.restarts),
	plain("pssBytes", "Memory", TIPS.memory, memory), { ...cpu }, { ...lastError }];

/* Sorting leaves marks on columns, so each table gets its own. */
export function spoutColumns(name, windowOf) {
	return [idColumn(name, windowOf), ...sizes(), { ...rateOut }, timeColumn(),
		counter("emitted", "Emitted", TIPS.emitted), counter("transferred", "Transferred", TIPS.transferred),
		latencyColumn("complete", "p50", "Complete p50", TIPS.complete), latencyColumn("complete", "p99", "p99", TIPS.complete),
		latencyColumn("complete", "p999", "p99.9", TIPS.complete),
		counter("acked", "Acked", TIPS.acked), counter("failed", "Failed", TIPS.failed), counter("timedOut", "Timed out", TIPS.timedOut),
		counter("replayed", "Replayed", TIPS.replayed), counter("deadLettered", "Dead letters", TIPS.deadLettered),
		plain("pending", "Pending", TIPS.pending), ...tail()];
}

export function boltColumns(name, windowOf) {
	return [idColumn(name, windowOf), ...sizes(), { ...rateIn }, { ...capacity }, timeColumn(),
		latencyColumn("execute", "p50", "Execute p50", TIPS.execute), latencyColumn("execute", "p99", "p99", TIPS.execute),
		latencyColumn("process", "p50", "Process p50", TIPS.process), latencyColumn("process", "p99", "p99", TIPS.process),
		counter("emitted", "Emitted", TIPS.emitted), counter("transferred", "Transferred", TIPS.transferred), counter("executed", "Executed", TIPS.executed),
		counter("acked", "Acked", TIPS.acked), counter("failed", "Failed", TIPS.failed), ...tail()];
}

export function executorColumns() {
	return [
		{ id: "label", label: "Executor", align: "left", first: true, value: (row) => row.label },
		{ id: "alive", label: "State", tip: "Whether its process lives.", align: "left", value: (row) => (row.alive ? "running" : "down") },
		plain("pid", "Process", "Its process id.", (x) => (x ? String(x) : "–")), plain("tasks", "Tasks", TIPS.tasks),
		{ id: "uptime", label: "Up", tip: "Since its process was started.", value: (row) => row.uptimeSeconds, show: number((row) => row.uptimeSeconds, (x) => milliseconds(x * 1000)) },
		{ ...rateIn }, { ...rateOut }, { ...capacity }, timeColumn(),
		counter("executed", "Executed", TIPS.executed), counter("emitted", "Emitted", TIPS.emitted), counter("transferred", "Transferred", TIPS.transferred),
		counter("acked", "Acked", TIPS.acked), counter("failed", "Failed", TIPS.failed), counter("timedOut", "Timed out", TIPS.timedOut),
		plain("pending", "Pending", TIPS.pending), plain("queueFrames", "Queue", TIPS.queue), plain("restarts", "Restarts", TIPS.restarts),
		plain("pssBytes", "Memory", TIPS.memory, memory), { ...cpu }];
}

export function taskColumns() {
	return [
		{ id: "label", label: "Task", align: "left", first: true, value: (row) => row.label },
		plain("task", "Number", "Its number in the topology."),
		{ id: "share", label: "Share", tip: "Of what all tasks of the component executed (spouts: emitted). Shares that differ much are skew.", value: (row) => row.share, show: number((row) => row.share, percent) },
		plain("worker", "Worker", "The worker that has it now."),
		plain("executed", "Executed", "Tuples given to execute, in the whole run."), plain("emitted", "Emitted", "Tuples emitted, in the whole run."),
		plain("transferred", "Transferred", "Tuples delivered, in the whole run."), plain("acked", "Acked", TIPS.acked), plain("failed", "Failed", TIPS.failed),
		plain("timedOut", "Timed out", TIPS.timedOut), plain("deadLettered", "Dead letters", TIPS.deadLettered)];
}

export function streamColumns() {
	return [
		{ id: "id", label: "Stream", align: "left", first: true, value: (row) => row.id },
		plain("emittedPerSecond", "Emitted a second", TIPS.rateOut, rate), plain("transferredPerSecond", "Transferred a second", "Tuples delivered to tasks a second.", rate),
		plain("emitted", "Emitted", "In the whole run."), plain("transferred", "Transferred", "In the whole run.")];
}

export function inputColumns(name, windowOf) {
	return [
		{ id: "from", label: "From", align: "left", first: true, value: (row) => row.from, show: link((row) => row.from, (row) => toComponent(name, row.from, windowOf())) },
		{ id: "stream", label: "Stream", align: "left", value: (row) => row.stream },
		{ id: "grouping", label: "Grouping", tip: "Which task a tuple goes to.", align: "left", value: (row) => row.grouping },
		plain("tuplesPerSecond", "Tuples a second", "Along this edge.", rate), plain("frames", "Queue", TIPS.queue), plain("bytes", "Queued", "Bytes of these frames.", bytes)];
}
