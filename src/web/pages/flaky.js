/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that fail by chance, the surest first; apart from them those that are broken, and those of which too little
 * is known. */
import { get, path } from "./api.js";
import { h, s, sign, testLink, visible } from "./dom.js";
import { count, duration, percent, plural, shell } from "./format.js";
import { command, filters, note, page, param, profileField } from "./page.js";
import { nice } from "./chart.js";

const SHOWN = 1000;

/* What a class means, and what to do about it. */
const CLASSES = {
	"flaky": "fails by chance", "order-dependent": "fails after other tests", "contention": "fails when several processes run tests",
	"timeout-bound": "fails after about the same time",
};

function share(x) {
	return (100 * x).toFixed(x < .0995 ? 1 : 0);
}

/** The interval as a line, the rate as a mark on it; `top` is the right end. */
function interval(test, top) {
	const x = share => Math.min(share / top, 1) * 198 + 1;
	return s("svg", {class: "chart interval", viewBox: "0 0 200 16", preserveAspectRatio: "none", role: "img", "aria-label": `${share(test.low)} to ${share(test.high)} %`},
		s("line", {class: "axis", x1: 0, x2: 200, y1: 8, y2: 8}),
		s("rect", {class: "range", x: x(test.low), y: 5, width: Math.max(2, x(test.high) - x(test.low)), height: 6, rx: 1}),
		s("rect", {class: "point", x: x(test.rate) - 1.5, y: 1, width: 3, height: 14}));
}

function ranking(tests) {
	const top = Math.min(1, nice(Math.max(.01, ...tests.map(test => test.high))));
	return h("div", {class: "scroll"}, h("table", {id: "flaky"}, h("thead", null, h("tr", null,
		[["", "Test"], ["", "Class"], ["num", "Fails"], ["w-interval wide", `95 % interval, up to ${share(top)} %`], ["num wide", "Failures"], ["num wide", "Results"], ["num wide", "Time lost"], ["num", "Last"]]
			.map(([kind, text]) => h("th", {scope: "col", class: kind}, text)))),
	h("tbody", null, tests.map(test => h("tr", null,
		h("td", null, testLink(test.test), test.profile && h("span", {class: "dim"}, " ", test.profile.map(visible).join("+"))),
		h("td", {class: "short"}, h("span", {class: "status flaky", title: CLASSES[test.class]}, sign("flaky"), test.class)),
		h("td", {class: "num"}, percent(test.rate)),
		h("td", {class: "w-interval wide"}, interval(test, top)),
		h("td", {class: "num wide"}, count(test.failures)),
		h("td", {class: "num wide"}, count(test.failures + test.passes)),
		h("td", {class: "num wide"}, duration(test.lost)),
		h("td", {class: "num"}, h("a", {href: "/run/" + test.last_failure}, String(test.last_failure))))))));
}

function others(id, heading, text, tests) {
	return h("section", {id}, h("h2", null, heading, h("span", {class: "tally"}, plural(tests.length, "test"))), note(text),
		h("div", {class: "scroll"}, h("table", null, h("thead", null, h("tr", null, [["", "Test"], ["num", "Failures"], ["num", "Results"], ["num", "Last failure in"]].map(([kind, word]) => h("th", {scope: "col", class: kind}, word)))),
			h("tbody", null, tests.map(test => h("tr", null, h("td", null, testLink(test.test)), h("td", {class: "num"}, count(test.failures)), h("td", {class: "num"}, count(test.failures + test.passes)),
				h("td", {class: "num"}, h("a", {href: "/run/" + test.last_failure}, "run " + test.last_failure))))))));
}

page(async main => {
	const box = h("div"), sentence = h("h1", null, "Flaky tests"), line = h("div");

	async function load() {
		const {flaky: all} = await get(path("flaky"), {limit: SHOWN, window: param("window"), profile: param("profile"), since: param("since")});
		const flaky = all.filter(test => test.class in CLASSES), wanted = flaky.filter(test => !param("class") || test.class === param("class"));
		const broken = all.filter(test => test.class === "broken"), unsure = all.filter(test => !(test.class in CLASSES) && test.class !== "broken");
		const lost = flaky.reduce((sum, test) => sum + test.lost, 0);
		sentence.textContent = flaky.length ? `${plural(flaky.length, "flaky test")}${lost ? `, ${duration(lost)} of runs lost to ${flaky.length === 1 ? "it" : "them"}` : ""}` : "No flaky tests";
		box.replaceChildren(wanted.length ? ranking(wanted) : note(flaky.length ? "None is of that class." : "No test was seen to fail by chance."),
			...(broken.length && !param("class") ? [others("broken", "Broken", "They fail now, and not by chance.", broken)] : []),
			...(unsure.length && !param("class") ? [others("unsure", "Too little data", "They may be flaky; more runs will tell.", unsure)] : []));
		line.replaceChildren(command("testr flaky" + (param("window") ? ` --window=${param("window")}` : "") + (param("profile") ? " --profile=" + shell(param("profile")) : "")));
	}

	main.append(sentence, h("p", {class: "lead"}, "A test that passed and failed at one commit fails by chance, and so does one that changes too often to have been broken and mended each time."),
		filters([["class", "Class", [["", "all"], ...Object.keys(CLASSES).map(name => [name, name])]], ["window", "Runs looked at", [["", "the last 1,000"], ["20", "the last 20"], ["100", "the last 100"], ["0", "all"]]], ...await profileField()], load), box, line, h("p", null, h("a", {href: path("feeds", "new-flaky.atom")}, "Atom feed of flaky tests")));
	await load();
});
