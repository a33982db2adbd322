/* dialogs.js - questions: a <dialog> that keeps the focus inside, closes by Escape and gives the focus
 * back. Toasts tell what has come of it. SPDX-License-Identifier: Apache-2.0 */
import { attr, el, show, text, uniqueId } from "./dom.js";

const TOAST_MS = 8000;

/* Asking is one question. act() is called when it is answered by its button; an error of it is shown, and the
 * question stays. It closes when act has resolved. */
export class Asking {
	constructor({ title, body, button, danger = false, act }) {
		const id = uniqueId("dialog");

		this.act = act;
		this.error = el("p", { class: "refusal", role: "alert", hidden: true });
		this.busy = el("p", { class: "busy", role: "status", hidden: true });
		this.cancel = el("button", { type: "button", text: "Cancel", onclick: () => this.close(null) });
		this.go = el("button", { type: "submit", class: danger ? "danger" : "primary", text: button });
		this.form = el("form", { method: "dialog" }, el("h2", { id, text: title }), ...body, this.error, this.busy,
			el("div", { class: "buttons" }, this.cancel, this.go));
		this.node = el("dialog", { "aria-labelledby": id }, this.form);
		this.form.addEventListener("submit", (e) => {
			e.preventDefault();
			this.#answer();
		});
		this.node.addEventListener("cancel", (e) => {
			e.preventDefault();
			this.close(null);
		});
	}

	/* ask shows it and resolves to what act resolved to, or to null when it was cancelled. */
	ask() {
		const before = document.activeElement;

		document.body.append(this.node);
		this.node.showModal();
		(this.form.querySelector("[data-first]") ?? this.form.querySelector("input:enabled, select") ?? this.cancel).focus();
		return new Promise((done) => {
			this.close = (result) => {
				this.close = () => {};
				this.node.close();
				this.node.remove();
				before?.focus?.();
				done(result);
			};
		});
	}

	close() {}

	ready(is) {
		this.go.disabled = !is;
	}

	/* working says what goes on; null: nothing. */
	working(words) {
		show(this.busy, words !== null);
		text(this.busy, words);
	}

	async #answer() {
		show(this.error, false);
		this.go.disabled = true;
		attr(this.form, "aria-busy", "true");
		try {
			this.close(await this.act(this));
		} catch (e) {
			text(this.error, e.message);
			show(this.error, true);
			this.working(null);
			this.go.disabled = false;
		}
		attr(this.form, "aria-busy", null);
	}
}

/* toast says something in passing. */
export function toast(words) {
	const node = el("p", { text: words });

	document.getElementById("toasts").append(node);
	setTimeout(() => node.remove(), TOAST_MS);
}

/* field is a labelled input, with a word of help. */
export function field(label, input, help) {
	const id = uniqueId("field");

	attr(input, "id", id);
	if (help)
		attr(input, "aria-describedby", `${id}-help`);
	return el("div", { class: "field" }, el("label", { for: id, text: label }), input, help ? el("p", { id: `${id}-help`, class: "dim", text: help }) : null);
}

/* askForToken resolves to a token or to null. One question at a time: others share its answer. */
let asking = null;

export function askForToken(why) {
	if (asking === null) {
		const input = el("input", { type: "password", autocomplete: "off", required: true, spellcheck: "false" });
		asking = new Asking({
			title: "Which token?",
			body: [el("p", { text: "Changing something needs the token of “gale ui”. It is in the address that gale ui printed when it began, and in the file" }),
				el("p", null, el("code", { text: "~/.local/state/gale/.ui-token" })),
				el("p", { class: "dim", text: "or $XDG_STATE_HOME/gale/.ui-token, where that is set." }),
				field("Token", input, why)],
			button: "Use it",
			act: async () => input.value.trim(),
		}).ask().finally(() => { asking = null; });
	}
	return asking;
}
