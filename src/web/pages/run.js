/* SPDX-License-Identifier: Apache-2.0
 *
 * One run: what is to be said of it first, then why it failed, what has changed, and all results. */
import { download, get, path } from "./api.js";
import { output } from "./ansi.js";
import { h, outcome, status, sign, testLink, visible } from "./dom.js";
import { commit, count, duration, moment, plural, shell } from "./format.js";
import { list } from "./list.js";
import { live } from "./live.js";
import { command, filters, note, page, param, pathParts, profileField, title } from "./page.js";

/* Of the tests of a cause, and of one kind of change, so many are shown at once. */
const SHOWN = 10;

const CHANGES = [
	["new_failures", "new failure", "new failures", "fail"], ["still_failing", "still failing", "still failing", "fail"],
	["fixed", "fixed", "fixed", "pass"], ["skipped", "skipped that failed", "skipped that failed", "skip"],
	["appeared", "appeared", "appeared", null], ["vanished", "vanished", "vanished", null],
];

/** "2 new failures, 1 still failing, 3 fixed": what is said first. */
function verdict(run, diff) {
	if (run.outcome === "running")
		return `Run ${run.run} goes on`;
	const parts = [];
	if (diff) {
		for (const [key, one, many] of CHANGES.slice(0, 3))
			if (diff.counts[key])
				parts.push(plural(diff.counts[key], one, many));
		const mended = run.failures - diff.counts.new_failures - diff.counts.still_failing;
		if (mended > 0)
			parts.push(plural(mended, "failure") + (mended === 1 ? " of a test that passed in the end" : " of tests that passed in the end"));
	} else if (run.failures) {
		parts.push(plural(run.failures, "failure"));
	}
	if (run.outcome === "interrupted")
		return `Interrupted after ${plural(run.tests, "result")}` + (parts.length ? ": " + parts.join(", ") : "");
	if (run.failures === 0 && run.outcome === "passed")
		return (run.tests ? `All ${plural(run.tests, "test")} passed` : "No test ran") + (diff?.counts.fixed ? `, ${count(diff.counts.fixed)} of them fixed` : "");
	if (run.failures === 0)
		return `No test failed, but the command ended with status ${run.exit_status}`;
	return parts.join(", ");
}

function facts(run) {
	const meta = run.meta;
	const rows = [
		["Started", moment(run.start)], ["Took", duration(run.elapsed)], ["Results", count(run.tests)], ["Failures", count(run.failures)], ["Skipped", count(run.skips)],
		["Workers", meta.workers], ["Commit", commit(run) && h("code", null, commit(run))], ["Branch", meta["git.branch"] && visible(meta["git.branch"])], ["Host", meta.host && visible(meta.host)],
		["Profile", meta.profile && visible(meta.profile)],
	];
	const list = some => h("dl", {class: "facts"}, some.filter(([, value]) => value).map(([key, value]) => h("div", null, h("dt", null, key), h("dd", null, value))));
	const all = Object.entries(meta).map(([key, value]) => [visible(key), visible(value)]);
	return [list(rows), all.length > 0 && h("details", {class: "behind"}, h("summary", null, "All that is recorded of the run"), list([["uid", run.uid && h("code", null, run.uid)], ...all]))];
}

/** Items, the first few at once and the others on request. */
function some(items, make) {
	const ul = h("ul", null, items.slice(0, SHOWN).map(item => h("li", null, make(item))));
	if (items.length > SHOWN) {
		let at = SHOWN;
		const button = h("button", {type: "button", class: "more", onclick: () => {
			button.parentNode.before(...items.slice(at, at + 200).map(item => h("li", null, make(item))));
			at += 200;
			button.textContent = `${count(items.length - at)} more`;
			if (at >= items.length)
				button.parentNode.remove();
		}}, `${count(items.length - SHOWN)} more`);
		ul.append(h("li", null, button));
	}
	return ul;
}

/** What a test said in this run, fetched when it is wanted. */
async function said(run, test) {
	const {attempts} = await get(path("runs", run.run, "results", test, "attempts"));
	const attempt = attempts.find(a => a.fails) ?? attempts.at(-1);
	const texts = attempt.details.filter(d => d.text !== null && d.text !== "");
	const shown = texts.filter(d => d.name.startsWith("traceback"));
	return (shown.length ? shown : texts).map(d => output(d.text));
}

function cause(run, group, open) {
	const box = h("div");
	const details = h("details", {ontoggle: async () => {
		if (!details.open || box.hasChildNodes())
			return;
		box.append(note("…"));
		const nodes = await said(run, group.tests[0]).catch(error => [note(error.message)]);
		box.replaceChildren(...nodes.flat());
	}}, h("summary", null, group.tests.length > 1 ? "What the first of them said" : "What it said"), box);
	details.open = open;
	return h("article", {class: "cause"},
		h("h3", null, visible(group.message)),
		group.frames.length > 0 && h("p", {class: "frames"}, group.frames.map(visible).join("  \u2190  ")),
		group.failures > 1 && h("p", {class: "note"}, plural(group.failures, "failure") + (group.failures === group.tests.length ? "" : ` of ${plural(group.tests.length, "test")}`)),
		some(group.tests, test => testLink(test, run.run)), details);
}

