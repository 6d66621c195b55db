/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a test fails: the searches of `testr bisect`, and of one what it has found and what that rests on. */
import { get, path } from "./api.js";
import { nice } from "./chart.js";
import { h, s, sign, tableBehind, testLink, visible } from "./dom.js";
import { ago, count, duration, moment, percent, plural } from "./format.js";
import { command, note, page, pathParts, title } from "./page.js";

/* How often new probes are looked for, in milliseconds, while there is no verdict and the page can be seen. */
const LOOK = 2000;
const SEARCHES = 50;
/* Of the searches, so many are asked for their verdicts at once. */
const TOLD = 20;
const PROBES = 25;

const KINDS = {alone: "It fails alone", polluter: "After another test", load: "Beside load", setup: "For want of a set-up", set: "After two or three together"};
const OUTCOMES = {failed: "fail", passed: "pass", "no result": "unfinished", "broken off": "skip"};

function head(columns) {
	return h("thead", null, h("tr", null, columns.map(([kind, text]) => h("th", {scope: "col", class: kind}, text))));
}

function meter(share, kind) {
	const bar = h("span", {class: "meter " + kind, hidden: share < .0005});
	bar.style.width = share * 100 + "%";
	return bar;
}

function probability(x) {
	return x > 0 && x < .0005 ? "< 0.1\u00a0%" : percent(x);
}

/* ---- all of them ---- */

async function all(main) {
	const {searches, next} = await get(path("searches"), {limit: SEARCHES});
	const verdicts = searches.map(() => h("td", {class: "dim"}, "\u2026"));
	main.append(h("h1", null, searches.length ? plural(searches.length, "search", "searches") + (next ? ", the latest ones" : "") : "No searches yet"),
		h("p", {class: "lead"}, "A search finds out why a test fails, also one time in many: alone, after which other test or tests, or for want of which one. Its probes are stored, and so what it has found can be told at any time."));
	if (searches.length)
		main.append(h("div", {class: "scroll"}, h("table", {id: "searches"}, head([["", "Test"], ["", "Found"], ["num", "Probes"], ["num wide", "Failed"], ["num wide", "Took"], ["when", "Begun"]]),
			h("tbody", null, searches.map((one, i) => h("tr", null, h("td", null, h("a", {class: "go id", href: "/bisect/" + encodeURIComponent(one.search)}, visible(one.victim))), verdicts[i],
				h("td", {class: "num"}, count(one.probes)), h("td", {class: "num wide"}, count(one.failures)), h("td", {class: "num wide"}, duration(one.seconds)), h("td", {class: "when"}, ago(one.start))))))));
	main.append(command("testr bisect"));
	for (const [i, one] of searches.slice(0, TOLD).entries()) {
		const found = await get(path("searches", one.search)).catch(error => ({remark: "", sentence: error.message}));
		verdicts[i].classList.remove("dim");
		verdicts[i].replaceChildren(short(found));
	}
	verdicts.slice(TOLD).forEach(cell => cell.replaceChildren("\u2013"));
}

/* The verdict without its figures. */
function short(found) {
	const tests = () => found.tests.map((test, i) => [i > 0 && (i + 1 < found.tests.length ? ", " : " and "), h("bdi", {class: "id"}, visible(test))]);
	switch (found.verdict) {
	case "alone":
		return "fails alone";
	case "load":
		return "fails beside load";
	case "setup":
		return h("span", null, "fails unless ", tests(), " ran before it");
	case "polluter":
	case "set":
		return h("span", null, "fails after ", tests(), found.tests.length > 1 && " together");
	case "drifting":
		return "its rate changed; no verdict";
	case "unknown":
		return "no verdict yet";
	default:
		return h("span", {class: "dim"}, visible(found.sentence));
	}
}

/* ---- one of them ---- */

function facts(found) {
	const rows = [["Test", testLink(found.victim)], ["Failed in", h("a", {href: "/run/" + found.run}, "run " + found.run)], ["Ran before it", plural(found.candidates, "test") + (found.load ? ", and load" : "")],
		["Probes", `${count(found.probes)}, ${count(found.failures)} of them failed`], ["Took", duration(found.seconds)], ["Confidence asked for", percent(found.asked)], ["Begun", moment(found.start)]];
	return h("dl", {class: "facts"}, rows.map(([key, value]) => h("div", null, h("dt", null, key), h("dd", null, value))));
}

function rateOf(rate) {
	return rate.runs ? rate.failures / rate.runs : 0;
}

/* What the two lines of the chart are called. */
function lines(found) {
	return {alone: ["any", null], load: ["beside load", "without"], setup: ["with it", "without it"]}[found.verdict] ?? (found.tests.length > 1 ? ["with all of them", "with one missing"] : ["with it", "without it"]);
}

