/* api.js - talking to gale: requests, the token, and polling that knows when to rest.
 * SPDX-License-Identifier: Apache-2.0 */

const BASE = "/api/v1";
const ANSWER_MS = 10000;
const TOKEN_KEY = "gale-token";

/* What went wrong: `status` of the answer, 0 when there was none; `code` as REST names it. */
export class ApiError extends Error {
	constructor(status, code, message) {
		super(message);
		this.status = status;
		this.code = code;
	}
}

/* ---- is gale there? ---- */

/* unansweredSince is when the first of the requests was sent that nothing has been heard of since. */
export const link = { unansweredSince: null, answeredAt: null, roundMs: null };

function asked(now) {
	link.unansweredSince ??= now;
}

function answered(began) {
	link.unansweredSince = null;
	link.answeredAt = Date.now();
	link.roundMs = Date.now() - began;
}

/* ---- the token ---- */

/* takeToken moves the token from the address bar, where others may read it, into this tab's memory. */
export function takeToken() {
	const at = /^#token=([0-9a-fA-F]+)/.exec(location.hash);

	if (at !== null) {
		setToken(at[1]);
		history.replaceState(null, "", `${location.pathname}#/`);
	}
}

export function setToken(token) {
	if (token === null)
		sessionStorage.removeItem(TOKEN_KEY);
	else
		sessionStorage.setItem(TOKEN_KEY, token);
}

let askForToken = null;

/* whenTokenIsMissing: ASK(why) resolves to a token or to null. */
export function whenTokenIsMissing(ask) {
	askForToken = ask;
}

/* ---- requests ---- */

/* call sends a request; signal ends it early, timeout in ms. Resolves to the JSON of the answer. */
async function call(method, path, { body, signal, timeout = ANSWER_MS } = {}) {
	const began = Date.now(), headers = { Accept: "application/json" };
	const token = sessionStorage.getItem(TOKEN_KEY);
	const over = AbortSignal.timeout(timeout);

	if (token !== null)
		headers["X-Gale-Token"] = token;
	if (body !== undefined)
		headers["Content-Type"] = "application/json";
	asked(began);
	let answer, said;
	try {
		answer = await fetch(BASE + path, {
			method, headers, body, cache: "no-store", credentials: "same-origin",
			signal: signal === undefined ? over : AbortSignal.any([signal, over]),
		});
		said = await answer.text();
	} catch (e) {
		if (signal?.aborted)
			throw e;
		throw new ApiError(0, "NO_ANSWER", e.name === "TimeoutError" ? `no answer in ${timeout / 1000} s` : "gale does not answer");
	}
	answered(began);
	return read(answer, said);
}

function read(answer, said) {
	let json = null;

	try {
		json = said === "" ? null : JSON.parse(said);
	} catch {
		if (answer.ok)
			throw new ApiError(answer.status, "BAD_ANSWER", "the answer is no JSON");
	}
	if (!answer.ok)
		throw new ApiError(answer.status, json?.error ?? "", json?.errorMessage ?? `${answer.status} ${answer.statusText}`);
	return json;
}

async function callWithToken(method, path, options) {
	for (;;) {
		try {
			return await call(method, path, options);
		} catch (e) {
			const refused = e.status === 401 || (e.status === 403 && /token/i.test(`${e.code} ${e.message}`));
			if (!refused || askForToken === null)
				throw e;
			const token = await askForToken(e.message);
			if (token === null)
				throw e;
			setToken(token);
		}
	}
}

export function get(path, options) {
	return callWithToken("GET", path, options);
}

/* post sends what is no string as JSON. */
export function post(path, body, options) {
	return callWithToken("POST", path, { ...options, body: typeof body === "string" ? body : JSON.stringify(body ?? {}) });
}

/* path joins parts, each written so that it stays one part. */
export function path(...parts) {
	return `/${parts.map((p) => encodeURIComponent(p)).join("/")}`;
}

/* ---- polling ---- */

const polls = new Set();
const SLOWEST_MS = 5000;

/* poll asks for what PATH() names, tells SAY(json) or FAIL(error), and asks again EVERY ms after the
 * answer, more rarely when answers take long. It rests while the page is hidden. null of PATH:
 * nothing is asked now. */
export function poll(pathOf, say, { every = 1000, fail } = {}) {
	const p = { timer: null, abort: null, stopped: false };

	async function turn() {
		p.timer = null;
		const where = pathOf(), began = Date.now();
		let least = every;
		if (where !== null) {
			p.abort = new AbortController();
			const signal = p.abort.signal;
			try {
				const json = await get(where, { signal });
				if (!signal.aborted)
					say(json);
			} catch (e) {
				if (signal.aborted)
					return;
				if (!(e instanceof ApiError))
					console.error(e);
				/* What is refused will be refused again. */
				if (e.status >= 400)
					least = SLOWEST_MS;
				fail?.(e);
			}
			if (signal.aborted)
				return;
			p.abort = null;
		}
		if (!p.stopped && !document.hidden)
			p.timer = setTimeout(turn, Math.max(least, Math.min(SLOWEST_MS, 4 * (Date.now() - began))));
	}
	p.rest = () => {
		clearTimeout(p.timer);
		p.abort?.abort();
		p.timer = p.abort = null;
	};
	p.now = () => {
		p.rest();
		if (!p.stopped && !document.hidden)
			turn();
	};
	p.stop = () => {
		p.stopped = true;
		p.rest();
		polls.delete(p);
	};
	polls.add(p);
	p.now();
	return p;
}

document.addEventListener("visibilitychange", () => {
	link.unansweredSince = null;
	for (const p of polls)
		if (document.hidden)
			p.rest();
		else
			p.now();
});
