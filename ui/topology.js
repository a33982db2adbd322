/* topology.js - a topology: how it does, what holds it back, its graph, and its panels.
 *
 * One poll of the status document feeds the header and the panel that is shown.
 * SPDX-License-Identifier: Apache-2.0 */
import { get, path, poll } from "./api.js";
import { ActionButtons, advised, rebalance } from "./actions.js";
import { Charts } from "./charts.js";
import { boltColumns, spoutColumns } from "./columns.js";
import { Dag } from "./dag.js";
import { attr, el, show, text } from "./dom.js";
import { clock, count, duration, milliseconds, plural, rate } from "./format.js";
import { Errors, Logs, Trees } from "./panels.js";
import { command, Figures, section, statusBadge, tellCommand, tellStatus } from "./parts.js";
import { addressOf, PANELS, toComponent, toTopology, toWindow, WINDOWS } from "./router.js";
import { Table } from "./table.js";

const CHART_MS = 3000;
const GONE_MS = 4000;

/* ---- header ---- */

/* Head is what stands above every page of a topology. */
export class Head {
	constructor(name) {
		this.status = statusBadge();
		this.since = el("span", { class: "dim" });
		this.actions = new ActionButtons();
		this.figures = new Figures(`How ${name} does`);
		this.windows = el("span", { class: "group windows", role: "group", "aria-label": "Window of time" },
			WINDOWS.map((w) => el("a", { "data-window": w, text: w })));
		this.trail = el("p", { class: "trail" }, el("a", { href: "#/", text: "Topologies" }), " / ");
		this.title = el("h1", { text: name });
		this.node = el("header", { class: "head" }, this.trail,
			el("div", { class: "heading" }, this.title, this.status, this.since, el("span", { class: "space" }), this.actions.node), this.figures.node);
	}

	setWindow(window) {
		for (const a of this.windows.children) {
			attr(a, "href", toWindow(a.dataset.window));
			attr(a, "aria-current", a.dataset.window === window ? "true" : null);
		}
	}

	update(s) {
		const latency = s.window?.completeLatencyMs, w = s.window;

		tellStatus(this.status, s.status);
		text(this.title, s.name);
		text(this.since, `${s.startedAt ? "up" : "ran"} ${duration(s.uptimeSeconds)}, ${plural(s.workersTotal, "process", "processes")}, ${plural(s.tasksTotal, "task")}${addressOf(s) === s.name ? "" : ", in the foreground"}`);
		this.actions.update(s);
		show(this.windows, s.startedAt !== undefined);
		this.figures.update(s.startedAt === undefined ? totals(s) : [
			{ label: "Trees", value: rate(s.ackedPerSecond), note: `${rate(s.emittedPerSecond)} emitted`, tip: "Messages a second all of whose tuples were acked, in the window." },
			{ label: "p50", value: milliseconds(latency?.p50), tip: "Complete latency, from emit to the ack of the whole tree: half of the messages took no longer." },
			{ label: "p99", value: milliseconds(latency?.p99), tip: "Of 100 messages 99 took no longer." },
			{ label: "p99.9", value: milliseconds(latency?.p999), note: latency ? `max ${milliseconds(latency.max)}` : "", tip: "Of 1,000 messages 999 took no longer." },
			{ label: "Pending", value: count(s.pendingTrees), tip: "Messages that are open now." },
			{ label: "Oldest tree", value: s.oldestTreeSeconds > 0 ? duration(s.oldestTreeSeconds) : "–", tip: "How long the oldest message in flight has been open." },
			{ label: "Failed", value: count(w?.failed ?? s.failed), alarm: (w?.failed ?? 0) > 0, note: `${count(w?.timedOut ?? s.timedOut)} timed out`, tip: "Messages that failed in the window, those that timed out included." },
			{ label: "Restarts", value: count(s.restarts), alarm: s.restarts > 0, note: s.deadLettered > 0 ? plural(s.deadLettered, "dead letter") : "", tip: "Of workers, in this run." }]);
	}
}

/* totals are the figures of a run that is over. */
function totals(s) {
	const us = s.ended?.summary?.complete_latency_us, ms = (x) => milliseconds(x === undefined ? null : x / 1000);

	return [
		{ label: "Emitted", value: count(s.emitted), note: `${count(s.replayed)} replayed`, tip: "Messages that its spouts emitted in its last run." },
		{ label: "Acked", value: count(s.acked), tip: "Messages all of whose tuples were acked." },
		{ label: "Failed", value: count(s.failed), alarm: s.failed > 0, note: `${count(s.timedOut)} timed out` },
		{ label: "Dead letters", value: count(s.deadLettered), alarm: s.deadLettered > 0 },
		{ label: "p50", value: ms(us?.p50), tip: "Complete latency: half of the messages took no longer." },
		{ label: "p99", value: ms(us?.p99), note: us ? `max ${ms(us.max)}` : "", tip: "Of 100 messages 99 took no longer." },
		{ label: "Restarts", value: count(s.restarts), alarm: s.restarts > 0, tip: "Of workers." }];
}

