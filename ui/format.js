/* format.js - numbers, times and sizes as people read them.
 * SPDX-License-Identifier: Apache-2.0 */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/* Three digits that count: 9.87, 98.7, 987. */
function three(x) {
	if (x >= 99.95)
		return whole.format(x);
	return x >= 9.995 ? x.toFixed(1) : x.toFixed(2);
}

export function count(x) {
	return x === null || x === undefined ? "–" : whole.format(x);
}

/* short is for places without room: 12,345 is 12.3k. */
export function short(x) {
	if (x === null || x === undefined)
		return "–";
	for (const [unit, name] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]])
		if (x >= unit)
			return three(name === "k" ? x / 1000 : x / unit) + name;
	return whole.format(x);
}

export function rate(x) {
	if (x === null || x === undefined)
		return "–";
	return (x > 0 && x < 9.95 ? x.toFixed(1) : short(x)) + "/s";
}

/* milliseconds: 139 ns, 1.44 µs, 3.80 ms, 2.47 s, 4 min 10 s. */
export function milliseconds(x) {
	if (x === null || x === undefined)
		return "–";
	if (x === 0)
		return "0";
	if (x < 0.001)
		return `${whole.format(x * 1e6)} ns`;
	if (x < 1)
		return `${three(x * 1000)} µs`;
	if (x < 1000)
		return `${three(x)} ms`;
	return x < 60000 ? `${three(x / 1000)} s` : duration(x / 1000);
}

export function duration(seconds) {
	if (seconds === null || seconds === undefined)
		return "–";
	const s = Math.floor(seconds), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;

	if (seconds < 10 && seconds > 0)
		return `${seconds.toFixed(1)} s`;
	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${m} min ${s % 60} s`;
	return s < 86400 ? `${h} h ${m} min` : `${d} d ${h} h`;
}

export function percent(share) {
	if (share === null || share === undefined)
		return "–";
	return `${Math.round(share * 100)} %`;
}

export function bytes(x) {
	if (x === null || x === undefined)
		return "–";
	for (const [unit, name] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]])
		if (x >= unit)
			return `${three(x / unit)} ${name}`;
	return `${x} B`;
}

/* clock gives the local time of day of what gale writes in UTC; with the day, unless it is today. */
export function clock(utc) {
	const t = new Date(utc);

	if (Number.isNaN(t.getTime()))
		return utc ?? "–";
	const time = t.toLocaleTimeString("en-GB");
	return t.toDateString() === new Date().toDateString() ? time : `${t.toLocaleDateString("en-CA")} ${time}`;
}

export function plural(n, one, many = `${one}s`) {
	return `${count(n)} ${n === 1 ? one : many}`;
}
