/* dom.js - making and changing elements.
 *
 * What is shown comes from topologies, logs and tuples and is not trusted: it gets into the page as
 * text or as the value of an attribute, never as markup. An element is made once and changed in place, so focus,
 * selection and the position of scrolling outlive every refresh.
 *
 * SPDX-License-Identifier: Apache-2.0 */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (name === "text")
			node.textContent = value;
		else if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else
			attr(node, name, value);
	}
	node.append(...children.flat().filter((x) => x !== null && x !== undefined));
	return node;
}

/* el makes an HTML element, svg one of a picture: attributes, "text", and "onEVENT" listeners. */
export function el(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

/* text and attr change something only where it is not so already. null and false take an attribute
 * away; true gives it without a value. */
export function text(node, value) {
	const s = value === null || value === undefined ? "" : String(value);

	if (node.textContent !== s)
		node.textContent = s;
}

export function attr(node, name, value) {
	if (value === null || value === undefined || value === false) {
		if (node.hasAttribute(name))
			node.removeAttribute(name);
		return;
	}
	const s = value === true ? "" : String(value);
	if (node.getAttribute(name) !== s)
		node.setAttribute(name, s);
}

export function show(node, visible) {
	if (node.hidden === visible)
		node.hidden = !visible;
}

const kept = new WeakMap();

/* keyed makes PARENT's children those of ITEMS, in this order: one for each key, made by MAKE(item) the
 * first time and told by UPDATE(node, item) each time. Nodes that stay are not moved without need. */
export function keyed(parent, items, keyOf, make, update) {
	const old = kept.get(parent) ?? new Map();
	const now = new Map();
	const focus = document.activeElement;

	for (const item of items) {
		const key = keyOf(item);
		if (!now.has(key))
			now.set(key, old.get(key) ?? make(item));
		update?.(now.get(key), item);
	}
	for (const [key, node] of old)
		if (!now.has(key))
			node.remove();
	let at = parent.firstChild;
	for (const node of now.values()) {
		if (node === at)
			at = at.nextSibling;
		else
			parent.insertBefore(node, at);
	}
	kept.set(parent, now);
	if (focus !== document.activeElement && focus?.isConnected && parent.contains(focus))
		focus.focus({ preventScroll: true });
}

let ids = 0;
export function uniqueId(prefix) {
	return `${prefix}-${++ids}`;
}
