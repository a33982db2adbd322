/* panels.js - what is asked for only while it is looked at: errors, oldest trees, logs, and a tap.
 *
 * Each has a node, and stop() for when it is no longer shown. SPDX-License-Identifier: Apache-2.0 */
import { get, path, poll } from "./api.js";
import { attr, el, keyed, show, text } from "./dom.js";
import { clock, count, duration, milliseconds, plural } from "./format.js";
import { command, section, tellCommand } from "./parts.js";
import { link, number, Table } from "./table.js";
import { toComponent } from "./router.js";

const RARELY_MS = 3000;
const SIGNS = { ERROR: "✕", WARN: "▲", INFO: "·", DEBUG: "·" };

function level() {
	return {
		id: "level", label: "Level", align: "left", value: (r) => r.level,
		show(cell, r) {
			if (cell.firstElementChild === null)
				cell.append(el("span", { class: "level" }));
			attr(cell.firstElementChild, "data-level", r.level);
			text(cell.firstElementChild, `${SIGNS[r.level] ?? ""} ${r.level}`);
		},
	};
}

function wide(id, label, tip, value) {
	return { id, label, tip, align: "left", value, show(cell, r) { cell.classList.add("wide"); text(cell, value(r)); } };
}

/* ---- errors and dead letters ---- */

export class Errors {
	constructor(name, windowOf, component = null) {
		this.table = new Table({
			caption: "Errors and warnings", empty: component === null ? "No errors. What plugins and gale report is shown here." : `No errors of ${component}.`,
			keyOf: (r) => JSON.stringify([r.component, r.level, r.text]), searchOf: (r) => `${r.component} ${r.text}`,
			columns: [
				level(),
				{ id: "component", label: "Component", align: "left", value: (r) => r.component, show: link((r) => r.component, (r) => toComponent(name, r.component, windowOf())) },
				{ id: "count", label: "Times", tip: "How often it was said.", value: (r) => r.count, show: number((r) => r.count, count) },
				{ id: "last", label: "Last", tip: "When it was said last.", value: (r) => r.lastTime, show: (cell, r) => text(cell, clock(r.lastTime)) },
				{ id: "first", label: "First", tip: "When it was said first.", value: (r) => r.firstTime, show: (cell, r) => text(cell, clock(r.firstTime)) },
				wide("text", "What", "As it was said last.", (r) => r.text),
				{ id: "source", label: "Worker", tip: "The worker that said it last.", align: "left", value: (r) => r.source }],
		});
		this.refusal = el("p", { class: "empty", hidden: true });
		this.letters = el("div");
		this.node = el("div", null, section("Errors and warnings", this.refusal, this.table.node), component === null ? section("Dead letters", this.letters) : null);
		this.poll = poll(() => path("topology", name, "errors"), (json) => {
			const errors = Array.isArray(json) ? json : json.errors;
			show(this.refusal, false);
			this.table.update(component === null ? errors : errors.filter((e) => e.component === component));
		}, { every: RARELY_MS, fail: (e) => { text(this.refusal, e.message); show(this.refusal, true); } });
	}

	/* update takes a status document: dead letters are counted in it. */
	update(status) {
		const all = status.components.filter((c) => c.deadLettered > 0);
		const lines = status.deadLettered === 0 ? ["None. A message goes there when it has failed topology.max.attempts times."]
			: [`${plural(status.deadLettered, "message was", "messages were")} given up in this run${all.length > 0 ? `: ${all.map((c) => `${count(c.deadLettered)} of ${c.id}`).join(", ")}` : ""}.`,
				"They go to who subscribes to the stream dead-letters of their spout; without one they are in dead-letters.jsonl in the topology’s home. The spout deadletters emits them again: see gale-topology(5)."];
		keyed(this.letters, lines, (l) => l, (l) => el("p", { class: "note", text: l }));
	}

	stop() {
		this.poll.stop();
	}
}

/* ---- oldest trees ---- */

function reason(t) {
	const last = t.lastAckTask ? `last ack ${milliseconds(t.lastAckAgoMs)} ago by ${t.lastAckTask}` : null;

	if (t.timesOutInMs === null)
		return last ?? "the acker does not know it any more";
	return `${last ?? "no task has acked yet"}; times out in ${duration(t.timesOutInMs / 1000)}`;
}

