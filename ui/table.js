/* table.js - a table that is refreshed in place: sorted by any column, searched, in pages.
 *
 * A column is { id, label, tip, value(row), show(cell, row), align, first }: value is what it is sorted
 * by, and what is shown where there is no show. The rows of the body don't change their places while the pointer is
 * over them or one of them has the focus: only their numbers move.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { attr, el, keyed, show, text } from "./dom.js";
import { count } from "./format.js";
import { explain } from "./tooltip.js";

const PAGE_ROWS = 25;
const SEARCH_FROM = 12;

export class Table {
	/* caption names it for those who don't see it; empty is what it says without rows. */
	constructor({ caption, columns, keyOf, empty, searchOf }) {
		this.columns = columns;
		this.keyOf = keyOf;
		this.searchOf = searchOf;
		this.sort = null;
		this.page = 0;
		this.order = [];
		this.rows = [];
		this.#make(caption, empty);
	}

	#make(caption, empty) {
		this.body = el("tbody");
		this.table = el("table", null,
			el("caption", { class: "hidden", text: caption }),
			el("thead", null, el("tr", null, this.columns.map((c) => this.#header(c)))), this.body);
		this.empty = el("p", { class: "empty", text: empty });
		this.search = el("input", {
			type: "search", class: "search", placeholder: "Search", "aria-label": `Search: ${caption}`,
			oninput: () => { this.page = 0; this.#draw(true); },
		});
		this.range = el("span", { class: "dim" });
		this.back = el("button", { type: "button", text: "Previous", onclick: () => this.#turn(-1) });
		this.on = el("button", { type: "button", text: "Next", onclick: () => this.#turn(1) });
		this.pager = el("div", { class: "pager", hidden: true }, this.range, this.back, this.on);
		this.tools = el("div", { class: "tools", hidden: true }, this.search);
		/* A scroller without a tab stop can't be moved by the keyboard. */
		this.scroller = el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": caption }, this.table);
		this.node = el("div", { class: "table" }, this.tools, this.scroller, this.empty, this.pager);
	}

	#header(column) {
		const mark = el("span", { class: "mark", "aria-hidden": "true" });
		const button = el("button", { type: "button", onclick: () => this.#sortBy(column) }, el("span", { text: column.label }), mark);

		column.header = el("th", { scope: "col", class: `${column.align ?? "right"}${column.first ? " first" : ""}` },
			column.tip ? explain(button, column.tip) : button);
		column.mark = mark;
		return column.header;
	}

	/* The first click sorts numbers from the greatest and names from the first, the second the other way
	 * round, the third as it was. */
	#sortBy(column) {
		const down = (column.align ?? "right") === "right";

		if (this.sort?.column !== column)
			this.sort = { column, down };
		else
			this.sort = this.sort.down === down ? { column, down: !down } : null;
		for (const c of this.columns) {
			const mine = this.sort?.column === c;
			attr(c.header, "aria-sort", mine ? (this.sort.down ? "descending" : "ascending") : null);
			text(c.mark, mine ? (this.sort.down ? "↓" : "↑") : "");
		}
		this.#draw(true);
	}

	#turn(by) {
		this.page += by;
		this.#draw(true);
	}

	update(rows) {
		this.rows = rows;
		this.#draw(false);
	}

	#held() {
		return this.body.matches(":hover") || this.body.contains(document.activeElement);
	}

	#arranged(force) {
		const wanted = this.search.value.trim().toLowerCase();
		let rows = wanted === "" ? this.rows
			: this.rows.filter((r) => (this.searchOf ?? this.keyOf)(r).toLowerCase().includes(wanted));

		if (this.sort !== null) {
			const { column, down } = this.sort;
			const place = new Map(this.order.map((key, i) => [key, i]));
			const still = !force && this.#held();
			rows = rows.slice().sort((a, b) => still
				? (place.get(this.keyOf(a)) ?? Infinity) - (place.get(this.keyOf(b)) ?? Infinity)
				: (down ? -1 : 1) * compare(column.value(a), column.value(b)));
			this.order = rows.map(this.keyOf);
		}
		return rows;
	}

	#draw(force) {
		const rows = this.#arranged(force);
		const last = Math.max(0, Math.ceil(rows.length / PAGE_ROWS) - 1);

		this.page = Math.min(Math.max(0, this.page), last);
		const from = this.page * PAGE_ROWS;
		keyed(this.body, rows.slice(from, from + PAGE_ROWS), this.keyOf, () => this.#row(), (tr, r) => this.#tell(tr, r));
		show(this.empty, rows.length === 0);
		show(this.scroller, rows.length > 0);
		show(this.tools, this.rows.length >= SEARCH_FROM);
		show(this.pager, last > 0);
		text(this.range, `${count(from + 1)} to ${count(Math.min(rows.length, from + PAGE_ROWS))} of ${count(rows.length)}`);
		this.back.disabled = this.page === 0;
		this.on.disabled = this.page === last;
	}

	#row() {
		return el("tr", null, this.columns.map((c) => el(c.first ? "th" : "td",
			{ class: `${c.align ?? "right"}${c.first ? " first" : ""}`, scope: c.first ? "row" : null })));
	}

	#tell(tr, row) {
		this.columns.forEach((c, i) => {
			const cell = tr.children[i];
			if (c.show !== undefined)
				c.show(cell, row);
			else
				text(cell, c.value(row) ?? "–");
		});
	}
}

function compare(a, b) {
	if (a === b)
		return 0;
	if (a === null || a === undefined)
		return -1;
	if (b === null || b === undefined)
		return 1;
	return typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}

/* link is a `show` for a column whose cells lead somewhere: textOf(row) at hrefOf(row). */
export function link(textOf, hrefOf) {
	return (cell, row) => {
		if (cell.firstElementChild === null)
			cell.append(el("a"));
		text(cell.firstElementChild, textOf(row));
		attr(cell.firstElementChild, "href", hrefOf(row));
	};
}

/* number is a `show` that writes value(row) by FORMAT; zero stands back. */
export function number(value, format) {
	return (cell, row) => {
		const x = value(row);
		text(cell, format(x));
		cell.classList.toggle("zero", x === 0 || x === null || x === undefined);
	};
}
