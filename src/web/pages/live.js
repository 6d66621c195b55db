/* SPDX-License-Identifier: Apache-2.0
 *
 * A run that goes on: what runs now and for how long, what has failed, when it will be over.
 *
 * Invariant: what is shown follows from the events seen, each once. */
import { actions, confirmed } from "./actions.js";
import { get, path } from "./api.js";
import { h, sign, status, testLink } from "./dom.js";
import { follow } from "./events.js";
import { count, duration, plural } from "./format.js";
import { command, title } from "./page.js";

/* How many failures are kept in sight. */
const SHOWN = 100;
/* A redraw at most every so many milliseconds, however many events come. */
const FRAME = 200;

class State {
	constructor() {
		this.open = new Map();
		this.done = this.failed = this.skipped = 0;
		this.failures = [];
	}

	start(event) {
		this.open.set(event.test, {...event, seen: Date.now()});
	}

	result(event) {
		this.open.delete(event.test);
		this.done++;
		this.skipped += event.status === "skip";
		if (event.fails) {
			this.failed++;
			this.failures.unshift(event);
			this.failures.length = Math.min(this.failures.length, SHOWN);
		}
	}
}

/* What a test took the last time; asked for once. */
function expectations() {
	const known = new Map();
	return test => {
		if (!known.has(test)) {
			known.set(test, null);
			get(path("tests", test)).then(facts => known.set(test, facts.latest.duration), () => {});
		}
		return known.get(test);
	};
}

/* The whole run before says how many tests there are, and how fast they go. */
async function whole(run) {
	const {runs} = await get(path("runs"), {state: "finished", cursor: run.run, limit: 20});
	return runs.find(other => !other.partial && other.tests > 0) ?? null;
}

export async function live(main, run, over) {
	const base = await whole(run), planned = Number(run.meta.planned) || 0, all = planned || base?.tests || 0, expected = expectations();
	const heading = h("h1", null, ""), line = h("p", {class: "lead", role: "status"}), link = h("p", {class: "note", role: "status"});
	const bar = h("progress", {max: all || 1, "aria-label": "Results so far"});
	const now = h("tbody"), bad = h("tbody");
	const running = h("table", {id: "running"}, h("thead", null, h("tr", null, [["", "Runs now"], ["num", "Worker"], ["num", "For"], ["num", "Last time"]].map(([kind, text]) => h("th", {scope: "col", class: kind}, text)))), now);
	const failures = h("section", {id: "failures", hidden: true}, h("h2", null, "Failures"), h("table", null, h("thead", null, h("tr", null, h("th", {scope: "col"}, "Status"), h("th", {scope: "col"}, "Test"), h("th", {scope: "col", class: "num"}, "Took"))), bad));
	const state = new State();
	let timer = null;

	/* The time that the run before took for a test, or else the time since this one's start. */
	function left() {
		if (!state.done || state.done >= all)
			return state.done && state.done >= all ? "nearly done" : "";
		const each = base?.elapsed ? base.elapsed / base.tests : run.start ? (Date.now() - Date.parse(run.start)) / 1000 / state.done : null;
		return each === null ? "" : `about ${duration(each * (all - state.done))} left`;
	}

	function progress() {
		if (!all)
			return "";
		const by = base?.elapsed || !planned ? [", going by ", h("a", {href: "/run/" + base.run}, "run " + base.run)] : "";
		return [`${count(Math.min(state.done, all))} of ${planned ? "" : "about "}${count(all)}`, left() && ["; ", left(), by], "."];
	}

	function draw() {
		timer = null;
		heading.replaceChildren(h("span", {class: "running"}, sign("running")), `Run ${run.run} goes on: ${plural(state.done, "result")}, ${plural(state.failed, "failure")}`);
		title(`${count(state.done)} done, ${count(state.failed)} failed · run ${run.run}`);
		line.replaceChildren(...[state.skipped ? `${count(state.skipped)} skipped. ` : "", progress()].flat(3));
		bar.value = Math.min(state.done, all);
		bar.hidden = !all;
		const focus = document.activeElement?.getAttribute("href");
		now.replaceChildren(...[...state.open.values()].slice(0, 200).map(one => {
			const elapsed = Math.max(0, (Date.now() - (one.start ? Date.parse(one.start) : one.seen)) / 1000), usual = expected(one.test);
			return h("tr", null, h("td", null, testLink(one.test)), h("td", {class: "num"}, one.worker ?? ""),
				h("td", {class: "num" + (usual !== null && elapsed > 2 * usual + 1 ? " late" : "")}, duration(elapsed)), h("td", {class: "num"}, duration(usual)));
		}));
		running.hidden = !state.open.size;
		bad.replaceChildren(...state.failures.map(one => h("tr", null, h("td", {class: "short"}, status(one)), h("td", null, testLink(one.test, run.run)), h("td", {class: "num"}, duration(one.duration)))));
		failures.hidden = !state.failures.length;
		if (focus)
			[...main.querySelectorAll(".go")].find(a => a.getAttribute("href") === focus)?.focus();
	}

	function soon() {
		timer ??= setTimeout(draw, FRAME);
	}

	async function listen() {
		let end;
		await follow(path("runs", run.run, "events"), (kind, data) => {
			if (kind === "end")
				end = data;
			else if (kind === "start" || kind === "result")
				state[kind](data);
			soon();
		}, connected => { link.textContent = connected ? "" : "The server does not answer; trying again\u2026"; });
		clearInterval(ticking);
		clearTimeout(timer);
		await over(end);
	}

	const buttons = await actions(["Cancel", () => confirmed(`Cancel run ${run.run}?`, "Its processes are killed. What it has found so far is kept.", "Cancel the run", "POST", path("runs", run.run, "cancel"))]);
	main.append(h("p", {class: "over"}, `Run ${run.run}`), heading, link, ...(buttons ? [buttons] : []), h("div", {class: "live"}, line, bar, running), failures, command("testr last -r " + run.run));
	const ticking = setInterval(draw, 1000);
	draw();
	listen().catch(error => { link.textContent = error.message; });
}