/* summary says how much is open, of messages or of batches. */
function summary(json) {
	const missing = json.missing?.length > 0 ? ` No answer from ${json.missing.join(", ")}: see its log.` : "";

	if (json.tracked === false)
		return "This topology has no ackers: its messages are not tracked.";
	if (json.batches !== undefined)
		return `${plural(json.batches.length, "batch is", "batches are")} open; the last that was committed is ${count(json.committed)}.${missing}`;
	return [`${plural(json.open, "message is", "messages are")} open.`, json.waitingForReplay > 0 ? ` ${plural(json.waitingForReplay, "message has", "messages have")} failed and wait to be emitted again.` : "",
		` One times out after ${duration(json.timeoutMs / 1000)}.`, missing].join("");
}

/* Trees shows what has been open for longest: messages, or batches where there are transactions. */
export class Trees {
	constructor(name) {
		this.trees = new Table({
			caption: "Oldest trees", empty: "Nothing is open.", keyOf: (t) => `${t.root} ${t.task} ${t.attempt} ${JSON.stringify(t.messageId)}`,
			searchOf: (t) => `${t.task} ${JSON.stringify(t.messageId)} ${t.lastAckTask ?? ""}`,
			columns: [
				{ id: "message", label: "Message", tip: "Its id, as the spout gave it.", align: "left", first: true, value: (t) => t.messageId, show: (cell, t) => text(cell, typeof t.messageId === "string" ? t.messageId : JSON.stringify(t.messageId)) },
				{ id: "task", label: "Spout task", align: "left", value: (t) => t.task },
				{ id: "age", label: "Open for", tip: "Since it was emitted.", value: (t) => t.ageMs, show: number((t) => t.ageMs, milliseconds) },
				{ id: "attempt", label: "Attempt", tip: "1 is the first; more are replays.", value: (t) => t.attempt },
				wide("why", "Where it is", "Who acked into it last, and when it will time out.", reason),
				{ id: "stream", label: "Stream", align: "left", value: (t) => t.stream },
				{ id: "root", label: "Root", tip: "The number that ackers know it by.", align: "left", value: (t) => t.root }],
		});
		this.batches = new Table({
			caption: "Open batches", empty: "Nothing is open.", keyOf: (b) => `${b.txid}`,
			columns: [
				{ id: "txid", label: "Batch", tip: "Its number (txid).", align: "left", first: true, value: (b) => b.txid },
				{ id: "attempt", label: "Attempt", tip: "1 is the first; more are replays.", value: (b) => b.attempt },
				{ id: "step", label: "Step", tip: "What is done with it.", align: "left", value: (b) => b.step },
				{ id: "since", label: "Since", tip: "How long this step has been going on.", value: (b) => b.sinceMs, show: number((b) => b.sinceMs, milliseconds) },
				wide("waits", "Waits for", "The workers that have not answered yet.", (b) => b.waitsFor.join(", "))],
		});
		this.sum = el("p", { class: "note" });
		this.node = section("Oldest trees", this.sum, this.trees.node, this.batches.node);
		show(this.batches.node, false);
		this.poll = poll(() => `${path("topology", name, "trees")}?count=100`, (json) => this.#tell(json),
			{ every: RARELY_MS, fail: (e) => { text(this.sum, e.message); show(this.trees.node, false); show(this.batches.node, false); } });
	}

	#tell(json) {
		text(this.sum, summary(json));
		show(this.trees.node, json.trees !== undefined);
		show(this.batches.node, json.batches !== undefined);
		this.trees.update(json.trees ?? []);
		this.batches.update(json.batches ?? []);
	}

	update() {}

	stop() {
		this.poll.stop();
	}
}

/* ---- logs ---- */

const LOG_LINES = 200;

