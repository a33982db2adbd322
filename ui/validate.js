/* validate.js - the validator: a topology that is dropped or pasted is checked by gale, plugins and all; what was
 * found stands under its line with carets, and the graph beside it.
 * SPDX-License-Identifier: Apache-2.0 */
import { post } from "./api.js";
import { Dag } from "./dag.js";
import { attr, el, show, text } from "./dom.js";
import { plural } from "./format.js";
import { section } from "./parts.js";

const AFTER_MS = 400;
const MOST_BYTES = 1 << 20;
const CARET_PX = 7.6;
const KEPT = "gale-validate";
const SIGNS = { error: "✕", warning: "▲", note: "·" };
const EXAMPLE = `{
  "name": "first",
  "spouts": [
    { "id": "numbers", "className": "sequence", "properties": { "rate": 10 } }
  ],
  "bolts": [
    { "id": "show", "className": "log" }
  ],
  "streams": [
    { "from": "numbers", "to": "show", "grouping": { "type": "SHUFFLE" } }
  ]
}
`;

/* carets gives what stands under a line: tabs as in the line, so that they stand in the same place. Columns are counted
 * in bytes from 1. */
export function carets(line, column, endColumn) {
	const bytes = new TextEncoder().encode(line), decode = (to) => new TextDecoder().decode(bytes.slice(0, Math.max(0, to)));
	const before = decode(column - 1), marked = [...decode((endColumn ?? column + 1) - 1)].length - [...before].length;

	return before.replace(/[^\t]/g, " ") + "^".repeat(Math.max(1, marked));
}

function readable(d) {
	return d.text ?? d.message ?? "";
}

/* known tells of each component what the file says of it; nothing where that is no JSON. */
function known(words) {
	const said = new Map();

	try {
		const topology = JSON.parse(words);
		for (const [type, list] of [["spout", topology.spouts], ["bolt", topology.bolts]])
			for (const c of list ?? [])
				said.set(c.id, { type, note: String(c.className ?? ""), size: Number(c.numTasks ?? c.parallelism) > 1 ? `× ${c.numTasks ?? c.parallelism}` : "" });
	} catch {
		/* gale has said what is wrong. */
	}
	return said;
}

