/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements. Text becomes text nodes and nothing else, so what a test wrote is never markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else
			element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
	return element;
}

/** An element of HTML: h("a", {href, onclick}, "text", child, …). */
export function h(tag, props, ...children) {
	return fill(document.createElement(tag), props, children);
}

/** An element of SVG. */
export function s(tag, props, ...children) {
	return fill(document.createElementNS(SVG, tag), props, children);
}

/* What a terminal or a reader would act on instead of showing it. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text with pictures in place of control characters. */
export function visible(text) {
	return text.replace(UNSEEN, c => {
		const code = c.charCodeAt(0);
		return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "\u2421" : "\u27e8U+" + code.toString(16).toUpperCase().padStart(4, "0") + "\u27e9";
	});
}

const SHAPES = {
	pass: [["circle", {cx: 8, cy: 8, r: 6.25}], ["path", {d: "M5 8.3l2.1 2.1L11 6"}]],
	fail: [["path", {class: "solid", d: "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z"}], ["path", {class: "on", d: "M5.8 5.8l4.4 4.4m0-4.4l-4.4 4.4"}]],
	skip: [["circle", {cx: 8, cy: 8, r: 6.25, "stroke-dasharray": "2.4 2.5"}], ["path", {d: "M5.4 8h5.2"}]],
	unfinished: [["path", {d: "M8 1.6l6.6 12.2H1.4z"}], ["path", {d: "M8 6.2v3.4m0 1.9v.3"}]],
	flaky: [["circle", {cx: 8, cy: 8, r: 6.25}], ["path", {d: "M4.6 9.4l2.2-3 2.4 3.4 2.2-3"}]],
	running: [["circle", {cx: 8, cy: 8, r: 6.25, class: "faint"}], ["path", {class: "turn", d: "M8 1.75a6.25 6.25 0 0 1 6.25 6.25"}]],
};

/** A small sign whose shape says what its colour says. */
export function sign(kind) {
	return s("svg", {class: "sign " + kind, viewBox: "0 0 16 16", "aria-hidden": "true"}, SHAPES[kind].map(([tag, props]) => s(tag, props)));
}

/* What a status of a result means for who looks. */
const KINDS = {success: "pass", xfail: "pass", uxsuccess: "fail", fail: "fail", skip: "skip", unfinished: "unfinished"};
const WORDS = {success: "passed", xfail: "failed, as expected", uxsuccess: "passed, unexpectedly", fail: "failed", skip: "skipped", unfinished: "did not end"};

export function kindOf(result) {
	return result.status === "uxsuccess" && !result.fails ? "pass" : KINDS[result.status];
}

export function wordOf(result) {
	return WORDS[result.status];
}

/** The sign and the word for a result. */
export function status(result) {
	return h("span", {class: "status " + kindOf(result)}, sign(kindOf(result)), wordOf(result));
}

const OUTCOMES = {passed: "pass", failed: "fail", interrupted: "unfinished", running: "running"};

export function outcome(run) {
	const kind = OUTCOMES[run.outcome];
	return h("span", {class: "status " + kind}, sign(kind), run.outcome);
}

/** The path of a test's page. */
export function testPath(id, run) {
	return "/test/" + encodeURIComponent(id) + (run === undefined ? "" : "?run=" + run);
}

/** A test's id, the part that tells it from its neighbours set apart. */
export function testName(id) {
	const text = visible(id);
	const cut = text.replace(/[([].*$/s, "").search(/[^.:/\\#]+$/);
	return h("bdi", {class: "id"}, cut > 0 ? [h("span", {class: "dim"}, text.slice(0, cut)), text.slice(cut)] : text);
}

export function testLink(id, run) {
	return h("a", {class: "go", href: testPath(id, run), title: id.length < 500 ? visible(id) : null}, testName(id));
}

/** What makes a picture out of a table: the table itself, for who wants numbers. */
export function tableBehind(label, head, rows) {
	const details = h("details", {class: "behind"}, h("summary", null, label));
	details.addEventListener("toggle", () => {
		if (details.open && !details.querySelector("table"))
			details.append(h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": label}, h("table", null,
				h("thead", null, h("tr", null, head.map(text => h("th", {scope: "col", class: text.startsWith("#") ? "num" : null}, text.replace(/^#/, ""))))),
				h("tbody", null, rows().map(row => h("tr", null, row.map((cell, i) => h("td", {class: head[i].startsWith("#") ? "num" : null}, cell))))))));
	});
	return details;
}
