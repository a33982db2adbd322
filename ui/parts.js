/* parts.js - small things that several views show: badges, figures, bars, sparklines, code.
 * SPDX-License-Identifier: Apache-2.0 */
import { attr, el, keyed, svg, text, uniqueId } from "./dom.js";
import { percent } from "./format.js";
import { explain } from "./tooltip.js";

const STATUS_TIPS = {
	STARTING: "Not all workers have been ready yet.",
	ACTIVE: "It runs.",
	INACTIVE: "Its spouts are told not to emit. What was open is worked off.",
	DRAINING: "It ends once what is open is done.",
	FINISHED: "Its input came to an end.",
	FAILED: "It ended with an error.",
	DEAD: "Its supervisor was killed. “gale submit --resume NAME” starts it again from its state.",
};

/* A sign stands before each status, so that the colour says nothing alone. */
const STATUS_SIGNS = { STARTING: "◌", ACTIVE: "●", INACTIVE: "❚❚", DRAINING: "▽", FINISHED: "✓", FAILED: "✕", DEAD: "✕" };

export function statusBadge() {
	return el("span", { class: "badge" }, el("span", { class: "sign", "aria-hidden": "true" }), el("span"));
}

export function tellStatus(badge, status) {
	attr(badge, "data-status", status);
	text(badge.firstElementChild, STATUS_SIGNS[status] ?? "?");
	text(badge.lastElementChild, status);
	explain(badge, STATUS_TIPS[status] ?? null);
}

/* Figures is a row of named numbers. */
export class Figures {
	constructor(label) {
		this.node = el("dl", { class: "figures", "aria-label": label });
	}

	/* update takes [{ label, value, tip, note, alarm }]. */
	update(items) {
		keyed(this.node, items, (x) => x.label, (x) => {
			const name = el("dt", { text: x.label });
			if (x.tip) {
				name.tabIndex = 0;
				explain(name, x.tip);
			}
			return el("div", null, name, el("dd"), el("p"));
		}, (node, x) => {
			const [, value, note] = node.children;
			text(value, x.value);
			text(note, x.note ?? "");
			node.classList.toggle("alarm", x.alarm === true);
		});
	}
}

/* timeBar is the picture of how workers spend their time: busy full, blocked hatched, idle empty. */
const BAR = { width: 96, height: 8 };

export function hatch(id) {
	return svg("pattern", { id, class: "hatch", width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
		svg("rect", { width: 4, height: 4 }), svg("path", { d: "M0 0V4" }));
}

export function timeBar() {
	const id = uniqueId("hatch");

	return svg("svg", { class: "timebar", width: BAR.width, height: BAR.height, role: "img" },
		svg("defs", null, hatch(id)),
		svg("rect", { class: "idle", width: BAR.width, height: BAR.height, rx: 2 }),
		svg("rect", { class: "busy", height: BAR.height, rx: 2 }),
		svg("rect", { class: "blocked", height: BAR.height, rx: 2, fill: `url(#${id})` }));
}

export function tellTimes(bar, w, width = BAR.width) {
	const busy = Math.max(0, Math.min(1, w.busy)), blocked = Math.max(0, Math.min(1 - busy, w.blocked));

	attr(bar.querySelector(".busy"), "width", (busy * width).toFixed(1));
	attr(bar.querySelector(".blocked"), "x", (busy * width).toFixed(1));
	attr(bar.querySelector(".blocked"), "width", (blocked * width).toFixed(1));
	if (bar.getAttribute("role") === "img")
		attr(bar, "aria-label", `busy ${percent(w.busy)}, blocked ${percent(w.blocked)}, idle ${percent(w.idle)}`);
}

/* A sparkline of numbers from left to right; it ends at the right edge. */
const SPARK = { width: 120, height: 26, most: 60 };

export function sparkline(label) {
	return svg("svg", { class: "spark", width: SPARK.width, height: SPARK.height, viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, role: "img", "aria-label": label },
		svg("path", { class: "area" }), svg("path", { class: "line" }));
}

export function tellSpark(node, values) {
	const last = values.slice(-SPARK.most), top = Math.max(...last, 1e-9), step = SPARK.width / (SPARK.most - 1);
	const x0 = SPARK.width - (last.length - 1) * step;
	const points = last.map((v, i) => `${(x0 + i * step).toFixed(1)},${(SPARK.height - 2 - (v / top) * (SPARK.height - 4)).toFixed(1)}`);

	if (points.length < 2)
		return;
	attr(node.lastElementChild, "d", `M${points.join("L")}`);
	attr(node.firstElementChild, "d", `M${x0.toFixed(1)},${SPARK.height}L${points.join("L")}L${SPARK.width},${SPARK.height}Z`);
}

/* command shows what is to be typed in a terminal, with a button that copies it. */
export function command() {
	const code = el("code"), button = el("button", { type: "button", class: "small", text: "Copy", "aria-label": "Copy the command" });
	let back = null;

	button.addEventListener("click", async () => {
		text(button, await copy(code) ? "Copied" : "Press Ctrl+C");
		clearTimeout(back);
		back = setTimeout(() => text(button, "Copy"), 2000);
	});
	return el("span", { class: "command" }, code, button);
}

export function tellCommand(node, line) {
	text(node.firstElementChild, line);
}

/* copy: the clipboard may be refused to a page; then the text is at least selected. */
async function copy(code) {
	try {
		await navigator.clipboard.writeText(code.textContent);
		return true;
	} catch {
		getSelection().selectAllChildren(code);
		return false;
	}
}

/* switchBox is a box to tick, with its label. */
export function switchBox(label, on, changed) {
	const box = el("input", { type: "checkbox" });

	box.checked = on;
	box.addEventListener("change", () => changed(box.checked));
	return el("label", { class: "switch" }, box, label);
}

export function section(title, ...children) {
	const id = uniqueId("section");

	return el("section", { class: "panel", "aria-labelledby": id }, el("h2", { id, text: title }), ...children);
}

/* notice says that something is missing, and by which command it comes. */
export function notice(why, line) {
	const node = el("p", { class: "notice" }, el("span", { text: why }));

	if (line) {
		const c = command();
		tellCommand(c, line);
		node.append(" ", c);
	}
	return node;
}