function rates(found) {
	const shown = lines(found).map((text, i) => [text, i ? found.rates.without : found.rates.with]).filter(([text, rate]) => text && rate.runs);
	if (!shown.length)
		return null;
	const top = Math.min(1, nice(Math.max(.02, ...shown.map(([, rate]) => rate.high))));
	const [width, left, right, row] = [1000, 170, 200, 46];
	const height = shown.length * row, x = share => left + share / top * (width - left - right);
	const say = rate => `${rate.failures} of ${plural(rate.runs, "run")}, ${percent(rateOf(rate))}, with 95\u00a0% confidence between ${percent(rate.low)} and ${percent(rate.high)}`;
	return h("section", {id: "rates"}, h("h2", null, "How often it fails"), h("figure", null,
		h("figcaption", null, found.verdict === "unknown" ? "With what is likeliest and without. The bar has the rate with 95\u00a0% confidence, the mark is what was seen." : "The bar has the rate with 95\u00a0% confidence, the mark is what was seen."),
		h("div", {class: "scroll wide-chart", tabindex: 0, role: "region", "aria-label": "How often it fails"}, h("div", null, s("svg", {class: "chart rates", viewBox: `0 0 ${width} ${height + 26}`, role: "img", "aria-label": shown.map(([text, rate]) => `${text}: ${say(rate)}`).join("; ")},
			[0, .25, .5, .75, 1].map(f => [s("line", {class: "axis", x1: x(f * top), x2: x(f * top), y1: 0, y2: height}), s("text", {x: x(f * top), y: height + 18, "text-anchor": "middle"}, +(100 * f * top).toFixed(2) + "\u00a0%")]),
			shown.map(([text, rate], i) => {
				const y = i * row + row / 2;
				return [s("text", {class: "ink", x: 0, y: y + 4}, text), s("rect", {class: rate.failures ? "f-fail" : "f-pass", opacity: .45, x: x(rate.low), y: y - 9, width: Math.max(3, x(rate.high) - x(rate.low)), height: 18, rx: 3}),
					s("rect", {class: "point", x: x(rateOf(rate)) - 2, y: y - 13, width: 4, height: 26, rx: 1}), s("text", {class: "ink", x: width - right + 24, y: y + 4}, `${rate.failures} of ${plural(rate.runs, "run")}`)];
			})))),
		tableBehind("The rates as a table", ["Probes", "#Failed", "#Runs", "#Rate", "#Low", "#High"], () => shown.map(([text, rate]) => [text, count(rate.failures), count(rate.runs), percent(rateOf(rate)), percent(rate.low), percent(rate.high)]))));
}

function suspects(found) {
	const named = found.suspects.filter(one => one.weight >= .0005);
	const name = one => one.test === null ? "load" : [testLink(one.test), one.number > 1 && h("span", {class: "dim"}, ` and ${plural(one.number - 1, "other", "others")} that always ran with it`)];
	const kinds = Object.entries(found.kinds).filter(([kind]) => kind !== "load" || found.load).sort((a, b) => b[1] - a[1]);
	return h("section", {id: "suspects"}, h("h2", null, "What it may be"), h("div", {class: "halves"},
		h("div", {class: "scroll"}, h("table", null, h("caption", null, "Kinds of explanation"), head([["", "Kind"], ["num", "Probability"], ["w-bar", ""]].map(([kind, text]) => [kind, text || "As a bar"])),
			h("tbody", null, kinds.map(([kind, weight]) => h("tr", null, h("td", null, KINDS[kind] ?? kind), h("td", {class: "num"}, probability(weight)), h("td", {class: "w-bar"}, meter(weight, "guess"))))))),
		h("div", {class: "scroll"}, named.length ? h("table", null, h("caption", null, "Tests that may have a part in it"), head([["", "Test"], ["num", "Probability"], ["w-bar", "As a bar"]]),
			h("tbody", null, named.map(one => h("tr", null, h("td", null, name(one)), h("td", {class: "num"}, probability(one.weight)), h("td", {class: "w-bar"}, meter(one.weight, "guess")))))) : note("No test is likely to have a part in it."))));
}

