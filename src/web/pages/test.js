/* SPDX-License-Identifier: Apache-2.0
 *
 * One test: what it does now and since when, its results run by run, how long it takes, what it said. */
import { download, get, path } from "./api.js";
import { output } from "./ansi.js";
import { nice, quantile } from "./chart.js";
import { h, kindOf, s, sign, status, tableBehind, testName, visible, wordOf } from "./dom.js";
import { ago, commit, count, duration, percent, plural, shell } from "./format.js";
import { command, note, page, param, pathParts, setParams, title } from "./page.js";
import { quarantined } from "./quarantining.js";

const RUNS = 200;

/** The name of a result's profile. */
function profileOf(result) {
	return result.profile?.join("+") || "none";
}

/** One item a run, the oldest first: its attempts, and what it says of the test. In several profiles it is as bad as in the worst. */
function byRun(results) {
	const runs = [];
	for (const result of results) {
		if (runs.at(-1)?.run !== result.run)
			runs.push({run: result.run, attempts: []});
		runs.at(-1).attempts.push(result);
	}
	for (const one of runs) {
		const profiles = [...Map.groupBy(one.attempts, profileOf).values()];
		const ends = profiles.map(attempts => attempts.at(-1));
		one.last = ends.find(end => end.fails) ?? ends.at(-1);
		one.flaky = profiles.some(attempts => attempts.some(a => a.fails) && attempts.some(a => kindOf(a) === "pass"));
		one.kind = kindOf(one.last);
		one.word = one.flaky ? "flaky" : wordOf(one.last);
	}
	return runs.reverse();
}

/** Runs in a row that say the same. */
function stretches(runs) {
	const all = [];
	for (const one of runs)
		if (all.at(-1)?.word === one.word)
			all.at(-1).runs.push(one);
		else
			all.push({word: one.word, kind: one.flaky ? "flaky" : one.kind, runs: [one]});
	return all.reverse();
}

function sentence(runs) {
	const [now] = stretches(runs);
	const many = plural(now.runs.length, "run"), since = now.runs[0].run;
	const all = now.runs.length === runs.length;
	const what = {"passed": "Passes", "failed": "Fails", "skipped": "Is skipped", "did not end": "Does not end", "flaky": "Flaky: fails and passes in the same run", "failed, as expected": "Fails as expected", "passed, unexpectedly": "Passes unexpectedly"}[now.word];
	return all ? `${what} in all ${many} shown` : `${what} since run ${since}, for ${many}`;
}

function label(one) {
	return `Run ${one.run}: ${one.word}, ${duration(one.last.duration)}`;
}

/* Cells differ in height as well as in colour. */
function strip(id, runs, chosen) {
	const [width, height] = [1000, 44];
	const step = Math.min(36, width / runs.length), gap = step > 6 ? 2 : step > 3 ? 1 : 0;
	const heights = {pass: 20, fail: 40, skip: 8, unfinished: 40};
	const cells = runs.map((one, i) => {
		const tall = heights[one.kind], x = i * step;
		return s("a", {href: `?run=${one.run}`, tabindex: -1, "aria-label": label(one), "data-run": one.run}, s("title", null, label(one)),
			s("rect", {class: "hit", x, y: 0, width: step, height}),
			s("rect", {class: "f-" + one.kind, x, y: height - tall, width: Math.max(.8, step - gap), height: tall, rx: gap && 1.5}),
			one.flaky && s("rect", {class: "f-fail", x, y: height - tall - 8, width: Math.max(.8, step - gap), height: 6}),
			one.run === chosen && s("rect", {class: "mark", x: x - 1, y: 1, width: step - gap + 2, height: height - 1, rx: 2}));
	});
	const failed = runs.filter(one => one.kind === "fail" || one.kind === "unfinished").length;
	return h("figure", {id: "strip"}, h("figcaption", null, `${plural(runs.length, "run")} with this test, the newest on the right`),
		s("svg", {class: "chart", viewBox: `0 -2 ${width} ${height + 4}`, role: "group", "aria-label": `History: ${failed} of ${plural(runs.length, "run")} failed`},
			s("line", {class: "axis", x1: 0, x2: width, y1: height + .5, y2: height + .5}), cells),
		legend(runs),
		tableBehind("The history as a table", ["#Run", "Outcome", "#Attempts", "#Took", "#Worker"], () => [...runs].reverse().map(one =>
			[h("a", {href: `?run=${one.run}`}, String(one.run)), one.word, String(one.attempts.length), duration(one.last.duration), String(one.last.worker ?? "")])));
}

function legend(runs) {
	const kinds = [["pass", "passed (half as high)"], ["fail", "failed (full height)"], ["skip", "skipped (low)"], ["unfinished", "did not end"]];
	const there = kinds.filter(([kind]) => runs.some(one => one.kind === kind));
	return there.length < 2 ? null : h("ul", {class: "legend"}, there.map(([kind, text]) => h("li", null, h("span", {class: "swatch " + kind}), text)));
}