/* ---- advice ---- */

const ADVICE_SIGNS = { none: "✓", unknown: "…" };

class Advice {
	constructor() {
		this.sign = el("span", { class: "sign", "aria-hidden": "true" });
		this.words = el("p", { class: "words" });
		this.command = command();
		this.mend = el("button", { type: "button", class: "small", text: "Rebalance…", onclick: () => rebalance(this.status, advised(this.status.advice.command)) });
		this.do = el("p", { class: "do" }, this.command, this.mend);
		this.node = el("section", { class: "advice", "aria-label": "Bottleneck" }, this.sign, el("div", null, this.words, this.do));
	}

	update(s) {
		const a = s.advice;

		this.status = s;
		show(this.node, a !== null);
		if (a === null)
			return;
		attr(this.node, "data-kind", ["none", "unknown"].includes(a.kind) ? a.kind : "some");
		text(this.sign, ADVICE_SIGNS[a.kind] ?? "▶");
		/* The bottleneck may have changed while the command is being copied: text is changed in place. */
		text(this.words, sentence(a.bottleneck === null ? a.text[0].toUpperCase() + a.text.slice(1) : a.text.startsWith(a.bottleneck) ? a.text : `${a.bottleneck}: ${a.text}`));
		show(this.do, a.command !== null);
		tellCommand(this.command, a.command ?? "");
		show(this.mend, / rebalance /.test(a.command ?? "") && s.status !== "DRAINING");
	}
}

/* sentence ends as one. It begins as it is: often with the id of a component. */
function sentence(words) {
	return /[.!?]$/.test(words) ? words : `${words}.`;
}

/* ---- how it ended ---- */

class Ending {
	constructor() {
		this.words = el("p");
		this.again = command();
		this.parts = new Table({ caption: "Components, in the whole run", empty: "", keyOf: (c) => c.id, columns: [
			{ id: "id", label: "Id", align: "left", first: true, value: (c) => c.id }, { id: "kind", label: "Kind", align: "left", value: (c) => c.kind },
			...[["tasks", "Tasks"], ["executed", "Executed"], ["emitted", "Emitted"], ["transferred", "Transferred"], ["acked", "Acked"], ["failed", "Failed"], ["timed_out", "Timed out"]]
				.map(([id, label]) => ({ id, label, value: (c) => c[id] ?? null, show: (cell, c) => text(cell, count(c[id])) }))] });
		this.node = section("How it ended", this.words, el("p", null, this.again), this.parts.node);
		show(this.node, false);
	}

	update(s) {
		const over = ["FINISHED", "FAILED", "DEAD"].includes(s.status), sum = s.ended?.summary;

		show(this.node, over);
		if (!over)
			return;
		text(this.words, howItEnded(s));
		show(this.again, s.status !== "FINISHED");
		tellCommand(this.again, `gale submit --resume ${s.name}`);
		show(this.parts.node, sum?.components !== undefined);
		this.parts.update(sum?.components ?? []);
	}
}

function howItEnded(s) {
	const at = s.ended?.endedAt ? ` at ${clock(s.ended.endedAt)}` : "";

	if (s.status === "DEAD")
		return "Its supervisor was killed, so nothing is known of its end.";
	return s.ended?.error ? `It failed${at}, exit ${s.ended.exit}: ${sentence(s.ended.error)}` : `It ended well${at}, exit ${s.ended?.exit ?? 0}.`;
}

/* ---- overview ---- */


class Overview {
	constructor(name, windowOf) {
		this.name = name;
		this.sys = false;
		this.shape = null;
		this.advice = new Advice();
		this.ending = new Ending();
		this.dag = new Dag({ name, open: (id) => { location.hash = toComponent(name, id, windowOf()); }, sysChanged: (on) => { this.sys = on; this.shape = null; this.update(this.status); } });
		this.graph = section("Graph", this.dag.node);
		this.charts = new Charts();
		this.spouts = new Table({ caption: "Spouts", empty: "No spouts.", keyOf: (c) => c.id, columns: spoutColumns(name, windowOf) });
		this.bolts = new Table({ caption: "Bolts", empty: "No bolts.", keyOf: (c) => c.id, columns: boltColumns(name, windowOf) });
		this.tables = [section("Spouts", this.spouts.node), section("Bolts", this.bolts.node)];
		this.chartPanel = section("Charts", this.charts.node);
		this.node = el("div", null, this.ending.node, this.advice.node, this.graph, ...this.tables, this.chartPanel);
		this.live = false;
		this.poll = poll(() => (this.live ? `${path("topology", name, "chart")}?window=${windowOf()}` : null), (json) => this.charts.update(json), { every: CHART_MS });
	}