/* A column a probe, in two lines: those that had what the verdict names, and the others. */
function strip(found) {
	const probes = found.evidence, [left, width, high] = [110, 1000, 34];
	const names = lines(found), two = names[1] !== null;
	const step = Math.min(22, (width - left) / probes.length), gap = step > 5 ? 2 : step > 3 ? 1 : 0;
	const base = one => (two && !one.with ? 2 : 1) * (high + 10) - 6;
	return h("figure", {id: "strip"}, h("figcaption", null, "One column a probe, the first on the left. Failed ones are twice as high."),
		h("div", {class: "scroll wide-chart", tabindex: 0, role: "region", "aria-label": "The probes"}, h("div", null, s("svg", {class: "chart", viewBox: `0 0 ${width} ${(two ? 2 : 1) * (high + 10)}`, role: "group", "aria-label": `${found.failures} of ${plural(found.probes, "probe")} failed`},
			names.filter(Boolean).map((text, i) => [s("text", {class: "ink", x: 0, y: (i + 1) * (high + 10) - 12}, text), s("line", {class: "axis", x1: left, x2: width, y1: (i + 1) * (high + 10) - 5.5, y2: (i + 1) * (high + 10) - 5.5})]),
			probes.map((one, i) => {
				const kind = OUTCOMES[one.outcome], tall = kind === "fail" ? high : kind === "pass" ? high / 2 : high / 4, text = `Run ${one.run}: ${one.outcome}, ${plural(one.tests, "test")} before it`;
				return s("a", {href: "/run/" + one.run, tabindex: -1, "aria-label": text}, s("title", null, text), s("rect", {class: "hit", x: left + i * step, y: base(one) - high, width: step, height: high}),
					s("rect", {class: "f-" + kind, x: left + i * step, y: base(one) - tall, width: Math.max(.8, step - gap), height: tall, rx: gap && 1.5}));
			})))));
}

function probes(found) {
	const rows = found.evidence, body = h("tbody");
	const names = lines(found);
	const row = one => h("tr", null, h("td", {class: "num"}, h("a", {class: "go", href: "/run/" + one.run}, String(one.run))), h("td", {class: "short"}, h("span", {class: "status " + OUTCOMES[one.outcome]}, sign(OUTCOMES[one.outcome]), one.outcome)),
		h("td", {class: "num"}, count(one.tests), one.load && ", load"), names[1] !== null && h("td", {class: "short wide"}, one.with ? names[0] : names[1]), h("td", {class: "num"}, one.seconds ? duration(one.seconds) : "\u2013"));
	const more = h("button", {type: "button", class: "more", onclick: () => grow(500)}, "");
	let at = 0;

	function grow(by) {
		body.append(...rows.slice(at, at + by).map(row));
		at = Math.min(at + by, rows.length);
		more.hidden = at === rows.length;
		more.textContent = `${count(rows.length - at)} more`;
	}
	grow(PROBES);
	return h("section", {id: "evidence"}, h("h2", null, "The probes", h("span", {class: "tally"}, count(rows.length))), note("Each ran some of the tests that were there before it, and then the test, in a new process."),
		rows.length > 0 && strip(found), h("div", {class: "scroll"}, h("table", {id: "probes", class: "snug"}, head([["num", "Run"], ["", "Outcome"], ["num", "Tests before it"], ...(names[1] !== null ? [["wide", "Of which"]] : []), ["num", "Took"]]), body)), more);
}

function commands(found) {
	if (found.reproduce === null)
		return found.verdict === "unknown" && h("section", {id: "commands"}, h("h2", null, "To go on"), command("testr bisect --resume"));
	return h("section", {id: "commands"}, h("h2", null, "To see it"), command(found.reproduce), h("h2", null, "To show that it is mended"), note("When this passes, the rate has fallen below a tenth, with 95\u00a0% confidence."), command(found.confirm));
}

function draw(main, found) {
	const opened = main.querySelector("#rates details")?.open;
	title(`${short(found).textContent ?? short(found)} · ${visible(found.victim)}`.slice(0, 120));
	main.replaceChildren(...[h("p", {class: "over"}, h("a", {href: "/bisect"}, "Searches"), " · ", ago(found.start)), h("h1", {class: "verdict"}, visible(found.sentence)),
		...found.remark.split("\n").filter(Boolean).map(line => h("p", {class: "lead"}, visible(line))), facts(found), rates(found), suspects(found), commands(found), probes(found)].filter(Boolean));
	if (opened)
		main.querySelector("#rates details").open = true;
}

async function one(main, name) {
	const where = path("searches", name);
	let found = await get(where);
	draw(main, found);

	async function look() {
		if (document.hidden)
			return;
		const now = await get(where).catch(() => null);
		if (!now || now.last === found.last && now.probes === found.probes)
			return;
		found = now;
		draw(main, found);
	}
	setInterval(() => found.verdict === "unknown" && look(), LOOK);
}

page(main => {
	const [name] = pathParts();
	return name ? one(main, name) : all(main);
});
