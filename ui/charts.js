/* charts.js - charts over time, by dygraphs of Debian's package libjs-dygraphs.
 *
 * Its legend sets style attributes, which the page's policy forbids, and writes names as markup; so
 * that part of it is left out, and the legend here is text. SPDX-License-Identifier: Apache-2.0 */
import { attr, el, keyed, show, text } from "./dom.js";
import { milliseconds, percent, rate } from "./format.js";
import { notice } from "./parts.js";

const DASHES = [null, [7, 3], [2, 3], [10, 3, 2, 3], [4, 2], [12, 4]];
const MOST_SERIES = 6;
const SECONDS_UNTIL_MS = 300e3;	/* the time axis of a longer chart needs no seconds */
const dark = matchMedia("(prefers-color-scheme: dark)");

let loading = null;

/* load brings dygraphs; false: it is not installed. */
function load() {
	loading ??= new Promise((done) => {
		const script = el("script", { src: "/lib/dygraph.min.js" });
		script.onload = () => {
			const D = window.Dygraph;
			D.PLUGINS = D.PLUGINS.filter((p) => p !== D.Plugins?.Legend && p.prototype.toString() !== "Legend Plugin");
			done(true);
		};
		script.onerror = () => {
			loading = null;
			done(false);
		};
		document.head.append(el("link", { rel: "stylesheet", href: "/lib/dygraph.css" }), script);
	});
	return loading;
}

function colours(n) {
	const style = getComputedStyle(document.documentElement);
	return Array.from({ length: n }, (_, i) => style.getPropertyValue(`--series-${i + 1}`).trim());
}

/* One chart: a title, a legend that tells the last values or those under the pointer, and lines. */
class Chart {
	constructor(title, format, top = null) {
		this.format = format;
		this.top = top;
		this.legend = el("ul", { class: "legend" });
		this.time = el("span", { class: "dim" });
		this.box = el("div", { class: "lines", role: "img", "aria-label": `${title}; the tables below have the numbers` });
		/* dygraphs itself looks at the window alone. */
		this.sizes = new ResizeObserver(() => this.graph?.resize());
		this.sizes.observe(this.box);
		this.node = el("figure", { class: "chart" }, el("figcaption", null, el("span", { text: title }), this.time), this.box, this.legend);
	}

	/* update takes rows [[Date, number or null, ...], ...], one number for each of NAMES. */
	update(names, rows) {
		this.names = names;
		this.rows = rows;
		this.#tellLegend(this.row ?? rows.length - 1);
		if (rows.length < 2 || this.box.clientWidth === 0)
			return;
		const labels = ["time", ...names.map((_, i) => `s${i}`)];
		if (this.graph === undefined || this.labels !== labels.join())
			this.#make(labels);
		else
			this.graph.updateOptions({ file: rows });
	}

	#make(labels) {
		const style = getComputedStyle(document.documentElement), palette = colours(labels.length - 1);
		const series = Object.fromEntries(labels.slice(1).map((l, i) => [l, { strokePattern: DASHES[i] }]));

		this.labels = labels.join();
		this.graph?.destroy();
		this.graph = new window.Dygraph(this.box, this.rows, {
			labels, series, colors: palette, legend: "never", strokeWidth: 1.5, includeZero: true, valueRange: this.top === null ? null : [0, this.top],
			gridLineColor: style.getPropertyValue("--line").trim(), gridLineWidth: 1, axisLineColor: style.getPropertyValue("--line").trim(),
			highlightCircleSize: 3, connectSeparatedPoints: false, interactionModel: {}, rightGap: 8, animatedZooms: false,
			axes: {
				x: { drawGrid: false, axisTickSize: 5, axisLabelFontSize: 11, axisLabelFormatter: (d) => this.#hours(d) },
				y: { axisLabelFontSize: 11, axisLabelWidth: 62, pixelsPerLabel: 36, axisLabelFormatter: (v) => this.format(v) },
			},
			highlightCallback: (e, x, points, row) => { this.row = row; this.#tellLegend(row); },
			unhighlightCallback: () => { this.row = undefined; this.#tellLegend(this.rows.length - 1); },
		});
	}

	#tellLegend(at) {
		const row = this.rows[Math.min(at, this.rows.length - 1)];
		const palette = colours(this.names.length);

		text(this.time, this.row === undefined || row === undefined ? "" : row[0].toLocaleTimeString("en-GB"));
		keyed(this.legend, this.names, (n) => n, () => el("li", null, dash(), el("span"), el("b")), (li, n) => {
			const i = this.names.indexOf(n), line = li.firstElementChild.firstElementChild;
			attr(line, "stroke", palette[i]);
			attr(line, "stroke-dasharray", DASHES[i]?.join(" "));
			text(li.children[1], n);
			text(li.children[2], row === undefined ? "–" : this.format(row[i + 1]));
		});
	}

	#hours(d) {
		const t = typeof d === "number" ? new Date(d) : d, span = this.rows.at(-1)[0] - this.rows[0][0];
		return t.toLocaleTimeString("en-GB", span < SECONDS_UNTIL_MS ? {} : { hour: "2-digit", minute: "2-digit" });
	}

