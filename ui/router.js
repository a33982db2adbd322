/* router.js - the part of the address behind "#" says what is shown:
 *
 *     #/                       the topologies
 *     #/validate               the validator
 *     #/t/NAME                 a topology
 *     #/t/NAME/PANEL           errors, trees or logs of it
 *     #/t/NAME/c/COMPONENT     one of its components
 *     ...?w=10m                numbers of this window
 *
 * SPDX-License-Identifier: Apache-2.0 */

export const WINDOWS = ["1m", "10m", "3h", "1d", "all"];
export const PANELS = ["errors", "trees", "logs"];

function decode(part) {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

/* route reads the address; page is list, validate, topology, component or unknown. */
export function route() {
	const [before, query] = location.hash.replace(/^#\/?/, "").split("?");
	const parts = before.split("/").filter((p) => p !== "").map(decode);
	const asked = new URLSearchParams(query).get("w");
	const window = WINDOWS.includes(asked) ? asked : "1m";

	if (parts.length === 0)
		return { page: "list", window };
	if (parts[0] === "validate" && parts.length === 1)
		return { page: "validate", window };
	if (parts[0] === "t" && parts.length === 2)
		return { page: "topology", name: parts[1], panel: "overview", window };
	if (parts[0] === "t" && parts.length === 3 && PANELS.includes(parts[2]))
		return { page: "topology", name: parts[1], panel: parts[2], window };
	if (parts[0] === "t" && parts.length === 4 && parts[2] === "c")
		return { page: "component", name: parts[1], component: parts[3], window };
	return { page: "unknown", window };
}

function withWindow(hash, window) {
	return window === undefined || window === "1m" ? hash : `${hash}?w=${window}`;
}

/* addressOf gives what a topology is asked for by: its name, and of one that runs in the foreground its id, for
 * there may be several of a name. T is of the list, or a status document. */
export function addressOf(t) {
	return t.pid !== undefined && t.id === `${t.name}-${t.pid}` ? t.id : t.name;
}

export function toTopology(name, panel, window) {
	const hash = `#/t/${encodeURIComponent(name)}`;
	return withWindow(panel === undefined || panel === "overview" ? hash : `${hash}/${panel}`, window);
}

export function toComponent(name, component, window) {
	return withWindow(`#/t/${encodeURIComponent(name)}/c/${encodeURIComponent(component)}`, window);
}

/* toWindow gives the address of what is shown now, with another window. */
export function toWindow(window) {
	return withWindow(location.hash.split("?")[0] || "#/", window);
}
