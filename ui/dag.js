/* dag.js - the picture of a running topology. Graphviz says where boxes and edges are (drawing), the status
 * document what is in them.
 *
 * The picture is larger than its frame or smaller; the frame scrolls. Far away a box shows its name
 * alone. One box is in the order of the Tab key; arrow keys go to its neighbours.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { attr, el, keyed, show, svg, text, uniqueId } from "./dom.js";
import { milliseconds, percent, rate } from "./format.js";
import { componentHealth, edgeHealth, p99Of, rateOf } from "./health.js";
import { hatch, notice, switchBox, tellTimes } from "./parts.js";

const BOX = { width: 190, height: 76, pad: 11 };	/* what is in a box is laid out for this size, as drawing.h has it */
const ZOOM = { least: 0.15, most: 2.5, step: 1.25, far: 0.5, narrow: 640, readable: 0.85 };
const MARGIN = 16;
const HATCH = "dag-hatch";
/* Far away there is no room for words, and a colour alone says nothing. */
const FAR_SIGNS = { failing: "✕ ", bottleneck: "▶ ", inactive: "○ " };

function edgeKey(e) {
	return JSON.stringify([e.from, e.stream, e.to]);
}

/* clip cuts a name that is wider than its place: about 7.4 px for each letter of this size. */
function clip(name, width, letter = 7.4) {
	const most = Math.floor(width / letter);
	return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

export class Dag {
	/* open(id) is called when somebody wants to see a component; sysChanged(on): ackers shall be in
	 * the drawing or not. */
	constructor({ name, open, sysChanged }) {
		this.arrow = uniqueId("arrow");
		this.open = open;
		this.zoom = null;
		this.current = null;
		this.boxes = new Map();
		this.#make(name, sysChanged);
	}

	#make(name, sysChanged) {
		this.defs = svg("defs", null, hatch(HATCH), ["free", "blocking", "quiet"].map((state) => svg("marker",
			{ id: `${this.arrow}-${state}`, class: `arrow ${state}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
			svg("path", { d: "M0 0.500L8 4L0 7.500Z" }))));
		this.clusterLayer = svg("g", { class: "clusters" });
		this.edgeLayer = svg("g", { class: "edges" });
		this.labelLayer = svg("g", { class: "labels" });
		this.boxLayer = svg("g", { class: "boxes" });
		this.svg = svg("svg", { class: "dag", role: "group", "aria-label": `Graph of ${name}. Arrow keys move between components, Enter opens one.` },
			this.defs, this.clusterLayer, this.edgeLayer, this.labelLayer, this.boxLayer);
		this.frame = el("div", { class: "frame" }, this.svg);
		this.search = el("input", { type: "search", class: "search", placeholder: "Find a component", "aria-label": "Find a component in the graph",
			oninput: () => this.#find(), onkeydown: (e) => { if (e.key === "Enter") this.#goToFound(); } });
		this.found = el("span", { class: "dim", role: "status" });
		this.missing = el("div", { hidden: true });
		this.tools = el("div", { class: "tools" }, this.search, this.found, el("span", { class: "space" }),
			sysChanged === null ? null : switchBox("Show ackers", false, sysChanged),
			el("span", { class: "group", role: "group", "aria-label": "Zoom" },
				el("button", { type: "button", text: "−", "aria-label": "Zoom out", onclick: () => this.#zoomBy(1 / ZOOM.step) }),
				el("button", { type: "button", text: "Fit", "aria-label": "Zoom so that all is seen", onclick: () => this.#fit() }),
				el("button", { type: "button", text: "+", "aria-label": "Zoom in", onclick: () => this.#zoomBy(ZOOM.step) })));
		this.legend = el("ul", { class: "legend" },
			...[["busy", "busy"], ["blocked", "blocked"], ["idle", "idle"]].map(([c, t]) => el("li", null, el("i", { class: c }), t)),
			el("li", null, el("i", { class: "edge" }), "wider: more tuples"), el("li", null, el("i", { class: "edge blocking" }), "dashed: waits"),
			this.chainLegend = el("li", { hidden: true }, el("i", { class: "edge call" }), "dotted: a call in the process"));
		this.node = el("div", { class: "picture" }, this.tools, this.missing, this.frame, this.legend);
		this.#listen();
	}

	#listen() {
		/* Not on parts of the picture: one that listens to the focus could get it. */
		this.frame.addEventListener("keydown", (e) => this.#key(e));
		this.frame.addEventListener("click", (e) => {
			const id = e.target.closest("[data-id]")?.dataset.id;
			if (id !== undefined && !this.dragged)
				this.open(id);
		});
		this.frame.addEventListener("focusin", (e) => {
			const id = e.target.closest("[data-id]")?.dataset.id;
			if (id !== undefined)
				this.#rove(id);
		});
		this.frame.addEventListener("wheel", (e) => {
			if (!e.ctrlKey)
				return;
			e.preventDefault();
			this.#zoomBy(Math.exp(-e.deltaY / 200), e);
		}, { passive: false });
		this.#dragging();
	}

	#dragging() {
		let from = null;

		this.frame.addEventListener("pointerdown", (e) => {
			this.dragged = false;
			if (e.pointerType === "mouse" && e.button === 0)
				from = { x: e.clientX + this.frame.scrollLeft, y: e.clientY + this.frame.scrollTop, at: [e.clientX, e.clientY] };
		});
		addEventListener("pointermove", (e) => {
			if (from === null || Math.hypot(e.clientX - from.at[0], e.clientY - from.at[1]) < 4)
				return;
			this.dragged = true;
			this.frame.scrollTo(from.x - e.clientX, from.y - e.clientY);
		}, { signal: (this.over = new AbortController()).signal });
		addEventListener("pointerup", () => { from = null; }, { signal: this.over.signal });
	}

	stop() {
		this.over.abort();
	}

	/* ---- where things are ---- */

	/* draw takes a drawing, as REST gives it. */
	draw(drawing) {
		const none = drawing.engine === null || drawing.engine === undefined;

		show(this.missing, none);
		show(this.frame, !none);
		show(this.tools, !none);
		show(this.legend, !none);
		if (none) {
			this.missing.replaceChildren(drawing.error ? notice(`Graphviz could not lay out the graph: ${drawing.error}`)
				: notice("The graph is laid out by Graphviz, which is not installed here.", `apt install ${drawing.install ?? "graphviz"}`));
			return;
		}
		this.drawing = drawing;
		this.placed = new Map(drawing.boxes.map((b) => [b.id, b]));
		if (!this.placed.has(this.current))
			this.current = drawing.boxes[0]?.id ?? null;
		this.#drawClusters(drawing);
		this.#drawEdges(drawing.edges);
		this.#drawBoxes(drawing.boxes);
		if (this.zoom === null)
			this.#fit();
		else
			this.#setZoom(this.zoom);
	}

	/* An outline is around what is chained. */
	#drawClusters({ clusters, edges }) {
		show(this.chainLegend, edges.some((e) => e.call));
		keyed(this.clusterLayer, clusters, (c) => JSON.stringify(c.components), () => svg("g", { class: "cluster" }, svg("title"), svg("rect", { rx: 10 }), svg("text", { class: "near", x: 12, y: 12, text: "same process" })), (g, c) => {
			attr(g, "transform", `translate(${c.x} ${c.y})`);
			attr(g.children[1], "width", c.width);
			attr(g.children[1], "height", c.height);
			text(g.firstElementChild, `${c.components.join(", ")} run in the same process: a crash of one is a crash of all.`);
		});
	}

	#drawEdges(edges) {
		keyed(this.edgeLayer, edges, edgeKey, () => svg("path", { class: "edge" }, svg("title")), (path, e) => {
			const [first, ...rest] = e.points;
			attr(path, "data-call", e.call ? "" : null);
			attr(path, "d", `M${first.join(" ")}C${rest.map((p) => p.join(" ")).join(" ")}`);
		});
		keyed(this.labelLayer, edges, edgeKey, () => svg("g", null, svg("text", { class: "what", dy: -12 }), svg("text", { class: "rate", dy: 0.5 }), svg("text", { class: "waits", dy: 24 })), (g, e) => {
			attr(g, "transform", `translate(${e.x ?? 0} ${e.y ?? 0})`);
			attr(g, "display", e.x === null ? "none" : null);
		});
		this.edgeNodes = edges.map((e, i) => ({ e, path: this.edgeLayer.children[i], label: this.labelLayer.children[i] }));
	}

	#drawBoxes(boxes) {
		keyed(this.boxLayer, boxes, (b) => b.id, (b) => this.#box(b), (g, b) => {
			const size = Math.min(b.width / BOX.width, b.height / BOX.height);
			const x = b.x + (b.width - BOX.width * size) / 2, y = b.y + (b.height - BOX.height * size) / 2;
			attr(g, "transform", `translate(${x} ${y}) scale(${size})`);
			attr(g, "tabindex", b.id === this.current ? 0 : -1);
		});
		this.boxes = new Map(boxes.map((b, i) => [b.id, this.boxLayer.children[i]]));
	}

	#box(b) {
		const inner = BOX.width - 2 * BOX.pad;

		return svg("g", { class: "box", role: "link", "data-id": b.id, tabindex: -1 },
			svg("title"),
			svg("rect", { class: "body", width: BOX.width, height: BOX.height, rx: 6 }),
			svg("rect", { class: "kind", x: 0, y: 8, width: 3, height: BOX.height - 16 }),
			svg("text", { class: "far", x: BOX.width / 2, y: BOX.height / 2 + 9 }),
			svg("text", { class: "id near", x: BOX.pad, y: 20 }),
			svg("text", { class: "size near", x: BOX.width - BOX.pad, y: 20 }),
			svg("text", { class: "rate near", x: BOX.pad, y: 39 }),
			svg("text", { class: "p99 near", x: BOX.width - BOX.pad, y: 39 }),
			svg("g", { class: "bar near", transform: `translate(${BOX.pad} 47)` },
				svg("rect", { class: "idle", width: inner, height: 6, rx: 2 }), svg("rect", { class: "busy", height: 6, rx: 2 }),
				svg("rect", { class: "blocked", height: 6, rx: 2, fill: `url(#${HATCH})` })),
			svg("text", { class: "times near", x: BOX.pad, y: 67 }),
			svg("text", { class: "queue near", x: BOX.width - BOX.pad, y: 67 }),
			svg("g", { class: "flag", transform: `translate(${BOX.width - 8} 0)` },
				svg("rect", { y: -13, height: 17, rx: 8.5 }), svg("text", { y: -0.5 })));
	}

	/* ---- what is in them ---- */

	/* update takes a status document. */
	update(status) {
		if (this.drawing === undefined)
			return;
		const parts = new Map(status.components.map((c) => [c.id, c]));

		for (const [id, g] of this.boxes)
			if (parts.has(id))
				this.#tellBox(g, parts.get(id), status);
		this.#tellEdges(status, parts);
	}

	/* plain shows a topology that does not run: what of it is known before, { type, note, size } by id. */
	plain(known) {
		show(this.legend, false);
		for (const [id, g] of this.boxes) {
			const { type, note, size } = known.get(id) ?? {};
			text(g.querySelector(".id"), clip(id, BOX.width - 2 * BOX.pad - 40, 8.2));
			text(g.querySelector(".far"), clip(id, BOX.width, 15));
			text(g.querySelector(".rate"), clip(note ?? "", BOX.width - 2 * BOX.pad));
			text(g.querySelector(".size"), size ?? "");
			attr(g, "data-type", type);
			attr(g, "aria-label", [type, id, note].filter(Boolean).join(" "));
			text(g.firstElementChild, [type, id, note].filter(Boolean).join(" "));
			attr(g.querySelector(".flag"), "display", "none");
			g.classList.add("plain");
		}
		for (const { e, path, label } of this.edgeNodes) {
			attr(path, "data-state", "free");
			attr(path, "stroke-width", 1.5);
			attr(path, "marker-end", `url(#${this.arrow}-free)`);
			text(label.firstElementChild, edgeName(e));
		}
		this.#setZoom(Math.max(this.zoom, ZOOM.far));
	}

	#tellBox(g, c, status) {
		const health = componentHealth(c, status), w = c.window;
		const size = c.tasksTotal === c.executorsTotal ? `× ${c.tasksTotal}` : `× ${c.tasksTotal} in ${c.executorsTotal}`;
		const p99 = milliseconds(p99Of(c));

		text(g.querySelector(".id"), clip(c.id, BOX.width - 2 * BOX.pad - 7 * size.length - 8, 8.2));
		text(g.querySelector(".far"), clip(`${FAR_SIGNS[health.state] ?? ""}${c.id}`, BOX.width - 8, 15));
		text(g.querySelector(".size"), size);
		text(g.querySelector(".rate"), rate(rateOf(c)));
		text(g.querySelector(".p99"), p99 === "–" ? "" : `p99 ${p99}`);
		g.classList.toggle("chained", c.chainedTo !== null);
		tellTimes(g.querySelector(".bar"), w, BOX.width - 2 * BOX.pad);
		text(g.querySelector(".times"), c.chainedTo === null ? times(w) : `runs in ${clip(c.chainedTo, 100)}`);
		text(g.querySelector(".queue"), c.queueFrames > 0 && c.type !== "spout" ? `queue ${c.queueFrames}` : "");
		attr(g, "data-state", health.state);
		attr(g, "data-type", c.type);
		this.#tellFlag(g.querySelector(".flag"), health.badge);
		const said = [`${c.type} ${c.id}`, `${c.tasksTotal} tasks in ${c.executorsTotal} executors`, rate(rateOf(c)), p99 === "–" ? null : `p99 ${p99}`,
			`busy ${percent(w.busy)}, blocked ${percent(w.blocked)}`, `queue ${c.queueFrames}`, health.badge].filter(Boolean).join(", ");
		attr(g, "aria-label", said);
		text(g.firstElementChild, said);
	}

	#tellFlag(flag, words) {
		const width = words === null ? 0 : words.length * 6.4 + 16;

		attr(flag, "display", words === null ? "none" : null);
		attr(flag.firstElementChild, "width", width);
		attr(flag.firstElementChild, "x", -width);
		attr(flag.lastElementChild, "x", -width / 2);
		text(flag.lastElementChild, words);
	}

	#tellEdges(status, parts) {
		const rates = new Map(status.edges.map((e) => [edgeKey(e), e]));
		const queues = new Map(status.queues.map((q) => [JSON.stringify([q.from, q.to]), q]));
		const most = Math.max(1, ...status.edges.map((e) => e.tuplesPerSecond));

		for (const { e, path, label } of this.edgeNodes) {
			const known = rates.get(edgeKey(e)), from = parts.get(e.from), to = parts.get(e.to);
			const frames = queues.get(JSON.stringify([e.from, e.to]))?.frames ?? 0;
			const health = from && to && known ? edgeHealth(from, to, frames) : { state: "free", label: null };
			const quiet = known === undefined || known.tuplesPerSecond === 0;
			const state = health.state === "free" && quiet ? "quiet" : health.state;
			attr(path, "data-state", state);
			attr(path, "marker-end", `url(#${this.arrow}-${state})`);
			attr(path, "stroke-width", quiet ? 1.25 : (1.25 + 4.5 * Math.sqrt(known.tuplesPerSecond / most)).toFixed(2));
			text(label.firstElementChild, edgeName(e));
			text(label.children[1], known ? rate(known.tuplesPerSecond) : "");
			text(label.children[2], health.label);
			text(path.firstElementChild, [`${e.from} → ${e.to}: ${e.grouping ?? e.stream}`, known ? rate(known.tuplesPerSecond) : null, frames > 0 ? `queue ${frames}` : null, health.label].filter(Boolean).join(", "));
			attr(label, "data-state", state);
		}
	}

	/* ---- keys and zoom ---- */

	#rove(id) {
		attr(this.boxes.get(this.current) ?? this.boxes.get(id), "tabindex", -1);
		this.current = id;
		attr(this.boxes.get(id), "tabindex", 0);
	}

	#key(e) {
		const id = e.target.closest("[data-id]")?.dataset.id;
		const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

		if (id === undefined)
			return;
		if (e.key === "Enter")
			this.open(id);
		else if (e.key === "+" || e.key === "=")
			this.#zoomBy(ZOOM.step);
		else if (e.key === "-")
			this.#zoomBy(1 / ZOOM.step);
		else if (e.key === "0")
			this.#fit();
		else if (ways[e.key] === undefined)
			return;
		else
			this.#goTo(this.#neighbour(id, ways[e.key]));
		e.preventDefault();
	}

	/* The nearest box in a direction; being out of line counts double. */
	#neighbour(id, [dx, dy]) {
		const middle = (b) => [b.x + b.width / 2, b.y + b.height / 2];
		const [x, y] = middle(this.placed.get(id));
		let best = null, least = Infinity;

		for (const b of this.placed.values()) {
			const [bx, by] = middle(b), along = (bx - x) * dx + (by - y) * dy;
			const aside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
			if (b.id !== id && along > 1 && along + 2 * aside < least) {
				best = b.id;
				least = along + 2 * aside;
			}
		}
		return best;
	}

	#goTo(id) {
		if (id === null || !this.boxes.has(id))
			return;
		this.boxes.get(id).focus({ preventScroll: true });
		this.#centre(id);
	}

	#centre(id) {
		const b = this.placed.get(id);

		this.frame.scrollTo((b.x + b.width / 2) * this.zoom + MARGIN - this.frame.clientWidth / 2,
			(b.y + b.height / 2) * this.zoom + MARGIN - this.frame.clientHeight / 2);
	}

	#setZoom(zoom) {
		const { width, height } = this.drawing, m = MARGIN / zoom;

		this.zoom = zoom;
		attr(this.svg, "width", Math.ceil(width * zoom + 2 * MARGIN));
		attr(this.svg, "height", Math.ceil(height * zoom + 2 * MARGIN));
		attr(this.svg, "viewBox", `${-m} ${-m} ${width + 2 * m} ${height + 2 * m}`);
		this.svg.classList.toggle("is-far", zoom < ZOOM.far);
	}

	/* zoomBy keeps what is under the pointer, or in the middle, where it is. */
	#zoomBy(factor, event) {
		const r = this.frame.getBoundingClientRect(), old = this.zoom;
		const px = event ? event.clientX - r.left : r.width / 2, py = event ? event.clientY - r.top : r.height / 2;
		const x = this.frame.scrollLeft + px - MARGIN, y = this.frame.scrollTop + py - MARGIN;

		this.#setZoom(Math.min(ZOOM.most, Math.max(ZOOM.least, old * factor)));
		this.frame.scrollTo(x * this.zoom / old + MARGIN - px, y * this.zoom / old + MARGIN - py);
	}

	/* fit shows all of it, but not so small that names can't be read. */
	#fit() {
		const room = this.frame.clientWidth - 2 * MARGIN;
		if (room <= 0)
			return;
		const high = Math.max(320, innerHeight * 0.6);
		const all = Math.min(1, room / this.drawing.width, high / this.drawing.height);

		this.#setZoom(Math.max(all, room < ZOOM.narrow && innerWidth < ZOOM.narrow ? ZOOM.readable : 0.3));
		this.frame.scrollTo(0, 0);
	}

	/* ---- search ---- */

	#matches() {
		const wanted = this.search.value.trim().toLowerCase();
		return wanted === "" ? [] : [...this.boxes.keys()].filter((id) => id.toLowerCase().includes(wanted));
	}

	#find() {
		const ids = this.#matches(), any = this.search.value.trim() !== "";

		for (const [id, g] of this.boxes) {
			g.classList.toggle("found", any && ids.includes(id));
			g.classList.toggle("other", any && !ids.includes(id));
		}
		text(this.found, any ? `${ids.length} of ${this.boxes.size}; Enter goes to the first` : "");
		if (ids.length > 0)
			this.#centre(ids[0]);
	}

	#goToFound() {
		const ids = this.#matches();

		if (ids.length === 0)
			return;
		if (this.zoom < ZOOM.far)
			this.#setZoom(0.8);
		this.#goTo(ids[0]);
	}
}

/* times leaves out what rounds to nothing: there is little room. */
function times(w) {
	const said = [["busy", w.busy], ["blocked", w.blocked]].filter(([, x]) => x >= 0.005).map(([name, x]) => `${name} ${Math.round(x * 100)}%`);
	return said.length > 0 ? said.join(", ") : "idle";
}

/* The name of an edge is its grouping; the drawing has room for 32 letters. */
function edgeName(e) {
	return clip(`${e.grouping ?? e.stream}${e.call ? ", call" : ""}${e.combined ? ", combined" : ""}`, 32, 1);
}
