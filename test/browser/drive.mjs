/* drive.mjs - what must be true of the page, in a browser that is driven: see run.
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { promisify } from "node:util";

const { GALE, CHROMIUM, PLUGINS, WORK, SHOTS, PLAYWRIGHT } = process.env;
const { chromium } = createRequire(`${PLAYWRIGHT}/`)("playwright-core");
const LONG_MS = 30000;
const run = promisify(execFile);

/* ---- gale ---- */

async function gale(...args) {
	try {
		return (await run(GALE, args, { timeout: 60000 })).stdout;
	} catch (e) {
		throw new Error(`gale ${args.join(" ")}: ${e.stderr.trim().split("\n").at(-1)}`);
	}
}

async function submit(topology) {
	const file = `${WORK}/${topology.name}.json`;

	writeFileSync(file, JSON.stringify(topology));
	await gale("submit", "-P", PLUGINS, "--wait", file);
}

async function names() {
	return JSON.parse(await gale("list", "--json")).topologies.map((t) => t.name);
}

async function status(name) {
	return JSON.parse(await gale("status", name, "--json"));
}

const to = (from, target, type = "SHUFFLE") => ({ from, to: target, grouping: { type } });

/* price takes 2 ms for each tuple, and far more come. */
const shop = {
	name: "shop", config: { "topology.max.spout.pending": 500 },
	spouts: [{ id: "orders", className: "sequence", properties: { rate: 3000 } }],
	bolts: [
		{ id: "parse", className: "identity", parallelism: 2, numTasks: 4 },
		{ id: "price", className: "slow", properties: { us: 2000 }, numTasks: 4 },
		{ id: "audit", className: "identity" },
		{ id: "store", className: "null" }],
	streams: [to("orders", "parse"), to("parse", "price"), to("parse", "audit"), to("audit", "store", "GLOBAL")],
};

/* Every line fails, and is markup. */
const EVIL = `<img src="http://127.0.0.1:9/x" onerror="window.harmed=1"><script>window.harmed=2</script><b>`;
const markup = {
	name: "markup", config: { "topology.max.attempts": 2 },
	spouts: [{ id: "lines", className: "lines", properties: { path: `${WORK}/lines`, follow: true } }],
	bolts: [{ id: "check", className: "filter", properties: { match: "^[0-9]+$", fail: true } }, { id: "end", className: "null" },
		{ id: "say", className: "log", properties: { level: "error" } }],
	streams: [to("lines", "check"), to("check", "end"), to("lines", "say")],
};

/* 200 components in two workers: two trees of chained bolts, each of which has three children. */
function big() {
	const tree = (name) => {
		const ids = Array.from({ length: 99 }, (_, i) => `${name}-${i + 1}`);
		return { ids, streams: ids.map((id, i) => to(i < 3 ? name : ids[Math.floor(i / 3) - 1], id, "LOCAL_OR_SHUFFLE")) };
	};
	const trees = { east: tree("east"), west: tree("west") };

	return {
		name: "big", config: { "topology.chaining": "auto" },
		spouts: Object.keys(trees).map((id) => ({ id, className: "sequence", properties: { rate: 10 } })),
		bolts: Object.values(trees).flatMap((t) => t.ids.map((id) => ({ id, className: "identity" }))),
		streams: Object.values(trees).flatMap((t) => t.streams),
	};
}

/* ---- gale ui ---- */

let ui = null;

async function freePort() {
	const server = createServer();
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	const { port } = server.address();
	await new Promise((done) => server.close(done));
	return port;
}

