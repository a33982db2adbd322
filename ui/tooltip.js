/* tooltip.js - explanations of what has data-tip: under the pointer, and at keyboard focus. Escape
 * closes them. Screen readers get the same text by aria-description.
 * SPDX-License-Identifier: Apache-2.0 */
import { attr } from "./dom.js";

const box = document.getElementById("tip");
let owner = null;

/* explain gives NODE the explanation TEXT. */
export function explain(node, text) {
	attr(node, "data-tip", text);
	attr(node, "aria-description", text);
	return node;
}

function place() {
	const at = owner.getBoundingClientRect(), gap = 6, edge = 8;
	const width = box.offsetWidth, height = box.offsetHeight;
	const left = Math.min(Math.max(edge, at.left + at.width / 2 - width / 2), innerWidth - width - edge);
	const above = at.top - height - gap;

	box.style.left = `${Math.max(edge, left)}px`;
	box.style.top = `${above >= edge ? above : at.bottom + gap}px`;
}

function open(node) {
	owner = node;
	box.textContent = node.dataset.tip;
	box.hidden = false;
	place();
}

/* follow: a page also scrolls because the focus moves, and tells of it when what has the focus is explained already. */
function follow() {
	if (owner === null)
		return;
	const at = owner.getBoundingClientRect();
	if (at.bottom < 0 || at.top > innerHeight)
		close();
	else
		place();
}

function close() {
	owner = null;
	box.hidden = true;
}

function ownerOf(event) {
	return event.target instanceof Element ? event.target.closest("[data-tip]") : null;
}

document.addEventListener("pointerover", (e) => {
	const node = ownerOf(e);
	if (node !== null && e.pointerType === "mouse")
		open(node);
	else if (owner !== null && owner !== document.activeElement)
		close();
});
document.addEventListener("focusin", (e) => {
	const node = ownerOf(e);
	if (node?.matches(":focus-visible"))
		open(node);
	else
		close();
});
document.addEventListener("focusout", close);
document.addEventListener("scroll", follow, { capture: true, passive: true });
document.addEventListener("keydown", (e) => {
	if (e.key === "Escape" && owner !== null)
		close();
});
