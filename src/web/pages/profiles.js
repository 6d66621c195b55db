/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles against tests: what fails where, and what only some profiles skip. */
import { get, path } from "./api.js";
import { h, kindOf, sign, testLink, testPath, visible, wordOf } from "./dom.js";
import { ago, count, duration, plural } from "./format.js";
import { command, filters, note, page, param } from "./page.js";

/* Tests that are shown at once. */
const SHOWN = 50;

function sentence(profiles) {
	const bad = profiles.filter(one => one.failing).length;
	if (!bad)
		return profiles.length === 1 ? "No test fails on the only profile" : `No test fails on any of the ${plural(profiles.length, "profile")}`;
	return bad === profiles.length ? (bad === 1 ? "Tests fail on the only profile" : `Tests fail on all ${plural(bad, "profile")}`) : `Tests fail on ${bad} of ${plural(profiles.length, "profile")}`;
}

function overview(profiles) {
	const most = Math.max(1, ...profiles.map(one => one.failing));
	const bar = one => {
		const meter = h("span", {class: "meter fails", hidden: !one.failing});
		meter.style.width = one.failing / most * 100 + "%";
		return meter;
	};
	return h("div", {class: "scroll"}, h("table", {id: "profiles"},
		h("thead", null, h("tr", null, [["", "Profile"], ["num", "Failing"], ["w-bar wide", "Beside the worst"], ["num wide", "Tests"], ["num", "Last run"], ["when wide", "Started"]].map(([kind, text]) => h("th", {scope: "col", class: kind}, text)))),
		h("tbody", null, profiles.map(one => h("tr", null, h("td", {class: "short"}, h("bdi", {class: "id"}, visible(one.name))),
			h("td", {class: "num"}, one.failing ? h("span", {class: "fail"}, count(one.failing)) : "0"), h("td", {class: "w-bar wide"}, bar(one)), h("td", {class: "num wide"}, count(one.known)),
			h("td", {class: "num"}, one.run === null ? "\u2013" : h("a", {href: "/run/" + one.run}, String(one.run))), h("td", {class: "when wide"}, ago(one.start)))))));
}

/* A profile in which the test was not run says so by being empty. */
function cell(test, name, result) {
	if (!result)
		return h("td", {class: "cell", "data-profile": name}, h("span", {class: "dim", "aria-label": "never ran", role: "img"}, "\u00b7"));
	const kind = kindOf(result), text = `${wordOf(result)} in run ${result.run}, ${duration(result.duration)}`;
	return h("td", {class: "cell " + kind, "data-profile": name}, h("a", {href: testPath(test.test, result.run), title: `${name}: ${text}`, "aria-label": `${name}: ${text}`}, sign(kind)));
}

function matrix(profiles) {
	const body = h("tbody");
	const table = h("table", {id: "matrix", class: "matrix"}, h("thead", null, h("tr", null, h("th", {scope: "col"}, "Test"), profiles.map(one => h("th", {scope: "col", class: "cell"}, h("span", {class: "up"}, visible(one.name)))))), body);
	const add = tests => body.append(...tests.map(test => h("tr", null,
		h("th", {scope: "row"}, testLink(test.test), h("span", {class: "words"}, visible(test.words))), profiles.map(one => cell(test, visible(one.name), test.cells[one.name])))));
	return {table, add, clear: () => body.replaceChildren()};
}

page(async main => {
	const {profiles} = await get(path("profiles"));
	const profiled = profiles.some(one => one.profile.length);
	main.append(h("h1", null, profiled ? sentence(profiles) : "No profiles"));
	if (!profiled) {
		main.append(h("p", {class: "lead"}, "A profile is a configuration that tests are run in, such as py311+mysql. Results of different profiles never replace each other."),
			note("This repository has no profiles: ", h("code", null, "profiles="), " in .testr.conf names the tags that make them."), command("testr profiles"));
		return;
	}
	const {table, add, clear} = matrix(profiles);
	const state = h("p", {class: "note", role: "status"});
	const more = h("button", {type: "button", class: "more", onclick: () => load(false)}, "More tests");
	let next = null, shown = 0, generation = 0;

	async function load(anew) {
		const mine = anew ? ++generation : generation;
		const answer = await get(path("profiles", "matrix"), {q: param("q"), show: param("show"), limit: SHOWN, cursor: anew ? null : next});
		if (mine !== generation)
			return;
		if (anew) {
			clear();
			shown = 0;
		}
		add(answer.tests);
		next = answer.next;
		shown += answer.tests.length;
		table.hidden = !shown;
		more.hidden = !next;
		state.textContent = next ? `${plural(shown, "test")} shown; there are more.` : shown ? `${plural(shown, "test")} in all.`
			: param("q") || param("show") ? "No test is like that." : "No test fails, and what one profile skips, all skip.";
	}

	main.append(h("p", {class: "lead"}, "Results of different profiles never replace each other: a test that fails on one and passes on another does both."), overview(profiles),
		h("section", null, h("h2", null, "What does not pass everywhere"),
			filters([["show", "Tests", [["", "all of these"], ["failing", "failing"], ["partly", "failing on some profiles only"], ["skipped", "skipped on some profiles only"]]], ["q", "Test contains", null]], () => load(true)),
			h("div", {class: "scroll"}, table), state, more,
			h("ul", {class: "legend"}, [["pass", "passed"], ["fail", "failed"], ["skip", "skipped"]].map(([kind, text]) => h("li", null, h("span", {class: kind}, sign(kind)), text)), h("li", null, h("span", {class: "dim"}, "\u00b7"), "never ran there")),
			command("testr failing")), command("testr profiles"));
	await load(true);
});
