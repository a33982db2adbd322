/* actions.js - what changes a topology. Each asks first, says what will happen, and waits for it.
 * SPDX-License-Identifier: Apache-2.0 */
import { get, path, post } from "./api.js";
import { el, show, text } from "./dom.js";
import { Asking, field, toast } from "./dialogs.js";
import { count, duration, plural } from "./format.js";
import { addressOf } from "./router.js";

const DRAIN_MS = 3600e3;	/* gale ends what takes too long, not the page */
const PLAN_AFTER_MS = 250;

function at(status, ...rest) {
	return path("topology", addressOf(status), ...rest);
}

/* ---- activate, deactivate ---- */

const PAUSES = {
	activate: { title: "Let the spouts emit?", button: "Activate", text: "Its spouts go on where they paused.", done: "is active" },
	deactivate: { title: "Pause the spouts?", button: "Deactivate", text: "Its spouts stop emitting. What is open is worked off, and nothing is lost. “Activate” lets them go on.", done: "is inactive" },
};

export async function pause(status, operation) {
	const p = PAUSES[operation], { name } = status;
	const asking = new Asking({
		title: p.title,
		body: [el("p", null, el("b", { text: name })), el("p", { text: p.text })],
		button: p.button,
		act: async (a) => {
			a.working("Waiting for the workers…");
			await post(at(status, operation), {}, { timeout: DRAIN_MS });
			return true;
		},
	});
	if (await asking.ask() !== null)
		toast(`${name} ${p.done}.`);
}

/* ---- rebalance ---- */

/* Plan is the part of the question that shows what would move, as gale says it. */
class Plan {
	constructor(status) {
		this.status = status;
		this.timer = null;
		this.turn = 0;
		this.text = el("pre", { class: "plan", text: "" });
		this.hint = el("p", { class: "dim", role: "status" });
		this.node = el("div", { class: "planned" }, el("h3", { text: "Plan" }), this.hint, this.text);
	}

	/* of asks for the plan of EXECUTORS and tells READY whether there is one. */
	of(executors, ready) {
		const turn = ++this.turn;

		clearTimeout(this.timer);
		ready(false);
		show(this.text, false);
		if (Object.keys(executors).length === 0) {
			text(this.hint, "Change a number to see what would move.");
			return;
		}
		text(this.hint, "Working it out…");
		this.timer = setTimeout(async () => {
			try {
				const answer = await post(at(this.status, "rebalance-plan"), { rebalanceOptions: { executors } });
				if (turn === this.turn)
					this.#tell(answer, ready);
			} catch (e) {
				if (turn === this.turn)
					text(this.hint, e.message);
			}
		}, PLAN_AFTER_MS);
	}

	#tell(answer, ready) {
		const plan = Array.isArray(answer.plan) ? answer.plan.join("\n") : answer.plan ?? "";

		text(this.hint, plan === "" ? "Nothing would move." : "This is what would move. Nothing has been done yet.");
		text(this.text, plan);
		show(this.text, plan !== "");
		ready(plan !== "");
	}
}

/* rebalance asks for numbers of executors; WANTED, a map from components to executors, is filled in. */
export async function rebalance(status, wanted = new Map()) {
	const parts = status.components.filter((c) => c.chainedTo === null && ["spout", "bolt"].includes(c.type));
	const needed = new Map(status.advice?.components?.map((c) => [c.id, c.needed]) ?? []);
	const inputs = new Map();
	const wait = el("input", { type: "number", min: 0, step: "any", value: status.components.some((c) => c.type === "acker") ? 0.5 : 10 });
	const plan = new Plan(status);
	const executors = () => Object.fromEntries(parts.filter((c) => inputs.get(c.id).valueAsNumber > 0 && inputs.get(c.id).valueAsNumber !== c.executorsTotal)
		.map((c) => [c.id, inputs.get(c.id).valueAsNumber]));
	const changed = () => plan.of(executors(), (is) => asking.ready(is));
	const row = (c) => {
		const input = el("input", { type: "number", min: 1, max: c.tasksTotal, step: 1, value: wanted.get(c.id) ?? c.executorsTotal, "aria-label": `Executors of ${c.id}`, oninput: changed });
		inputs.set(c.id, input);
		input.disabled = c.tasksTotal === 1;
		return el("tr", null, el("th", { scope: "row", class: "left first", text: c.id }), el("td", { text: count(c.executorsTotal) }), el("td", { text: count(c.tasksTotal) }),
			el("td", { text: needed.get(c.id) > 0 ? count(needed.get(c.id)) : "–" }), el("td", null, input));
	};
	const asking = new Asking({
		title: `Rebalance ${status.name}`,
		body: [el("p", { text: "Spouts pause until what is open is done, tasks and their state move to the new executors, and all goes on." }),
			el("div", { class: "scroller short", tabindex: 0, role: "region", "aria-label": "Executors" }, el("table", null,
				el("thead", null, el("tr", null, ["Component", "Now", "At most (tasks)", "Advised", "Executors"].map((h, i) => el("th", { scope: "col", class: i === 0 ? "left first" : "right", text: h })))),
				el("tbody", null, parts.map(row)))),
			field("Seconds to wait for what is open", wait, "What is open then comes again; without ackers it is lost."), plan.node],
		button: "Rebalance",
		act: async (a) => {
			a.working("Moving…");
			await post(at(status, "rebalance", String(wait.valueAsNumber || 0)), { rebalanceOptions: { executors: executors() } }, { timeout: DRAIN_MS });
			return true;
		},
	});
	changed();
	if (await asking.ask() !== null)
		toast(`${status.name} is rebalanced.`);
}

