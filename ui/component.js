/* component.js - a component: its executors and tasks, streams, errors, log, and a look at its tuples.
 * SPDX-License-Identifier: Apache-2.0 */
import { path, poll } from "./api.js";
import { Charts } from "./charts.js";
import { executorColumns, inputColumns, streamColumns, taskColumns } from "./columns.js";
import { el, show, text } from "./dom.js";
import { bytes, count, duration, milliseconds, percent, plural, rate } from "./format.js";
import { componentHealth, p99Of, rateOf } from "./health.js";
import { Errors, Logs, Tap } from "./panels.js";
import { Figures, section, statusBadge, tellStatus } from "./parts.js";
import { toTopology } from "./router.js";
import { Table } from "./table.js";
import { Head } from "./topology.js";

const CHART_MS = 3000;

export class Component {
	constructor(route) {
		this.name = route.name;
		this.id = route.component;
		this.route = route;
		const windowOf = () => this.route.window;
		this.#head();
		this.charts = new Charts(this.id);
		this.executors = new Table({ caption: "Executors", empty: "No executors.", keyOf: (x) => x.label, columns: executorColumns() });
		this.tasks = new Table({ caption: "Tasks, in the whole run", empty: "No tasks.", keyOf: (x) => x.label, columns: taskColumns() });
		this.streams = new Table({ caption: "Streams out", empty: "It emits nothing.", keyOf: (x) => x.id, columns: streamColumns() });
		this.inputs = new Table({ caption: "Streams in", empty: "It reads nothing: it is a source.", keyOf: (x) => JSON.stringify([x.from, x.stream]), columns: inputColumns(this.name, windowOf) });
		this.metrics = new Table({ caption: "Counters and gauges of its plugin", empty: "Its plugin counts nothing of its own.", keyOf: (x) => x.id, columns: [
			{ id: "id", label: "Name", align: "left", first: true, value: (x) => x.id }, { id: "value", label: "Value", value: (x) => x.value, show: (cell, x) => text(cell, count(x.value)) }] });
		this.metricPanel = section("Counters and gauges of its plugin", this.metrics.node);
		this.errors = new Errors(this.name, windowOf, this.id);
		this.logs = new Logs(this.name, this.id);
		this.tap = new Tap(this.name, this.id);
		this.body = el("div", null, this.head, this.figures.node,
			section("Executors", this.executors.node), section("Tasks, in the whole run", this.tasks.node),
			el("div", { class: "pair" }, section("Streams in", this.inputs.node), section("Streams out", this.streams.node)),
			this.metricPanel, section("Charts", this.charts.node), this.tap.node, this.errors.node, this.logs.node);
		this.gone = el("p", { class: "gone", role: "status", hidden: true });
		this.node = el("div", null, this.gone, this.body);
		show(this.body, false);
		this.poll = poll(() => `${path("topology", this.name, "status")}?${new URLSearchParams({ window: this.route.window, component: this.id })}`,
			(s) => this.#tell(s), { fail: (e) => this.#fail(e) });
		this.chartPoll = poll(() => `${path("topology", this.name, "chart")}?window=${this.route.window}`, (json) => this.charts.update(json), { every: CHART_MS });
		this.head.querySelector(".heading").append(el("span", { class: "space" }), this.windows);
		this.go(route);
	}

	title() {
		return `${this.id}, ${this.name}`;
	}

	#head() {
		const head = new Head(this.name);

		this.topologyHead = head;
		this.windows = head.windows;
		this.status = statusBadge();
		this.kind = el("span", { class: "dim" });
		this.back = el("a", { text: this.name });
		this.health = el("span", { class: "flagged" });
		this.chain = el("p", { class: "dim chain", hidden: true });
		this.figures = new Figures(`How ${this.id} does`);
		this.head = el("header", { class: "head" }, el("p", { class: "trail" }, el("a", { href: "#/", text: "Topologies" }), " / ", this.back, " / "),
			el("div", { class: "heading" }, el("h1", { text: this.id }), this.status, this.health, this.kind), this.chain);
	}

	go(route) {
		if (route.page !== "component" || route.name !== this.name || route.component !== this.id)
			return false;
		const changed = route.window !== this.route.window;
		this.route = route;
		this.back.href = toTopology(this.name, undefined, route.window);
		this.topologyHead.setWindow(route.window);
		if (changed) {
			this.poll.now();
			this.chartPoll.now();
		}
		return true;
	}

