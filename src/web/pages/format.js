/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, durations and times as people read them. */
import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en");

export function count(n) {
	return whole.format(n);
}

/** "1 test", "2,000 tests". */
export function plural(n, word, words = word + "s") {
	return count(n) + "\u00a0" + (n === 1 ? word : words);
}

/** Seconds in three digits: "0.4 ms", "12.3 s", "4 min 07 s", "2 h 05 min". */
export function duration(seconds) {
	if (seconds === null || seconds === undefined)
		return "\u2013";
	if (seconds < 0.9995)
		return (seconds * 1000).toFixed(seconds < 0.00995 ? 1 : 0) + "\u00a0ms";
	if (seconds < 99.95)
		return seconds.toFixed(seconds < 9.995 ? 2 : 1) + "\u00a0s";
	const all = Math.round(seconds);
	const two = n => String(n).padStart(2, "0");
	if (all < 3600)
		return Math.floor(all / 60) + "\u00a0min\u00a0" + two(all % 60) + "\u00a0s";
	return Math.floor(all / 3600) + "\u00a0h\u00a0" + two(Math.floor(all / 60) % 60) + "\u00a0min";
}

export function percent(share) {
	const p = share * 100;
	return (p === 0 || p === 100 ? p.toFixed(0) : p < 1 ? Math.max(p, 0.01).toFixed(2) : Math.min(p, 99.9).toFixed(1)) + "\u00a0%";
}

const day = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit"});
const relative = new Intl.RelativeTimeFormat("en", {numeric: "auto"});
const UNITS = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

/** "3 hours ago", the exact time on request. */
export function ago(time) {
	if (!time)
		return "\u2013";
	const seconds = (Date.now() - Date.parse(time)) / 1000;
	const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
	const text = unit === "second" ? "just now" : relative.format(-Math.round(seconds / size), unit);
	return h("time", {datetime: time, title: day.format(Date.parse(time))}, text);
}

export function moment(time) {
	return time ? h("time", {datetime: time, title: time}, day.format(Date.parse(time))) : "\u2013";
}

/** "4f2c1d9", or "4f2c1d9+dirty"; empty when it is not known. */
export function commit(run) {
	const id = run.meta["git.commit"];
	return id ? id.slice(0, 9) + (run.meta["git.dirty"] === "true" ? "+dirty" : "") : "";
}

/** A word of a POSIX shell. */
export function shell(word) {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
}