function durations(runs) {
	const timed = runs.filter(one => one.last.duration !== null);
	if (timed.length < 2)
		return null;
	const sorted = timed.map(one => one.last.duration).sort((a, b) => a - b);
	const [p50, p95] = [quantile(sorted, .5), quantile(sorted, .95)];
	const top = nice(Math.max(sorted.at(-1), 1e-6));
	const [width, height, left, right] = [1000, 190, 64, 56];
	const y = seconds => height - seconds / top * height;
	const x = i => left + (timed.length === 1 ? 0 : i / (timed.length - 1) * (width - left - right));
	const dots = timed.map((one, i) => {
		const kind = one.kind, [cx, cy] = [x(i), y(one.last.duration)];
		return s("a", {href: `?run=${one.run}`, tabindex: -1, "aria-label": label(one)}, s("title", null, label(one)),
			kind === "pass" ? s("circle", {class: "f-pass", cx, cy, r: 3.5}) : s("rect", {class: "f-" + kind, x: cx - 4, y: cy - 4, width: 8, height: 8, transform: `rotate(45 ${cx} ${cy})`}));
	});
	const guides = [[p50, "half"], ...(y(p50) - y(p95) > 14 ? [[p95, "95\u00a0%"]] : [])];
	return h("section", {id: "durations"}, h("h2", null, "How long it takes"),
		h("figure", null, h("figcaption", null, `Half of the results took at most ${duration(p50)}, 95\u00a0% at most ${duration(p95)}. Dots passed, diamonds did not.`),
			s("svg", {class: "chart", viewBox: `0 -8 ${width} ${height + 36}`, role: "group", "aria-label": `Durations of ${plural(timed.length, "run")}: median ${duration(p50)}, 95th percentile ${duration(p95)}, longest ${duration(sorted.at(-1))}`},
				[0, .5, 1].map(f => [s("line", {class: "axis", x1: left - 8, x2: width - right + 8, y1: y(f * top), y2: y(f * top)}),
					s("text", {x: left - 14, y: y(f * top) + 4, "text-anchor": "end"}, f === 0 ? "0" : duration(f * top))]),
				guides.map(([seconds, text]) => [s("line", {class: "guide", x1: left - 8, x2: width - right + 8, y1: y(seconds), y2: y(seconds)}),
					s("text", {x: width - right + 14, y: y(seconds) + 4}, text)]),
				dots,
				s("text", {x: left, y: height + 22, "text-anchor": "middle"}, "run " + timed[0].run),
				s("text", {x: width - right, y: height + 22, "text-anchor": "middle"}, "run " + timed.at(-1).run)),
			tableBehind("Durations as a table", ["#Run", "#Took", "Outcome"], () => [...timed].reverse().map(one => [String(one.run), duration(one.last.duration), one.word]))));
}

/* ---- profiles side by side ---- */

function inProfiles(profiles) {
	const last = Math.min(40, Math.max(...profiles.map(([, runs]) => runs.length))), [step, high] = [8, 22];
	const small = runs => s("svg", {class: "chart small", width: last * step, height: high, viewBox: `0 0 ${last * step} ${high}`, role: "img", "aria-label": `${runs.filter(one => one.kind !== "pass").length} of the last ${plural(runs.length, "run")} did not pass`},
		runs.map((one, i) => {
			const tall = {pass: high / 2, skip: 5}[one.kind] ?? high - 2;
			return s("rect", {class: "f-" + one.kind, x: (last - runs.length + i) * step, y: high - tall, width: step - 2, height: tall, rx: 1});
		}));
	const row = ([name, runs]) => {
		const now = runs.at(-1), took = runs.map(one => one.last.duration).filter(n => n !== null).sort((a, b) => a - b);
		const failed = runs.filter(one => one.kind === "fail" || one.kind === "unfinished").length;
		return h("tr", null, h("td", {class: "short"}, h("a", {href: "?profile=" + encodeURIComponent(name)}, h("bdi", {class: "id"}, visible(name)))), h("td", {class: "short"}, status(now.last)),
			h("td", {class: "wide"}, small(runs.slice(-last))), h("td", {class: "num"}, `${count(failed)} of ${plural(runs.length, "run")}`),
			h("td", {class: "num wide"}, took.length ? duration(quantile(took, .5)) : "\u2013"), h("td", {class: "num"}, h("a", {href: `?run=${now.run}`}, String(now.run))));
	};
	return h("section", {id: "profiles"}, h("h2", null, "In each profile", h("span", {class: "tally"}, plural(profiles.length, "profile"))),
		h("div", {class: "scroll"}, h("table", {class: "snug"}, h("thead", null, h("tr", null, [["", "Profile"], ["", "Now"], ["wide", "Run by run, the newest on the right"], ["num", "Failed"], ["num wide", "Half took at most"], ["num", "Last run"]].map(([kind, text]) => h("th", {scope: "col", class: kind}, text)))),
			h("tbody", null, profiles.map(row)))), note("A profile's name leads to when it changed there."));
}

/** "Fails only on py39+mysql". */
function sentenceOfProfiles(profiles) {
	const bad = profiles.filter(([, runs]) => runs.at(-1).last.fails);
	if (!bad.length)
		return `Fails on none of ${plural(profiles.length, "profile")}`;
	return bad.length === profiles.length ? `Fails on all ${plural(profiles.length, "profile")}` : "Fails only on " + bad.map(([name]) => visible(name)).join(", ");
}