	#tell(s) {
		const c = s.components.find((x) => x.id === this.id);

		if (c === undefined) {
			this.#say(["FINISHED", "FAILED", "DEAD"].includes(s.status) ? `${this.name} does not run: it is ${s.status}.` : `${this.name} has no component ${this.id}.`);
			return;
		}
		show(this.gone, false);
		show(this.body, true);
		this.#tellHead(s, c);
		this.executors.update(c.executors.map((x) => ({ ...x, chainedTo: c.chainedTo })));
		this.tasks.update(withShares(c));
		this.streams.update(c.streams ?? []);
		this.inputs.update(inputs(s, this.id));
		const metrics = Object.entries(c.metrics ?? {}).map(([id, value]) => ({ id, value }));
		show(this.metricPanel, metrics.length > 0);
		this.metrics.update(metrics);
		this.tap.update({ streams: c.streams ?? [] });
	}

	#tellHead(s, c) {
		const w = c.window, health = componentHealth(c, s), complete = c.type === "spout";
		const latency = complete ? w.completeLatencyMs : w.executeLatencyMs, what = complete ? "Complete" : "Execute";

		tellStatus(this.status, s.status);
		text(this.health, health.badge);
		show(this.health, health.badge !== null);
		this.health.dataset.state = health.state;
		text(this.kind, [c.type, c.class, `${plural(c.tasksTotal, "task")} in ${plural(c.executorsTotal, "executor")}`].filter(Boolean).join(", "));
		text(this.chain, c.chainedTo ? `Runs inside ${c.chainedTo}’s ${c.executorsTotal === 1 ? "worker" : "workers"}: a crash of one is a crash of all.` : "");
		show(this.chain, Boolean(c.chainedTo));
		this.figures.update([
			{ label: "Rate", value: rate(rateOf(c)), note: `${rate(w.emittedPerSecond)} out`, tip: "Tuples executed a second; of a spout: emitted; of the acker: trees." },
			{ label: `${what} p50`, value: milliseconds(latency?.p50), tip: complete ? "From emit to the ack of the whole tree." : "How long execute took, per tuple." },
			{ label: `${what} p99`, value: milliseconds(p99Of(c)), note: latency ? `p99.9 ${milliseconds(latency.p999)}` : "" },
			...(c.chainedTo ? [] : [
				{ label: "Busy", value: percent(w.busy), note: `${percent(w.idle)} idle`, tip: "Share of its workers' time in callbacks and with tuples. At 100 % they can take no more." },
				{ label: "Blocked", value: percent(w.blocked), alarm: w.blocked > 0.1, tip: "Share of its workers' time in which they waited for others: for room at a destination or, of a spout, because as many messages are open as may be." },
				{ label: "Queue", value: count(c.queueFrames), note: bytes(c.queueBytes), tip: "Frames that were sent to it and that it has not received yet." }]),
			{ label: "Open", value: count(c.pending + c.held), note: c.oldestSeconds > 0 ? `oldest ${duration(c.oldestSeconds)}` : "", tip: "Messages or trees that are open, and tuples that are held." },
			{ label: "Failed", value: count(w.failed), alarm: w.failed > 0, note: `${count(w.timedOut)} timed out` },
			{ label: "Memory", value: c.pssBytes > 0 ? bytes(c.pssBytes) : "–", note: `CPU ${w.cpu.toFixed(2)}` }]);
	}

	#say(words) {
		text(this.gone, words);
		show(this.gone, true);
		show(this.body, false);
	}

	#fail(e) {
		if (e.status !== 0)
			this.#say(e.status === 404 ? `There is no component ${this.id} in ${this.name}, or no topology of this name.` : e.message);
	}

	stop() {
		for (const x of [this.poll, this.chartPoll, this.charts, this.errors, this.logs])
			x.stop();
	}
}

/* withShares: what part of the component's work each task did. */
function withShares(c) {
	const work = (t) => (c.type === "spout" ? t.emitted : t.executed);
	const all = (c.tasks ?? []).reduce((sum, t) => sum + work(t), 0);

	return (c.tasks ?? []).map((t) => ({ ...t, share: all > 0 ? work(t) / all : null }));
}

function inputs(s, id) {
	const queue = (from) => s.queues.find((q) => q.from === from && q.to === id);

	return s.edges.filter((e) => e.to === id).map((e) => ({ ...e, frames: queue(e.from)?.frames ?? null, bytes: queue(e.from)?.bytes ?? null }));
}