	update(s) {
		const began = this.live;

		this.status = s;
		this.live = s.components.length > 0;
		for (const node of [this.graph, this.chartPanel, ...this.tables])
			show(node, this.live);
		this.ending.update(s);
		this.advice.update(s);
		if (!this.live)
			return;
		if (!began)
			this.poll.now();
		const seen = s.components.filter((c) => this.sys || ["spout", "bolt"].includes(c.type));
		this.spouts.update(seen.filter((c) => c.type === "spout"));
		this.bolts.update(seen.filter((c) => c.type !== "spout"));
		this.#draw(s);
		this.dag.update(s);
	}

	/* The drawing is asked for again when there are other components or edges. */
	async #draw(s) {
		const shape = JSON.stringify([this.sys, s.id, s.components.map((c) => [c.id, c.chainedTo]), s.edges.map((e) => [e.from, e.stream, e.to])]);

		if (shape === this.shape)
			return;
		this.shape = shape;
		try {
			const drawing = await get(`${path("topology", this.name, "drawing")}${this.sys ? "?sys=1" : ""}`);
			if (shape !== this.shape)
				return;
			this.dag.draw(drawing);
			this.dag.update(this.status);
		} catch {
			setTimeout(() => { if (shape === this.shape) this.shape = null; }, GONE_MS);
		}
	}

	stop() {
		this.poll.stop();
		this.charts.stop();
		this.dag.stop();
	}
}

/* ---- the page ---- */

const PANEL_NAMES = { overview: "Overview", errors: "Errors", trees: "Trees", logs: "Logs" };
const makers = {
	overview: (name, windowOf) => new Overview(name, windowOf), errors: (name, windowOf) => new Errors(name, windowOf),
	trees: (name) => new Trees(name), logs: (name) => new Logs(name),
};

export class Topology {
	constructor(route) {
		this.name = route.name;
		this.route = route;
		this.head = new Head(route.name);
		this.gone = el("p", { class: "gone", role: "status", hidden: true });
		this.tabs = el("nav", { class: "tabs", "aria-label": "Panels" }, ["overview", ...PANELS].map((p) => el("a", { "data-panel": p, text: PANEL_NAMES[p] })));
		this.place = el("div");
		this.body = el("div", null, this.head.node, el("div", { class: "tabbar" }, this.tabs, el("span", { class: "space" }), this.head.windows), this.place);
		this.node = el("div", null, this.gone, this.body);
		show(this.body, false);
		this.panel = null;
		this.poll = poll(() => `${path("topology", this.name, "status")}?window=${this.route.window}`, (s) => this.#tell(s), { fail: (e) => this.#fail(e) });
		this.go(route);
	}

	title() {
		return this.name;
	}

	/* go shows another panel or window of the same topology; false: it is another one. */
	go(route) {
		if (route.page !== "topology" || route.name !== this.name)
			return false;
		const panel = route.panel !== this.route.panel || this.panel === null, window = route.window !== this.route.window;
		this.route = route;
		for (const a of this.tabs.children) {
			attr(a, "href", toTopology(this.name, a.dataset.panel, route.window));
			attr(a, "aria-current", a.dataset.panel === route.panel ? "page" : null);
		}
		this.head.setWindow(route.window);
		if (panel) {
			this.panel?.stop();
			this.panel = makers[route.panel](this.name, () => this.route.window);
			this.place.replaceChildren(this.panel.node);
			if (this.status)
				this.panel.update(this.status);
		}
		if (window) {
			this.poll.now();
			this.panel.poll?.now();
		}
		return true;
	}

	#tell(s) {
		this.status = s;
		show(this.gone, false);
		show(this.body, true);
		this.head.update(s);
		this.panel.update(s);
	}

	#fail(e) {
		if (e.status === 0)
			return;
		show(this.gone, true);
		text(this.gone, e.status === 404 ? `There is no topology ${this.name}, or no longer. When one of this name is submitted, it appears here.` : e.message);
		show(this.body, false);
	}

	stop() {
		this.poll.stop();
		this.panel?.stop();
	}
}