export class Validate {
	constructor() {
		this.turn = 0;
		this.timer = null;
		this.input = el("textarea", { spellcheck: "false", autocomplete: "off", rows: 22, wrap: "off", "aria-label": "The topology, JSON", placeholder: EXAMPLE, oninput: () => this.#later() });
		this.file = el("input", { type: "file", accept: ".json,application/json", class: "hidden", tabindex: -1, "aria-hidden": "true", onchange: () => this.#read(this.file.files[0]) });
		this.verdict = el("p", { class: "verdict", role: "status" });
		this.list = el("ol", { class: "diagnostics" });
		this.picture = el("div");
		const tools = el("div", { class: "tools" },
			el("button", { type: "button", text: "Open a file…", onclick: () => this.file.click() }), this.file,
			el("button", { type: "button", text: "Example", onclick: () => { this.input.value = EXAMPLE; this.#later(0); } }),
			el("button", { type: "button", text: "Clear", onclick: () => { this.input.value = ""; this.#later(0); this.input.focus(); } }),
			el("span", { class: "dim", text: "or drop it here, or paste it. It is checked as “gale lint” checks it; nothing is started." }));
		this.drop = el("div", { class: "drop" }, tools, this.input);
		this.graph = section("Graph", this.picture);
		this.node = el("div", null, el("div", { class: "heading" }, el("h1", { text: "Validator" })),
			el("div", { class: "pair" }, section("Topology", this.drop), section("What was found", this.verdict, this.list)), this.graph);
		this.#listen();
		this.input.value = sessionStorage.getItem(KEPT) ?? "";
		this.#later(0);
	}

	title() {
		return "Validator";
	}

	#listen() {
		const over = (is) => (e) => {
			e.preventDefault();
			this.drop.classList.toggle("over", is);
		};

		this.drop.addEventListener("dragover", over(true));
		this.drop.addEventListener("dragleave", over(false));
		this.drop.addEventListener("drop", (e) => {
			over(false)(e);
			if (e.dataTransfer.files.length > 0)
				this.#read(e.dataTransfer.files[0]);
			else
				this.#take(e.dataTransfer.getData("text"));
		});
	}

	async #read(file) {
		if (file === undefined)
			return;
		if (file.size > MOST_BYTES)
			text(this.verdict, `${file.name} has more than 1 MiB: that is no topology.`);
		else
			this.#take(await file.text());
		this.file.value = "";
	}

	#take(words) {
		this.input.value = words;
		this.#later(0);
	}

	#later(ms = AFTER_MS) {
		clearTimeout(this.timer);
		sessionStorage.setItem(KEPT, this.input.value);
		this.timer = setTimeout(() => this.#check(), ms);
	}

	async #check() {
		const turn = ++this.turn, words = this.input.value;

		if (words.trim() === "") {
			text(this.verdict, "Nothing to check yet.");
			attr(this.verdict, "data-level", null);
			this.list.replaceChildren();
			show(this.graph, false);
			return;
		}
		try {
			const found = await post("/validate", words);
			if (turn === this.turn)
				this.#tell(found, words.split("\n"));
		} catch (e) {
			if (turn === this.turn) {
				text(this.verdict, e.message);
				attr(this.verdict, "data-level", "error");
			}
		}
	}

	#tell({ diagnostics, drawing }, lines) {
		const errors = diagnostics.filter((d) => d.severity === "error").length, warnings = diagnostics.filter((d) => d.severity === "warning").length;

		text(this.verdict, errors + warnings === 0 ? "✓ Nothing is wrong with it." : errors === 0 ? `✓ It can be submitted: ${plural(warnings, "warning")}.` : `✕ ${plural(errors, "error")}${warnings > 0 ? `, ${plural(warnings, "warning")}` : ""}.`);
		attr(this.verdict, "data-level", errors > 0 ? "error" : warnings > 0 ? "warning" : "ok");
		this.list.replaceChildren(...diagnostics.map((d) => this.#diagnostic(d, lines)));
		/* A long line begins where its carets are. */
		for (const mark of this.list.querySelectorAll(".carets"))
			mark.parentElement.scrollLeft = mark.offsetLeft - mark.parentElement.offsetLeft + mark.textContent.search(/\S/) * CARET_PX - mark.parentElement.clientWidth / 2;
		this.#draw(drawing);
	}

	#diagnostic(d, lines) {
		const line = d.source ?? lines[d.line - 1] ?? "", number = String(d.line);
		const to = d.endLine === undefined || d.endLine === d.line ? d.endColumn : undefined;
		const place = el("button", { type: "button", class: "place", text: `${d.line}:${d.column}`, "aria-label": `Go to line ${d.line}, column ${d.column}`, onclick: () => this.#goTo(d) });

		return el("li", { "data-level": d.severity },
			el("p", null, place, el("b", { text: ` ${SIGNS[d.severity] ?? ""} ${d.severity}: ` }), readable(d)),
			el("pre", null, el("span", { class: "dim", text: `${number} | ` }), `${line}\n`, el("span", { class: "dim", text: `${" ".repeat(number.length)} | ` }), el("span", { class: "carets", text: carets(line, d.column, to) })),
			d.help ? el("p", { class: "help", text: d.help }) : null);
	}

	#goTo(d) {
		const lines = this.input.value.split("\n"), from = lines.slice(0, d.line - 1).reduce((n, l) => n + l.length + 1, 0);
		const line = lines[d.line - 1] ?? "", before = carets(line, d.column, d.column + 1).length - 1;

		this.input.focus();
		this.input.setSelectionRange(from + before, from + line.length);
		this.input.scrollTop = Math.max(0, (d.line - 4) * parseFloat(getComputedStyle(this.input).lineHeight));
	}

	#draw(drawing) {
		this.dag?.stop();
		show(this.graph, Boolean(drawing));
		if (!drawing)
			return;
		this.dag = new Dag({ name: "the topology", open: () => {}, sysChanged: null });
		this.picture.replaceChildren(this.dag.node);
		this.dag.draw(drawing);
		if (drawing.engine)
			this.dag.plain(known(this.input.value));
	}

	stop() {
		clearTimeout(this.timer);
		this.dag?.stop();
	}
}
