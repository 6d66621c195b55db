/* SPDX-License-Identifier: Apache-2.0
 *
 * A run's timeline with its times as seconds since the run began, and what follows from it. */
import { get, path } from "./api.js";

/* Microseconds, which a Date does not have. */
function micros(time) {
	const [, whole, fraction = ""] = time.match(/^(.*?)(?:\.(\d+))?Z$/);
	return Date.parse(whole + "Z") * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** The time that lies so many seconds behind `time`, for the server. */
function later(time, seconds) {
	const all = micros(time) + Math.round(seconds * 1e6), whole = Math.floor(all / 1e6);
	return new Date(whole * 1000).toISOString().slice(0, 19) + "." + String(all - whole * 1e6).padStart(6, "0") + "Z";
}

/* Of bars in the order of their starts: how long the worker did something, and its longest pause. */
function sum(worker, bars, span) {
	let busy = 0, end = 0, gap = 0, tests = 0;
	for (const bar of bars) {
		busy += Math.max(0, bar.end - Math.max(bar.start, end));
		gap = Math.max(gap, bar.start - end);
		end = Math.max(end, bar.end);
		tests += bar.tests;
	}
	return {worker, tests, busy, end, gap: Math.max(gap, span - end)};
}

/**
 * {span, bars: [{worker, start, end, tests, failures, test}], workers: [{worker, tests, busy, end, gap}], last}; a part
 * of the run from `from` to `to`, in seconds, if these are given. Where one bar has several tests, the pauses between
 * them count as work.
 */
export async function timeline(run, max, from, to) {
	if (!run.start)
		return {span: 0, bars: [], workers: [], last: null};
	const zero = micros(run.start);
	const answer = await get(path("runs", run.run, "timeline"), {max, ...(from !== undefined && {from: later(run.start, from), to: later(run.start, to)})});
	const bars = answer.bars.map(bar => ({...bar, start: (micros(bar.start) - zero) / 1e6, end: (micros(bar.stop) - zero) / 1e6})).sort((a, b) => a.start - b.start);
	const span = (micros(run.stop) - zero) / 1e6;
	const ids = [...new Set(bars.map(bar => bar.worker))].sort((a, b) => (a ?? -1) - (b ?? -1));
	return {span, bars, workers: ids.map(id => sum(id, bars.filter(bar => bar.worker === id), span)),
		last: bars.reduce((last, bar) => !last || bar.end > last.end ? bar : last, null)};
}
