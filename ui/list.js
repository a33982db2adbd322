/* list.js - the topologies there are: state, rates and what is open, a line each.
 * SPDX-License-Identifier: Apache-2.0 */
import { get, path, poll } from "./api.js";
import { attr, el, show, text } from "./dom.js";
import { clock, count, duration, plural, rate } from "./format.js";
import { command, sparkline, statusBadge, tellCommand, tellSpark, tellStatus } from "./parts.js";
import { addressOf, toTopology } from "./router.js";
import { link, number, Table } from "./table.js";

const POINTS = 60;
const POINT_MS = 3000;		/* as charts have them */
const FIRST_CHARTS = 12;	/* topologies whose past is asked for; that of others is seen from now on */

/* Past keeps the rates that were seen of each topology. */
class Past {
	constructor() {
		this.rates = new Map();
		this.addedAt = 0;
	}

	see(topologies) {
		const now = Date.now(), due = now - this.addedAt >= POINT_MS;

		for (const t of topologies.slice(0, FIRST_CHARTS))
			if (!this.rates.has(t.id) && t.startedAt)
				this.#ask(t);
		if (due)
			this.addedAt = now;
		for (const t of topologies)
			if (due && t.startedAt)
				this.#add(t.id, t.ackedPerSecond);
		for (const id of this.rates.keys())
			if (!topologies.some((t) => t.id === id))
				this.rates.delete(id);
	}

	#add(id, x) {
		const rates = this.rates.get(id) ?? [];
		rates.push(x);
		this.rates.set(id, rates.slice(-POINTS));
	}

	async #ask(t) {
		this.rates.set(t.id, []);
		try {
			const chart = await get(path("topology", addressOf(t), "chart"));
			this.rates.set(t.id, [...chart.points.map((p) => p.ackedPerSecond ?? 0), ...(this.rates.get(t.id) ?? [])].slice(-POINTS));
		} catch {
			/* The line begins now. */
		}
	}
}

function ending(t) {
	if (t.ended === null || t.ended === undefined)
		return [addressOf(t) === t.name ? null : "in the foreground", t.restarts > 0 ? plural(t.restarts, "restart") : null].filter(Boolean).join(", ");
	return t.ended.error ?? (t.ended.endedAt ? `ended ${clock(t.ended.endedAt)}` : `exit ${t.ended.exit}`);
}

export class List {
	constructor() {
		this.past = new Past();
		this.sum = el("p", { class: "dim" });
		this.table = new Table({ caption: "Topologies", empty: "", keyOf: (t) => t.id, searchOf: (t) => `${t.name} ${t.status}`, columns: this.#columns() });
		this.empty = this.#explanation();
		this.node = el("div", null, el("div", { class: "heading" }, el("h1", { text: "Topologies" }), this.sum), this.empty, this.table.node);
		show(this.empty, false);
		show(this.table.node, false);
		this.poll = poll(() => "/topology/summary", (json) => this.#tell(json.topologies), { fail: (e) => { if (e.status !== 0) text(this.sum, e.message); } });
	}

	title() {
		return "Topologies";
	}

	#columns() {
		return [
			{ id: "name", label: "Name", align: "left", first: true, value: (t) => t.name, show: link((t) => t.name, (t) => toTopology(addressOf(t))) },
			{ id: "status", label: "Status", align: "left", value: (t) => t.status, show(cell, t) {
				if (cell.firstElementChild === null)
					cell.append(statusBadge());
				tellStatus(cell.firstElementChild, t.status);
			} },
			{ id: "uptime", label: "Uptime", tip: "How long it is running, or has run.", value: (t) => t.uptimeSeconds, show: (cell, t) => text(cell, duration(t.uptimeSeconds)) },
			{ id: "spark", label: "Acked, recently", tip: "Messages acked a second, as seen by this page; each line has its own scale.", align: "left", value: (t) => t.ackedPerSecond, show: (cell, t) => {
				if (cell.firstElementChild === null)
					cell.append(sparkline(`Messages acked a second of ${t.name}`));
				tellSpark(cell.firstElementChild, this.past.rates.get(t.id) ?? []);
			} },
			{ id: "acked", label: "Acked", tip: "Messages acked a second, in the last minute.", value: (t) => t.ackedPerSecond, show: number((t) => t.ackedPerSecond, rate) },
			{ id: "emitted", label: "Emitted", tip: "Messages emitted a second, in the last minute.", value: (t) => t.emittedPerSecond, show: number((t) => t.emittedPerSecond, rate) },
			{ id: "pending", label: "Pending", tip: "Messages that are open now.", value: (t) => t.pendingTrees, show: number((t) => t.pendingTrees, count) },
			{ id: "oldest", label: "Oldest tree", tip: "How long the oldest of them is open.", value: (t) => t.oldestTreeSeconds, show: number((t) => t.oldestTreeSeconds, (x) => (x > 0 ? duration(x) : "–")) },
			{ id: "failed", label: "Failed", tip: "Messages that failed in this run, those that timed out included.", value: (t) => t.failed, show: number((t) => t.failed, count) },
			{ id: "timedOut", label: "Timed out", tip: "Of those: messages that were not done in time.", value: (t) => t.timedOut, show: number((t) => t.timedOut, count) },
			{ id: "workers", label: "Workers", tip: "Processes.", value: (t) => t.workersTotal, show: number((t) => t.workersTotal, count) },
			{ id: "note", label: "Remarks", align: "left", value: ending, show: (cell, t) => {
				if (cell.firstElementChild === null)
					cell.append(el("span", { class: "clip" }));
				text(cell.firstElementChild, ending(t));
				attr(cell.firstElementChild, "title", ending(t) || null);
			} }];
	}

	#explanation() {
		const submit = command(), run = command();

		tellCommand(submit, "gale submit FILE");
		tellCommand(run, "gale run FILE");
		return el("div", { class: "welcome" }, el("h2", { text: "No topology yet" }),
			el("p", { text: "A topology is a JSON file that says which spouts and bolts there are and how tuples go between them. Start one that goes on by itself:" }),
			el("p", null, submit), el("p", { class: "dim" }, "It appears here as soon as it starts. ", el("a", { href: "#/validate", text: "The validator" }), " tells beforehand what is wrong with a file, and draws it. To run one in the foreground until its input ends:"), el("p", null, run));
	}

	#tell(topologies) {
		const n = topologies.length, running = topologies.filter((t) => t.startedAt).length;

		this.past.see(topologies);
		show(this.empty, n === 0);
		show(this.table.node, n > 0);
		text(this.sum, n === 0 ? "" : `${plural(n, "topology", "topologies")}, ${running} running`);
		this.table.update(topologies);
	}

	stop() {
		this.poll.stop();
	}
}