/** What changed when: the runs at the borders are asked for their commits. */
async function transitions(runs) {
	const all = stretches(runs).slice(0, 12);
	const ids = [...new Set(all.flatMap(one => [one.runs[0].run, one.runs.at(-1).run]))];
	const found = new Map(await Promise.all(ids.map(async id => [id, await get(path("runs", id))])));
	const link = id => [h("a", {href: "/run/" + id}, String(id)), commit(found.get(id)) && [" ", h("code", {class: "dim"}, commit(found.get(id)))]];
	return h("section", {id: "stretches"}, h("h2", null, "When it changed"), h("div", {class: "scroll"}, h("table", null,
		h("thead", null, h("tr", null, ["Outcome", "For", "From run", "To run", "Last seen"].map(text => h("th", {scope: "col"}, text)))),
		h("tbody", null, all.map(one => h("tr", null, h("td", {class: "short"}, h("span", {class: "status " + one.kind}, sign(one.kind), one.word)), h("td", {class: "short"}, plural(one.runs.length, "run")),
			h("td", {class: "short"}, link(one.runs[0].run)), h("td", {class: "short"}, link(one.runs.at(-1).run)), h("td", {class: "when"}, ago(one.runs.at(-1).last.start))))))));
}

function attachment(run, id, attempt, detail) {
	const where = path("runs", run, "results", id, "attempts", attempt.attempt, "attachments", detail.name);
	return [h("p", {class: "attachment"}, h("bdi", null, visible(detail.name)), ` · ${visible(detail.type)} · ${plural(detail.bytes, "byte")} `, h("a", {href: where, download: true, onclick: download}, "download")),
		detail.text !== null && detail.text !== "" && output(detail.text, 60)];
}

async function attempts(id, run) {
	const {attempts: all} = await get(path("runs", run, "results", id, "attempts"));
	return h("section", {id: "attempts"}, h("h2", null, "In ", h("a", {href: "/run/" + run}, "run " + run), h("span", {class: "tally"}, plural(all.length, "attempt"))),
		all.map(attempt => h("article", null, h("p", null, status(attempt), h("span", {class: "dim"}, ` · attempt ${attempt.attempt} · ${duration(attempt.duration)}`,
			attempt.worker !== null && [" · ", h("a", {href: `/run/${run}?worker=${attempt.worker}&sort=start#results`}, "worker " + attempt.worker)], attempt.tags.length > 0 && " · " + attempt.tags.map(visible).join(" "))),
			attempt.details.map(detail => attachment(run, id, attempt, detail)), !attempt.details.length && note("It said nothing."))));
}

page(async main => {
	const id = pathParts().join("/");
	const [facts, history] = await Promise.all([get(path("tests", id)), get(path("tests", id, "history"), {limit: RUNS, profile: param("profile")})]);
	const runs = byRun(history.results);
	const profiles = [...Map.groupBy(history.results.filter(result => result.profile), profileOf)].map(([name, results]) => [name, byRun(results)]).sort(([a], [b]) => a < b ? -1 : 1);
	const words = profiles.length > 1 ? sentenceOfProfiles(profiles) : runs.length ? sentence(runs) : "No result is of that profile";
	const chosen = param("run") ? Number(param("run")) : runs.at(-1)?.run;
	title(visible(facts.test).slice(0, 80));
	main.append(h("p", {class: "over"}, "Test"),
		h("h1", {class: "long"}, testName(facts.test)),
		h("p", {class: "lead"}, words + ". ", `${count(facts.failures)} of ${plural(facts.attempts, "result")} failed (${percent(facts.failures / Math.max(1, facts.attempts))}), in ${plural(facts.runs, "run")}.`),
		profiles.length > 1 ? inProfiles(profiles) : param("profile") ? h("p", {class: "note"}, "Only on ", h("bdi", {class: "id"}, visible(param("profile"))), ". ", h("a", {href: location.pathname}, "All profiles")) : "", await quarantined(facts.test) ?? "");
	if (!runs.length)
		return;
	main.append(strip(id, runs, chosen), profiles.length > 1 ? "" : await transitions(runs), durations(runs) ?? "");
	const box = h("div");
	main.append(box, command("testr history " + shell(facts.test)), command("testr run " + shell("^" + facts.test.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + "$")));

	async function show(run) {
		box.replaceChildren(await attempts(id, run).catch(error => h("section", {id: "attempts"}, note(error.message))));
	}

	/* Another run is chosen without another page. */
	main.addEventListener("click", async event => {
		const link = event.target.closest('a[href^="?run="]');
		if (!link || event.ctrlKey || event.metaKey || event.shiftKey)
			return;
		event.preventDefault();
		const run = Number(new URLSearchParams(link.getAttribute("href")).get("run"));
		setParams({run});
		main.querySelector("#strip").replaceWith(strip(id, runs, run));
		await show(run);
		box.scrollIntoView({block: "nearest"});
	});
	await show(chosen);
});