/* advised reads what a command of gale's advice would rebalance: "gale rebalance NAME -e A=2 -e B=3". */
export function advised(command) {
	return new Map([...(command ?? "").matchAll(/ -e (\S+)=(\d+)/g)].map((m) => [m[1], Number(m[2])]));
}

/* ---- kill ---- */

/* tellDrain shows how many messages are still open while STATUS is DRAINING. */
function tellDrain(asking, status) {
	const timer = setInterval(async () => {
		try {
			const s = await get(`${at(status, "status")}?window=1m`);
			asking.working(`Draining: ${plural(s.pendingTrees, "message")} open.`);
		} catch {
			asking.working("Stopping the workers…");
		}
	}, 500);
	return () => clearInterval(timer);
}

function isOver(status) {
	return ["FINISHED", "FAILED", "DEAD"].includes(status.status);
}

/* drainSteps says what a kill does, with the question how long it may take. */
function drainSteps(status, wait) {
	const oldest = status.oldestTreeSeconds > 0 ? `, the oldest for ${duration(status.oldestTreeSeconds)}` : "";
	const open = status.pendingTrees === 0 ? "Nothing is open now, so the drain will be short."
		: `${plural(status.pendingTrees, "message is", "messages are")} open now${oldest}. They are worked off for as long as you say here.`;

	return [el("p", { text: "It is drained, stopped and forgotten: no list has it any more. Its state and its dead letters stay on disk, and the next topology of its name goes on with them." }),
		el("ol", { class: "steps" }, el("li", { text: "Its spouts stop emitting." }), el("li", { text: open }), el("li", { text: "What is open then is given up, and its processes end." })),
		field("Seconds to drain at most", wait, "0 stops at once.")];
}

export async function kill(status) {
	const wait = el("input", { type: "number", min: 0, step: 1, value: 30, required: true });
	const typed = el("input", { type: "text", "data-first": true, autocomplete: "off", spellcheck: "false", required: true, oninput: () => asking.ready(typed.value === status.name) });
	const asking = new Asking({
		title: `Kill ${status.name}?`, danger: true,
		body: [...(isOver(status) ? [el("p", { text: "It does not run. It is forgotten: no list has it any more. Its state and its dead letters stay on disk." })] : drainSteps(status, wait)),
			field(`Type ${status.name} to confirm`, typed)],
		button: "Kill",
		act: async (a) => {
			const stop = tellDrain(a, status);
			a.working("Draining…");
			try {
				return await post(at(status, "kill", String(wait.valueAsNumber || 0)), {}, { timeout: DRAIN_MS });
			} finally {
				stop();
			}
		},
	});
	asking.ready(false);
	const done = await asking.ask();
	if (done !== null) {
		toast(`${status.name} was killed.`);
		location.hash = "#/";
	}
}

/* ---- log level ---- */

export async function logLevel(status) {
	const component = el("select", null, el("option", { value: "*", text: "all components" }),
		status.components.filter((c) => ["spout", "bolt"].includes(c.type)).map((c) => el("option", { value: c.id, text: c.id })));
	const level = el("select", null, ["error", "warn", "info", "debug"].map((l) => el("option", { value: l, text: l, selected: l === "debug" })));
	const seconds = el("select", null, [[30, "30 seconds"], [300, "5 minutes"], [3600, "1 hour"], [0, "until the run ends"]].map(([s, t]) => el("option", { value: s, text: t, selected: s === 300 })));
	const asking = new Asking({
		title: `Log level of ${status.name}`,
		body: [el("p", { text: "Which lines of plugins get into the log. After the time it is again what the topology’s config says." }),
			field("Component", component), field("Lines of this level and worse", level), field("For", seconds)],
		button: "Set",
		act: async () => {
			const logger = component.value === "*" ? "ROOT" : component.value;
			await post(at(status, "logconfig"), { namedLoggerLevels: { [logger]: { targetLevel: level.value.toUpperCase(), timeout: Number(seconds.value) } } });
			return true;
		},
	});
	if (await asking.ask() !== null)
		toast(`Log level: ${level.value}.`);
}

/* actionButtons is the row of buttons of a topology; update tells them its status document. */
export class ActionButtons {
	constructor() {
		const button = (label, act, kind) => el("button", { type: "button", class: kind ?? null, text: label, onclick: act });

		this.status = null;
		this.activate = button("Activate", () => pause(this.status, "activate"));
		this.deactivate = button("Deactivate", () => pause(this.status, "deactivate"));
		this.rebalance = button("Rebalance…", () => rebalance(this.status));
		this.level = button("Log level…", () => logLevel(this.status));
		this.kill = button("Kill…", () => kill(this.status), "danger");
		this.node = el("div", { class: "actions", role: "group", "aria-label": "Actions" }, this.activate, this.deactivate, this.rebalance, this.level, this.kill);
	}

	update(status) {
		const runs = !isOver(status);

		this.status = status;
		show(this.activate, status.status === "INACTIVE");
		show(this.deactivate, status.status === "ACTIVE" || status.status === "STARTING");
		show(this.rebalance, runs);
		show(this.level, runs);
		this.rebalance.disabled = status.status === "DRAINING";
	}
}
