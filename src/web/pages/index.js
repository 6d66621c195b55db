/* SPDX-License-Identifier: Apache-2.0
 *
 * The runs, the newest first; those that go on are on top and move. */
import { get, path } from "./api.js";
import { h, outcome, s } from "./dom.js";
import { ago, commit, count, duration, percent, plural } from "./format.js";
import { command, filters, page, param } from "./page.js";

/* How often new runs are looked for, in milliseconds, while the page can be seen. */
const LOOK = 2000;
const SHOWN = 50;

function query(cursor) {
	const branch = param("branch");
	return {state: param("state"), since: param("since"), ...(branch && {"meta.git.branch": branch}), limit: SHOWN, cursor};
}

function label(run) {
	return `Run ${run.run}: ${run.outcome}, ${count(run.failures)} of ${count(run.tests)} failed`;
}

/* A column a run: as high as it has tests, what failed at the bottom. */
function strip(runs) {
	const shown = runs.slice(0, SHOWN).reverse();
	const most = Math.max(1, ...shown.map(run => run.tests));
	const [width, height, gap] = [1000, 64, 3];
	const step = Math.min(28, width / shown.length);
	const columns = shown.map((run, i) => {
		const tall = Math.max(3, run.tests / most * height);
		const failed = run.failures ? Math.max(4, run.failures / Math.max(1, run.tests) * tall) : 0;
		const x = i * step;
		const kind = run.outcome === "running" ? "running" : run.outcome === "interrupted" ? "unfinished" : "pass";
		return s("a", {href: "/run/" + run.run, tabindex: -1, "aria-label": label(run)}, s("title", null, label(run)),
			s("rect", {class: "hit", x, y: 0, width: step, height}),
			s("rect", {class: "f-" + kind, x, y: height - tall, width: step - gap, height: Math.max(0, tall - failed), rx: 1.5}),
			failed > 0 && s("rect", {class: "f-fail", x: x - 1, y: height - failed, width: step - gap + 2, height: failed + 3}));
	});
	const passed = runs.filter(run => run.outcome === "passed").length, ended = runs.filter(run => run.outcome !== "running").length;
	return h("figure", null,
		h("figcaption", null, `The last ${plural(shown.length, "run")}, the newest on the right: the height is the number of tests, what failed is at the bottom.`),
		s("svg", {class: "chart", viewBox: `0 0 ${width} ${height + 4}`, role: "group", "aria-label": ended ? `${passed} of the last ${plural(ended, "run")} passed` : "No run has ended yet"},
			s("line", {class: "axis", x1: 0, x2: width, y1: height + .5, y2: height + .5}), columns));
}

function row(run) {
	return h("tr", {"data-run": run.run}, [
		["num", h("a", {class: "go", href: "/run/" + run.run}, String(run.run))],
		["short", outcome(run)],
		["num", run.failures ? h("span", {class: "fail"}, count(run.failures)) : "0"],
		["num", count(run.tests)],
		["num wide", count(run.skips)],
		["num wide", duration(run.elapsed)],
		["wide", [commit(run) && h("code", null, commit(run)), " ", run.meta["git.branch"] && h("span", {class: "dim"}, run.meta["git.branch"])]],
		["when", ago(run.start)],
	].map(([kind, content]) => h("td", {class: kind}, content)));
}

const HEAD = [["num", "Run"], ["", "Outcome"], ["num", "Failures"], ["num", "Tests"], ["num wide", "Skipped"], ["num wide", "Took"], ["wide", "Commit"], ["when", "Started"]];

page(async main => {
	const sentence = h("h1", null, "Runs"), chart = h("div"), state = h("p", {class: "note", role: "status"});
	const body = h("tbody");
	const table = h("table", {id: "runs"}, h("thead", null, h("tr", null, HEAD.map(([kind, text]) => h("th", {scope: "col", class: kind}, text)))), body);
	const more = h("button", {type: "button", class: "more", onclick: () => load(true)}, "Older runs");
	let runs = [], next = null, seen = "";

	function draw() {
		const running = runs.filter(run => run.outcome === "running");
		const ended = runs.filter(run => run.outcome !== "running");
		const passed = ended.filter(run => run.outcome === "passed").length;
		const focused = document.activeElement?.closest?.("[data-run]")?.dataset.run;
		sentence.textContent = running.length ? plural(running.length, "run") + (running.length === 1 ? " goes on" : " go on")
			: !ended.length ? "No runs" : ended[0].outcome === "passed" ? "The latest run passed" : ended[0].outcome === "failed" ? `The latest run failed: ${plural(ended[0].failures, "failure")}` : "The latest run was interrupted";
		body.replaceChildren(...[...running, ...ended].map(row));
		if (focused)
			body.querySelector(`[data-run="${focused}"] .go`)?.focus();
		table.hidden = !runs.length;
		more.hidden = !next;
		state.textContent = ended.length ? `${passed} of ${plural(ended.length, "run")} shown passed, ${percent(passed / ended.length)}.`
			: runs.length ? "" : location.search ? "No run is like that." : "There is no run yet: \u201ctestr run\u201d makes one.";
		chart.replaceChildren(...(runs.length > 1 ? [strip(runs)] : []));
	}

	async function load(older) {
		const answer = await get(path("runs"), query(older ? next : null));
		runs = older ? runs.concat(answer.runs) : answer.runs;
		next = answer.next;
		draw();
	}

	/* The first page is asked for again and again; older runs do not change. */
	async function look() {
		if (document.hidden)
			return;
		const answer = await get(path("runs"), query()).catch(() => null);
		const now = JSON.stringify(answer?.runs);
		if (!answer || now === seen)
			return;
		seen = now;
		const last = answer.runs.at(-1)?.run ?? Infinity;
		const older = runs.filter(run => run.run < last);
		runs = answer.runs.concat(older);
		if (!older.length)
			next = answer.next;
		draw();
	}

	main.append(sentence, state, chart,
		filters([["state", "State", [["", "all"], ["running", "running"], ["finished", "finished"], ["interrupted", "interrupted"]]], ["branch", "Branch", null]], () => load(false)),
		h("div", {class: "scroll"}, table), more, command("testr runs"));
	await load(false);
	setInterval(look, LOOK);
});