/* startUi resolves to the address that it printed, token and all. */
function startUi(port) {
	ui = spawn(GALE, ["ui", "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
	return new Promise((done, failed) => {
		let said = "";
		ui.stderr.on("data", (data) => {
			said += data;
			const at = /http:\/\/\S+#token=[0-9a-f]+/.exec(said);
			if (at !== null)
				done(at[0]);
		});
		ui.on("exit", () => failed(new Error(`gale ui ended: ${said}`)));
	});
}

async function stopUi() {
	const gone = new Promise((done) => ui.on("exit", done));
	ui.kill("SIGTERM");
	await gone;
}

/* ---- the browser ---- */

const harm = [];	/* what must not happen: errors, violations, requests that leave the host */
let expected = null;	/* errors of this kind are what the case is about */

async function open(browser, { width = 1400, height = 900, scheme = "light", token }) {
	const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce" });
	const page = await context.newPage();

	page.setDefaultTimeout(LONG_MS);
	page.on("console", (m) => {
		if ((m.type() === "error" || m.type() === "warning") && !expected?.test(m.text()))
			harm.push(`console: ${m.text()}`);
	});
	page.on("pageerror", (e) => harm.push(`error: ${e.stack}`));
	page.on("dialog", (d) => { harm.push(`alert: ${d.message()}`); d.dismiss(); });
	page.on("request", (r) => { if (new URL(r.url()).hostname !== "127.0.0.1" || new URL(r.url()).port !== new URL(base).port) harm.push(`left the host: ${r.url()}`); });
	await page.exposeFunction("violated", (what) => harm.push(`policy: ${what}`));
	await page.addInitScript(() => addEventListener("securitypolicyviolation", (e) => window.violated(`${e.violatedDirective} ${e.sourceFile}:${e.lineNumber}`)));
	await page.goto(token ? address : base);
	return page;
}

let base, address;

async function go(page, hash) {
	await page.evaluate((h) => { location.hash = h; }, hash);
}

async function shopPage(page) {
	await go(page, "#/t/shop");
	await page.waitForFunction(() => /\d/.test(document.querySelector(".box[data-id=price] .rate")?.textContent ?? ""));
}

const focused = (page) => page.evaluate(() => {
	const e = document.activeElement;
	return e.getAttribute("data-id") ?? e.getAttribute("data-panel") ?? e.getAttribute("data-window") ?? e.getAttribute("aria-label") ?? e.textContent.trim();
});

/* tabTo presses Tab until what has the focus is called NAME; gives all that it came by. */
async function tabTo(page, name, most = 150) {
	const seen = [];

	for (let i = 0; i < most; i++) {
		await page.keyboard.press("Tab");
		seen.push(await focused(page));
		if (name !== null && (seen.at(-1) === name || (name instanceof RegExp && name.test(seen.at(-1)))))
			return seen;
	}
	assert(name === null, `Tab does not come to ${name}, only to ${seen.join(" | ")}`);
	return seen;
}

async function until(what, condition, ms = LONG_MS) {
	const end = Date.now() + ms;

	while (!await condition()) {
		assert(Date.now() < end, `not true in time: ${what}`);
		await new Promise((done) => setTimeout(done, 100));
	}
}

/* ---- cases ---- */

const cases = {
	async "the token leaves the address bar"(page) {
		await page.waitForSelector("#main table");
		assert.equal(new URL(page.url()).hash, "#/");
	},

	async "the list has the topologies with state and rates"(page) {
		await page.waitForSelector("tbody a:text-is('shop')");
		const row = page.locator("tbody tr", { hasText: "shop" });
		assert.match(await row.textContent(), /ACTIVE/);
		await until("a sparkline", () => row.locator(".spark .line[d]").count());
	},

	async "the graph of a running topology renders"(page) {
		await shopPage(page);
		const boxes = await page.locator("svg.dag .box").evaluateAll((all) => all.map((b) => {
			const r = b.querySelector(".body").getBoundingClientRect();
			return { id: b.dataset.id, left: r.left, right: r.right, top: r.top, bottom: r.bottom };
		}));
		const at = Object.fromEntries(boxes.map((b) => [b.id, b]));
		assert.deepEqual(boxes.map((b) => b.id).sort(), ["audit", "orders", "parse", "price", "store"]);
		assert(at.orders.right < at.parse.left && at.parse.right < at.price.left && at.audit.right < at.store.left, "from left to right");
		for (const a of boxes)
			for (const b of boxes)
				assert(a === b || a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top, `${a.id} covers ${b.id}`);
		assert.equal(await page.locator("svg.dag path.edge").count(), 4);
		const stroke = (state) => page.locator(`svg.dag path.edge[data-state=${state}]`).first().evaluate((e) => [getComputedStyle(e).stroke, getComputedStyle(e).strokeDasharray]);
		await page.waitForSelector("svg.dag path.edge[data-state=blocking]");
		const [colour, dashes] = await stroke("blocking"), [other, none] = await stroke("free");
		assert(colour !== other && dashes !== "none" && none === "none", "what waits is dashed, and has another colour");
	},

	async "ackers are shown on demand"(page) {
		assert.equal(await page.locator(".box[data-id=acker]").count(), 0);
		await page.check("text=Show ackers");
		await page.waitForSelector(".box[data-id=acker]");
		await page.uncheck("text=Show ackers");
		await page.waitForSelector(".box[data-id=acker]", { state: "detached" });
	},

	async "numbers move, and are right"(page) {
		const cell = page.locator("table:has(caption:text-is('Spouts')) tbody td").nth(4);
		const before = await cell.textContent();
		await until("the number of emitted tuples grows", async () => await cell.textContent() !== before);
		const rate = parseFloat(await page.locator(".box[data-id=price] .rate").textContent());
		const said = (await status("shop")).components.find((c) => c.id === "price").window.executedPerSecond;
		assert(Math.abs(rate - said) < said * 0.25 + 5, `the box says ${rate}, gale ${said}`);
	},

	async "the sentence names the slow bolt and what mends it"(page) {
		await until("a sentence about price", async () => /^price is busy (9\d|100) %/.test(await page.textContent(".advice .words")));
		assert.match(await page.textContent(".advice code"), /^gale rebalance shop .*-e price=[2-4]/);
		assert.equal(await page.getAttribute(".box[data-id=price]", "data-state"), "bottleneck");
		assert.match(await page.textContent(".box[data-id=price] .flag"), /bottleneck/);
	},

	async "charts come from dygraphs"(page) {
		await page.waitForSelector(".chart canvas");
		await until("legends with numbers", async () => /acked\s*[\d.]+\/s/.test(await page.locator(".chart .legend").first().textContent()));
		await page.hover(".chart .lines >> nth=0");
		assert.equal(await page.locator(".dygraph-legend").count(), 0);
	},

	async "refreshing keeps focus, text that is being written, and scrolling"(page) {
		const search = page.locator("svg.dag").locator("xpath=ancestor::section").locator("input[type=search]");
		await search.fill("pri");
		await page.locator("table:has(caption:text-is('Spouts'))").locator("..").evaluate((e) => { e.scrollLeft = 60; });
		await page.locator(".box[data-id=price]").focus();
		await page.waitForTimeout(2500);
		assert.equal(await focused(page), "price");
		assert.equal(await search.inputValue(), "pri");
		assert.equal(await page.locator("table:has(caption:text-is('Spouts'))").locator("..").evaluate((e) => e.scrollLeft), 60);
		await search.fill("");
	},

	async "the page rests while it is hidden"(page) {
		let asked = 0;
		const hear = () => asked++;
		const hide = (is) => page.evaluate((h) => {
			Object.defineProperty(document, "hidden", { value: h, configurable: true });
			document.dispatchEvent(new Event("visibilitychange"));
		}, is);

		await hide(true);
		page.on("request", hear);
		await page.waitForTimeout(3000);
		assert.equal(asked, 0, "it asks nothing");
		await hide(false);
		await until("it asks again", () => asked > 0, 3000);
		page.off("request", hear);
	},

	async "the keyboard reaches everything"(page) {
		await page.evaluate(() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); });
		await page.reload();
		await shopPage(page);
		const seen = await tabTo(page, null, 110);
		for (const name of ["gale", "Topologies", "Validator", "Deactivate", "Rebalance…", "Log level…", "Kill…", "overview", "errors", "trees", "logs",
			"1m", "10m", "3h", "1d", "all", "Copy the command", "Find a component in the graph", "Zoom out", "Zoom so that all is seen", "Zoom in", "Capacity", "price"])
			assert(seen.includes(name), `Tab does not come to ${name}, only to ${seen.join(" | ")}`);
	},

	async "headers explain themselves, and sort"(page) {
		const header = page.locator("thead button", { hasText: "Capacity" });
		await header.focus();
		await page.keyboard.press("Shift+Tab");
		await page.keyboard.press("Tab");
		assert.match(await page.textContent("#tip:not([hidden])"), /busy/);
		await page.evaluate(() => new Promise((done) => {
			document.addEventListener("scroll", () => requestAnimationFrame(done), { once: true });
			scrollBy(0, scrollY > 9 ? -9 : 9);
		}));
		assert.match(await page.textContent("#tip:not([hidden])"), /busy/);
		assert.match(await header.getAttribute("aria-description"), /busy/);
		await page.keyboard.press("Enter");
		assert.equal(await page.locator("th:has(button:has-text('Capacity'))").getAttribute("aria-sort"), "descending");
		assert.equal(await page.locator("table:has(caption:text-is('Bolts')) tbody tr").first().locator("a").textContent(), "price");
		await page.keyboard.press("Escape");
		assert(await page.isHidden("#tip"));
	},

	async "arrow keys go through the graph, Enter opens a component"(page) {
		await page.locator(".box[data-id=orders]").focus();
		await page.keyboard.press("ArrowRight");
		assert.equal(await focused(page), "parse");
		await page.keyboard.press("ArrowRight");
		assert(["price", "audit"].includes(await focused(page)));
		await page.locator(".box[data-id=parse]").focus();
		await page.keyboard.press("Enter");
		await page.waitForSelector("h1:text-is('parse')");
		await page.waitForSelector("table:has(caption:text-is('Executors')) tbody tr >> nth=1");
		assert.equal(await page.locator("table:has(caption:has-text('Tasks')) tbody tr").count(), 4);
	},

	async "a tap shows tuples on demand"(page) {
		await page.click("button:has-text('Show 10 tuples')");
		await page.waitForSelector(".tuples li >> nth=9");
		assert.match(await page.textContent(".tuples li"), /parse\[\d\].*n\d+/);
	},

	async "trees say how old they are and who acked last"(page) {
		await go(page, "#/t/shop/trees");
		await page.waitForSelector("table:has(caption:text-is('Oldest trees')) tbody tr");
		assert.match(await page.textContent("table:has(caption:text-is('Oldest trees')) tbody"), /last ack .* ago by (store|audit|parse|price)\[\d\]/);
	},

	async "pausing and going on, by the keyboard alone"(page) {
		for (const [button, result] of [["Deactivate", "INACTIVE"], ["Activate", "ACTIVE"]]) {
			await go(page, "#/t/shop");
			await page.evaluate(() => { document.activeElement.blur(); });
			await page.waitForSelector(`.actions button:text-is('${button}')`);
			await page.keyboard.press("Control+Home");
			await tabTo(page, button);
			await page.keyboard.press("Enter");
			await page.waitForSelector("dialog[open]");
			await tabTo(page, button, 6);
			await page.keyboard.press("Enter");
			await page.waitForSelector("dialog", { state: "detached" });
			await page.waitForSelector(`.head .badge[data-status=${result}]`);
			assert.equal((await status("shop")).status, result);
		}
	},

	async "rebalancing shows its plan first"(page) {
		await page.click(".actions button:has-text('Rebalance')");
		assert(await page.isDisabled("dialog button[type=submit]"), "nothing to do yet");
		await page.fill("dialog input[aria-label='Executors of price']", "2");
		await page.waitForFunction(() => /price: 1 executor -> 2/.test(document.querySelector("dialog .plan")?.textContent ?? ""));
		assert.equal((await status("shop")).components.find((c) => c.id === "price").executorsTotal, 1, "a plan changes nothing");
		await page.click("dialog button[type=submit]");
		await page.waitForSelector("dialog", { state: "detached" });
		assert.equal((await status("shop")).components.find((c) => c.id === "price").executorsTotal, 2);
	},

	async "a log level is set"(page) {
		await page.click(".actions button:has-text('Log level')");
		await page.selectOption("dialog select >> nth=1", "debug");
		await page.click("dialog button[type=submit]");
		await page.waitForSelector("dialog", { state: "detached" });
		await go(page, "#/t/shop/logs");
		await page.waitForSelector(".log li");
	},

	async "an error with markup in it does no harm"(page) {
		for (const hash of ["#/t/markup/errors", "#/t/markup/logs", "#/t/markup", "#/t/markup/c/check", "#/t/markup/trees"]) {
			await go(page, hash);
			await page.waitForSelector(hash.includes("/c/") ? "h1:text-is('check')" : "h1:text-is('markup')");
			if (hash.endsWith("errors"))
				await page.waitForFunction(() => document.querySelector("main").textContent.includes("onerror="));
			await page.waitForTimeout(1200);
			assert.equal(await page.locator("main img, main script, main b > b").count(), 0);
		}
		assert.equal(await page.evaluate(() => window.harmed), undefined);
		await go(page, "#/t/markup");
		await page.waitForSelector(".box[data-id=check][data-state=failing]");
		assert.match(await page.textContent(".box[data-id=check] .flag"), /failed/);
	},

	async "200 components can be read, found and paged"(page) {
		await go(page, "#/t/big");
		await page.waitForSelector(".box[data-id=west-99]");
		assert.equal(await page.locator("svg.dag .box").count(), 200);
		await page.fill("input[aria-label='Find a component in the graph']", "west-37");
		await page.keyboard.press("Enter");
		assert.equal(await focused(page), "west-37");
		const seen = await page.locator(".box[data-id=west-37] .id").evaluate((e) => {
			const r = e.getBoundingClientRect(), f = e.closest(".frame").getBoundingClientRect();
			return { inside: r.left >= f.left && r.right <= f.right && r.top >= f.top && r.bottom <= f.bottom, high: r.height };
		});
		assert(seen.inside && seen.high >= 9, JSON.stringify(seen));
		const table = page.locator("section:has(> h2:text-is('Bolts'))");
		assert.equal(await table.locator("tbody tr").count(), 25);
		await table.locator("input[type=search]").fill("west-1");
		assert.equal(await table.locator("tbody tr").count(), 11);
		await page.fill("input[aria-label='Find a component in the graph']", "");
	},

	async "what is chained stands in one outline, and says in whose worker it runs"(page) {
		await go(page, "#/t/big");
		await page.waitForSelector(".box[data-id=west-99]");
		const rect = (css) => page.locator(css).evaluate((e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; });
		const within = ([l, t, r, b], [left, top, right, bottom]) => left < l && top < t && r < right && b < bottom;
		assert.equal(await page.locator(".cluster").count(), 2);
		assert.equal(await page.locator(".cluster rect").count(), 2);
		const outlines = [await rect(".cluster:nth-child(1) rect"), await rect(".cluster:nth-child(2) rect")];
		for (const [i, names] of [["east", "east-1", "east-99"], ["west", "west-37"]].entries())
			for (const id of names) {
				const body = await rect(`.box[data-id=${id}] .body`);
				assert(within(body, outlines[i]) && !within(body, outlines[1 - i]), `${id} is in the outline of ${names[0]} alone`);
			}
		assert.match(await page.textContent(".cluster title >> nth=0"), /^east, east-1, .* a crash of one is a crash of all/);
		assert.equal(await page.locator("path.edge[data-call]").count(), 198);
		assert(await page.isVisible(".legend li:has-text('dotted')"));
		await go(page, "#/t/big/c/east-5");
		await page.waitForSelector("h1:text-is('east-5')");
		await until("it says where it runs", async () => await page.textContent(".chain") === "Runs inside east-1’s worker: a crash of one is a crash of all.");
		await go(page, "#/t/big/c/east");
		await page.waitForSelector("h1:text-is('east')");
		await page.waitForSelector(".figures");
		assert(await page.isHidden(".chain"));
		await shopPage(page);
		assert.equal(await page.locator(".cluster, path.edge[data-call]").count(), 0);
		assert(await page.isHidden(".legend li:has-text('dotted')"));
	},

	async "the validator says what is wrong, where, and draws"(page) {
		await go(page, "#/validate");
		await page.fill("textarea", `{\n  "name": "x",\n  "spouts": [{ "id": "a", "classNme": "sequence" }],\n  "bolts": [],\n  "streams": []\n}\n`);
		await page.waitForSelector(".diagnostics li");
		const found = page.locator(".diagnostics li", { hasText: "has no key" }).first();
		assert.match(await found.textContent(), /did you mean "className"/);
		const [line, carets] = (await found.locator("pre").textContent()).split("\n");
		assert.equal(line.slice(carets.indexOf("^"), carets.lastIndexOf("^") + 1), '"classNme"');
		const transfer = await page.evaluateHandle((words) => {
			const t = new DataTransfer();
			t.items.add(new File([words], "t.json", { type: "application/json" }));
			return t;
		}, JSON.stringify({ ...shop, bolts: shop.bolts.map((b) => (b.id === "price" ? { id: "price", className: "identity" } : b)) }, null, 2));
		await page.dispatchEvent(".drop", "drop", { dataTransfer: transfer });
		await page.waitForSelector(".verdict[data-level=ok], .verdict[data-level=warning]");
		await page.waitForSelector(".box[data-id=price]");
		assert.equal(await page.locator(".box").count(), 5);
	},

	async "nothing is wider than the page at 400 px"(page, browser) {
		const narrow = await open(browser, { width: 400, token: true });
		for (const hash of ["#/", "#/t/shop", "#/t/shop/errors", "#/t/shop/trees", "#/t/shop/logs", "#/t/shop/c/price", "#/t/big", "#/t/markup/errors", "#/validate"]) {
			await go(narrow, hash);
			await narrow.waitForTimeout(1200);
			const wide = await narrow.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			assert(wide <= 0, `${hash}: ${wide} px too wide`);
		}
		await narrow.context().close();
	},

	async "without the token it is asked for, and nothing is changed"(page, browser) {
		const stranger = await open(browser, { token: false });
		expected = /401/;
		await shopPage(stranger);
		await stranger.click(".actions button:has-text('Deactivate')");
		await stranger.click("dialog button[type=submit]");
		await stranger.waitForSelector("dialog:has-text('.ui-token')");
		await stranger.keyboard.press("Escape");
		await stranger.waitForSelector("dialog .refusal:not([hidden])");
		expected = null;
		assert.equal((await status("shop")).status, "ACTIVE");
		await stranger.context().close();
	},

	async "when the server is away a banner says so, until it is back"(page) {
		await shopPage(page);
		expected = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|Failed to load/;
		await stopUi();
		await page.waitForSelector("#banner:not([hidden])", { timeout: 15000 });
		assert.match(await page.textContent("#banner"), /No answer since \d+ s/);
		await startUi(new URL(base).port);
		await page.waitForSelector("#banner", { state: "hidden", timeout: 15000 });
		expected = null;
		const uptime = page.locator(".head .dim").first(), before = await uptime.textContent();
		await until("numbers move again", async () => await uptime.textContent() !== before);
	},

	async "screenshots"(page, browser) {
		for (const width of [1400, 400])
			for (const scheme of ["light", "dark"]) {
				const p = await open(browser, { width, height: width === 400 ? 1500 : 1000, scheme, token: true });
				await shopPage(p);
				await p.waitForSelector(".chart canvas");
				await p.waitForTimeout(1500);
				await p.screenshot({ path: `${SHOTS}/ui-${width}-${scheme}.png` });
				await p.context().close();
			}
	},

	async "kill wants the name, drains, and then the topology is gone"(page) {
		await shopPage(page);
		await page.click(".actions button:has-text('Kill')");
		const button = page.locator("dialog button[type=submit]"), name = page.locator("dialog input[type=text]");
		assert(await button.isDisabled());
		await name.fill("sho");
		assert(await button.isDisabled());
		assert.match(await page.textContent("dialog"), /messages? (is|are) open now/);
		await page.keyboard.press("Escape");
		assert((await names()).includes("shop"), "Escape changes nothing");
		await page.click(".actions button:has-text('Kill')");
		await name.fill("shop");
		await page.fill("dialog input[type=number]", "1");
		await button.click();
		await page.waitForSelector("h1:text-is('Topologies')");
		await page.waitForSelector("tbody a:text-is('shop')", { state: "detached" });
		assert(!(await names()).includes("shop"));
	},

	async "without topologies the next command is told"(page) {
		for (const name of await names())
			await gale("kill", "-y", "--now", name);
		await page.waitForSelector(".welcome:has-text('gale submit FILE')");
	},
};

/* ---- all of them ---- */

async function main() {
	writeFileSync(`${WORK}/lines`, "");
	for (const t of [shop, markup, big()])
		await submit(t);
	for (let i = 0; i < 5; i++)
		appendFileSync(`${WORK}/lines`, `${EVIL}${i}\n`);
	address = await startUi(await freePort());
	base = `${new URL(address).origin}/`;
	const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
	const only = process.env.CASES;
	let failed = 0;
	try {
		const page = await open(browser, { token: true });
		for (const [name, test] of Object.entries(cases)) {
			if (only && !new RegExp(only).test(name))
				continue;
			try {
				await test(page, browser);
				assert.deepEqual(harm.splice(0), []);
				console.log(`ok      ${name}`);
			} catch (e) {
				failed++;
				console.log(`FAILED  ${name}\n${e.stack}\n${harm.splice(0).join("\n")}`);
				await page.screenshot({ path: `${SHOTS}/failed-${failed}.png` }).catch(() => {});
				await page.keyboard.press("Escape").catch(() => {});
				expected = null;
			}
		}
	} finally {
		await browser.close();
		await stopUi();
	}
	console.log(failed === 0 ? "all passed" : `${failed} failed`);
	return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