	recolour() {
		if (this.graph !== undefined)
			this.#make(this.labels.split(","));
		if (this.rows !== undefined)
			this.#tellLegend(this.rows.length - 1);
	}

	stop() {
		this.sizes.disconnect();
		this.graph?.destroy();
	}
}

function dash() {
	const ns = "http://www.w3.org/2000/svg", s = document.createElementNS(ns, "svg"), line = document.createElementNS(ns, "path");

	attr(s, "width", 22);
	attr(s, "height", 8);
	attr(s, "aria-hidden", "true");
	attr(line, "d", "M0 4H22");
	attr(line, "stroke-width", 2);
	s.append(line);
	return s;
}

/* Charts shows what /chart tells of a topology, or of one component of it. */
export class Charts {
	constructor(component = null) {
		this.component = component;
		this.messages = new Chart("Messages a second", rate);
		this.latency = new Chart("Complete latency", milliseconds);
		this.executed = new Chart(component === null ? "Tuples executed a second, busiest components" : "Tuples executed a second", rate);
		this.busy = new Chart(component === null ? "Busy, busiest components" : "Busy and blocked", percent, 1.05);
		this.all = component === null ? [this.messages, this.latency, this.executed, this.busy] : [this.executed, this.busy];
		this.grid = el("div", { class: "charts" }, this.all.map((c) => c.node));
		this.missing = el("div", { hidden: true }, notice("Charts are drawn by dygraphs, which is not installed here. The tables have the numbers.", "apt install libjs-dygraphs"));
		this.few = el("p", { class: "empty", text: "The first points come after some seconds.", hidden: true });
		this.node = el("div", null, this.missing, this.few, this.grid);
		this.recolour = () => this.all.forEach((c) => c.recolour());
		dark.addEventListener("change", this.recolour);
	}

	async update(chart) {
		const there = await load();

		show(this.missing, !there);
		show(this.grid, there && chart.points.length > 1);
		show(this.few, there && chart.points.length < 2);
		if (!there || !this.node.isConnected || chart.points.length < 2)
			return;
		const now = Date.now(), points = chart.points;
		const rows = (of) => points.map((p) => [new Date(now + p.seconds * 1000), ...of(p)]);
		if (this.component === null) {
			this.messages.update(["emitted", "acked", "failed", "timed out"], rows((p) => [p.emittedPerSecond, p.ackedPerSecond, p.failedPerSecond, p.timedOutPerSecond]));
			this.latency.update(["p50", "p99"], rows((p) => [p.p50Ms, p.p99Ms]));
			this.#byComponent(this.executed, points, rows, (c) => c.executedPerSecond);
			this.#byComponent(this.busy, points, rows, (c) => c.busy);
		} else {
			const mine = (p) => p.components.find((c) => c.id === this.component);
			this.executed.update(["executed"], rows((p) => [mine(p)?.executedPerSecond ?? null]));
			this.busy.update(["busy", "blocked"], rows((p) => [mine(p)?.busy ?? null, mine(p)?.blocked ?? null]));
		}
	}

	#byComponent(chart, points, rows, of) {
		const most = new Map();

		for (const p of points)
			for (const c of p.components)
				most.set(c.id, Math.max(most.get(c.id) ?? 0, of(c)));
		const names = [...most].filter(([, x]) => x > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST_SERIES).map(([id]) => id);
		const shown = [...most.keys()].filter((id) => names.includes(id));
		chart.update(shown, rows((p) => {
			const by = new Map(p.components.map((c) => [c.id, of(c)]));
			return shown.map((id) => by.get(id) ?? null);
		}));
	}

	stop() {
		dark.removeEventListener("change", this.recolour);
		this.all.forEach((c) => c.stop());
	}
}