function causes(run, answer) {
	return h("section", {id: "causes"}, h("h2", null, "Why", h("span", {class: "tally"}, plural(answer.causes.length, "cause"))),
		answer.causes.slice(0, 50).map((group, i) => cause(run, group, i < 3)),
		answer.causes.length > 50 && note(`${count(answer.causes.length - 50)} further causes: “testr causes” has them all.`),
		command(`testr causes -r ${run.run}`));
}

function changes(run, base, diff) {
	const parts = CHANGES.filter(([key]) => diff.counts[key]);
	return h("section", {id: "changes"}, h("h2", null, "Since ", h("a", {href: "/run/" + base.run}, `run ${base.run}`), h("span", {class: "tally"}, commit(base))),
		parts.length ? h("div", {class: "changes"}, parts.map(([key, one, many, kind]) => h("div", null,
			h("h3", {class: kind}, kind && [sign(kind), " "], plural(diff.counts[key], one, many)),
			some(diff[key], test => testLink(test, key === "vanished" ? base.run : run.run)), diff.counts[key] > diff[key].length && note(`and ${count(diff.counts[key] - diff[key].length)} further ones`)))) : note("No test changed."),
		command(`testr diff ${base.run} ${run.run}`));
}

function results(run, profiles) {
	const query = () => ({status: param("status"), q: param("q"), worker: param("worker"), profile: param("profile"), sort: param("sort") || "seen"});
	const {element, reload} = list(path("runs", run.run, "results"), "results", [
		["Status", "w-status", result => status(result)],
		["Test", "", result => testLink(result.test, run.run)],
		...(profiles.length ? [["Profile", "w-profile wide", result => h("bdi", {class: "id"}, visible(result.profile.join("+") || "none"))]] : []),
		["Attempt", "w-small wide num", result => result.attempt > 1 ? String(result.attempt) : ""],
		["Worker", "w-small wide num", result => result.worker === null ? "" : String(result.worker)],
		["Took", "w-num num", result => duration(result.duration)],
	], query, {label: "Results", empty: "No result is like that.", total: () => Object.values(query()).join("") === "seen" ? run.tests : 0});
	const section = h("section", {id: "results"}, h("h2", null, "Results"), filters([
		["status", "Status", [["", "all"], ["failures", "failures"], ["passes", "passes"], ["skip", "skipped"], ["unfinished", "without an end"]]],
		["q", "Test contains", null],
		["sort", "Order", [["", "as they came"], ["test", "by name"], ["-duration", "slowest first"], ["start", "by start"]]],
		["worker", "Worker", null], ...profiles,
	], reload), element, command(`testr last -r ${run.run}`));
	return [section, reload];
}

/* Whole runs are compared with the whole run before. */
async function findBase(run) {
	if (param("base"))
		return get(path("runs", param("base")));
	const {runs} = await get(path("runs"), {state: "finished", cursor: run.run, limit: 20});
	return runs.find(other => !other.partial) ?? runs[0] ?? null;
}

async function ended(main, run) {
	const base = await findBase(run);
	const [diff, why, profiles] = await Promise.all([
		base && get(path("runs", run.run, "diff", base.run), {limit: 1000}),
		run.failures > 0 && get(path("runs", run.run, "causes")), profileField(),
	]);
	const words = verdict(run, diff);
	title(`${words} · run ${run.run}`);
	const kind = {passed: "pass", failed: "fail", interrupted: "unfinished"}[run.outcome];
	const [section, reload] = results(run, profiles);
	main.append(h("p", {class: "over"}, `Run ${run.run}`, run.partial && " of a part of the suite", " · ", outcome(run)),
		h("h1", null, h("span", {class: kind}, sign(kind)), words),
		...facts(run).filter(Boolean),
		h("p", null, h("a", {href: "/timeline/" + run.run}, "Timeline"), " · ", h("a", {href: "/slowest/" + run.run}, "Slowest tests"), " · ",
			h("a", {href: path("runs", run.run, "stream"), download: `run-${run.run}.subunit`, onclick: download}, "The stream (subunit v2)"), " · ",
			h("a", {href: path("runs", run.run, "junit.xml"), download: `run-${run.run}.xml`, onclick: download}, "JUnit XML"), " · ", h("a", {href: path("runs", run.run, "trace.json"), download: `run-${run.run}.trace.json`, onclick: download}, "Trace for Perfetto")),
		...(run.failures ? [command("testr run --failing")] : []),
		...(why ? [causes(run, why)] : []), ...(base ? [changes(run, base, diff)] : []), section);
	await reload();
}

page(async main => {
	const [name = "latest"] = pathParts();
	const run = await get(path("runs", name || "latest"));
	if (run.state === "running")
		await live(main, run, again => {
			main.replaceChildren();
			return ended(main, again);
		});
	else
		await ended(main, run);
});
