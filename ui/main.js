/* main.js - the page begins here: it shows what the address says, and whether gale is there.
 * SPDX-License-Identifier: Apache-2.0 */
import { link, takeToken, whenTokenIsMissing } from "./api.js";
import { Component } from "./component.js";
import { askForToken, toast } from "./dialogs.js";
import { attr, el, show, text } from "./dom.js";
import { List } from "./list.js";
import { route } from "./router.js";
import { Topology } from "./topology.js";
import "./tooltip.js";
import { Validate } from "./validate.js";

const LATE_MS = 5000;
const LOOK_MS = 250;

const main = document.getElementById("main");
let view = null;

/* ---- what is shown ---- */

class Unknown {
	constructor() {
		this.node = el("div", { class: "welcome" }, el("h1", { text: "Nothing here" }), el("p", null, "This address names nothing that there is. ", el("a", { href: "#/", text: "The topologies" })));
	}

	title() {
		return "Nothing here";
	}

	stop() {}
}

const makers = { list: () => new List(), validate: () => new Validate(), topology: (r) => new Topology(r), component: (r) => new Component(r), unknown: () => new Unknown() };

function goTo(first) {
	takeToken();
	const r = route();

	for (const a of document.querySelectorAll("[data-page]"))
		attr(a, "aria-current", a.dataset.page === (r.page === "validate" ? "validate" : "list") ? "page" : null);
	if (view?.go?.(r))
		return;
	view?.stop();
	view = makers[r.page](r);
	main.replaceChildren(view.node);
	document.title = `${view.title()} – gale`;
	scrollTo(0, 0);
	if (!first)
		main.focus({ preventScroll: true });
}

/* ---- whether gale is there ---- */

const banner = document.getElementById("banner");
const pulse = document.getElementById("pulse");
let away = false;

function look() {
	const now = Date.now(), since = link.unansweredSince;
	const late = since !== null && !document.hidden && now - since >= LATE_MS;

	if (late) {
		/* Said once to those who hear the page, and counted on for those who see it. */
		if (!away)
			banner.replaceChildren(el("b", { text: "No answer since " }), el("b", { class: "seconds", "aria-live": "off" }), el("span"));
		const from = link.answeredAt ?? since;
		text(banner.children[1], `${Math.round((now - from) / 1000)} s.`);
		text(banner.children[2], link.answeredAt === null ? " Is gale ui running?" : ` What is shown is of ${new Date(from).toLocaleTimeString("en-GB")}. Is gale ui running? It is asked again and again.`);
	} else if (away && link.answeredAt !== null) {
		toast("gale answers again.");
	}
	away = late;
	show(banner, away);
	attr(document.body, "data-away", away ? "true" : null);
	attr(pulse, "data-state", away ? "away" : link.answeredAt === null ? "new" : "live");
	text(pulse.lastElementChild, away ? "no answer" : link.answeredAt === null ? "connecting" : link.roundMs > 1000 ? `slow, ${(link.roundMs / 1000).toFixed(1)} s` : "live");
}

/* ---- keys ---- */

document.addEventListener("keydown", (e) => {
	if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || document.querySelector("dialog[open]"))
		return;
	const search = [...main.querySelectorAll("input[type=search]")].find((x) => x.checkVisibility());
	if (search !== undefined) {
		e.preventDefault();
		search.focus();
	}
});

document.querySelector(".skip").addEventListener("click", (e) => {
	e.preventDefault();
	main.focus();
});

whenTokenIsMissing(askForToken);
addEventListener("hashchange", () => goTo(false));
setInterval(look, LOOK_MS);
goTo(true);