export class Logs {
	constructor(name, component = null) {
		this.level = el("select", { "aria-label": "Level", onchange: () => this.poll.now() },
			[["debug", "all levels"], ["info", "info and worse"], ["warn", "warnings and errors"], ["error", "errors"]].map(([v, t]) => el("option", { value: v, text: t })));
		this.list = el("ol", { class: "lines" });
		this.frame = el("div", { class: "log", tabindex: 0, role: "region", "aria-label": "Log" }, this.list);
		this.hint = el("p", { class: "empty", text: "No lines." });
		this.full = command();
		tellCommand(this.full, component === null ? `gale logs ${name} -f` : `gale logs ${name} ${component} -f`);
		this.node = section("Log", el("div", { class: "tools" }, this.level, el("span", { class: "dim", text: `the last ${LOG_LINES} lines` }), el("span", { class: "space" }), this.full), this.hint, this.frame);
		this.first = true;
		this.poll = poll(() => `${path("topology", name, "logs")}?${new URLSearchParams({ lines: LOG_LINES, level: this.level.value, ...(component === null ? {} : { component }) })}`,
			(json) => this.#tell(Array.isArray(json) ? json : json.lines), { every: RARELY_MS, fail: (e) => { text(this.hint, e.message); show(this.hint, true); } });
	}

	/* Who reads at the end stays at the end. */
	#tell(lines) {
		const atEnd = this.first || this.frame.scrollHeight - this.frame.scrollTop - this.frame.clientHeight < 24;
		const seen = new Map();
		const keys = lines.map((l) => {
			const key = `${l.time} ${l.source} ${l.text}`, n = (seen.get(key) ?? 0) + 1;
			seen.set(key, n);
			return `${n} ${key}`;
		});

		show(this.hint, lines.length === 0);
		show(this.frame, lines.length > 0);
		text(this.hint, "No lines.");
		keyed(this.list, lines.map((l, i) => ({ l, key: keys[i] })), (x) => x.key, ({ l }) => el("li", { "data-level": l.level },
			el("time", { text: clock(l.time) }), el("span", { class: "level", "data-level": l.level, text: `${SIGNS[l.level] ?? ""} ${l.level}` }), el("span", { class: "source", text: l.source }), el("span", { class: "what", text: l.text })));
		if (atEnd)
			this.frame.scrollTop = this.frame.scrollHeight;
		this.first = false;
	}

	update() {}

	stop() {
		this.poll.stop();
	}
}

/* ---- tap ---- */

const TAP_TUPLES = 10;
const TAP_MS = 20000;

/* Tap shows a few tuples of a component when somebody asks for them; looking costs the component a little. */
export class Tap {
	constructor(name, component) {
		this.name = name;
		this.component = component;
		this.stream = el("select", { "aria-label": "Stream" });
		this.go = el("button", { type: "button", text: `Show ${TAP_TUPLES} tuples`, onclick: () => this.#look() });
		this.hint = el("p", { class: "empty", role: "status", text: "Shows tuples while they are emitted. Looking costs the component a little, so it is done on demand." });
		this.list = el("ol", { class: "tuples", hidden: true });
		this.streams = [];
		this.node = section("Tap", el("div", { class: "tools" }, this.go, this.stream), this.hint, this.list);
	}

	update(c) {
		this.streams = c.streams.map((s) => s.id).filter((id) => id !== "*");
		keyed(this.stream, this.streams, (id) => id, (id) => el("option", { value: id, text: `stream ${id}` }));
		show(this.stream, this.streams.length > 1);
		show(this.node, this.streams.length > 0);
	}

	async #look() {
		this.go.disabled = true;
		text(this.hint, "Looking…");
		show(this.hint, true);
		try {
			const json = await get(`${path("topology", this.name, "tap", this.component, this.stream.value)}?count=${TAP_TUPLES}`, { timeout: TAP_MS });
			this.#tell(Array.isArray(json) ? json : json.tuples);
		} catch (e) {
			text(this.hint, e.message);
		}
		this.go.disabled = false;
	}

	#tell(tuples) {
		show(this.hint, tuples.length === 0);
		text(this.hint, "It emitted nothing on this stream meanwhile.");
		show(this.list, tuples.length > 0);
		this.list.replaceChildren(...tuples.map((t) => el("li", null, el("span", { class: "dim", text: `${clock(t.time)} ${t.component}[${t.task}] ` }),
			...Object.entries(t.values).map(([k, v]) => el("span", { class: "value" }, el("span", { class: "key", text: k }), JSON.stringify(v))), t.cut ? el("span", { class: "dim", text: "(cut)" }) : null)));
	}
}
