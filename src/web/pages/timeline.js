/* SPDX-License-Identifier: Apache-2.0
 *
 * What each worker did when: bars are tests, the rest of a worker's line is time in which it did nothing. */
import { get, path } from "./api.js";
import { timeline } from "./work.js";
import { h, s, tableBehind, testName, testPath, visible } from "./dom.js";
import { count, duration, percent, plural } from "./format.js";
import { nice } from "./chart.js";
import { command, note, page, param, pathParts, setParams, title } from "./page.js";

/* At most so many bars; more are put together by the server. */
const BARS = 1500;
const WIDTH = 1000, LEFT = 52, LINE = 26, BAR = 18;

const kindOf = bar => bar.failures ? "fail" : "pass";

function named(worker) {
	return worker.worker === null ? "none" : String(worker.worker);
}

function label(bar) {
	return bar.tests > 1 ? `${plural(bar.tests, "test")}, ${plural(bar.failures, "failure")}, ${duration(bar.end - bar.start)}` : `${visible(bar.test).slice(0, 300)}: ${duration(bar.end - bar.start)}, ${bar.failures ? "failed" : "did not fail"}`;
}

function chart(run, answer, from, to, zoom) {
	const {workers, bars} = answer;
	const span = Math.max(to - from, 1e-6), x = t => LEFT + (t - from) / span * (WIDTH - LEFT);
	const lines = new Map(workers.map((worker, i) => [worker.worker, i]));
	const height = workers.length * LINE;
	const inside = t => Math.min(Math.max(t, from), to);
	const last = answer.last;
	const ticks = [];
	for (let step = nice(span / 8, [1, 2, 5, 10]), t = Math.ceil(from / step) * step; t <= to; t += step)
		ticks.push(t);
	const links = bars.map(bar => {
		const y = lines.get(bar.worker) * LINE + (LINE - BAR) / 2, left = x(inside(bar.start));
		const width = Math.max(1, x(inside(bar.end)) - left);
		const many = bar.tests > 1;
		const critical = last && !many && bar.test === last.test && bar.worker === last.worker && bar.end >= last.end;
		return s("a", {class: "bar-link", href: many ? `?from=${bar.start}&to=${bar.end}` : testPath(bar.test, run.run), tabindex: -1, "aria-label": label(bar), "data-worker": lines.get(bar.worker), "data-many": many},
			s("title", null, label(bar)),
			s("rect", {class: "f-" + kindOf(bar), x: left, y: kindOf(bar) === "pass" ? y : y - 2, width: Math.max(.75, width - (width > 4 ? 1 : 0)), height: kindOf(bar) === "pass" ? BAR : BAR + 4, rx: width > 6 ? 2 : 0}),
			critical && s("rect", {class: "mark", x: left, y: y - 3, width, height: BAR + 6, rx: 2}));
	});
	links[0]?.setAttribute("tabindex", 0);
	const svg = s("svg", {class: "chart gantt", viewBox: `0 -4 ${WIDTH} ${height + 30}`, role: "group", "aria-label": `Timeline of ${plural(workers.length, "worker")}. Arrow keys go from bar to bar.`},
		workers.map((worker, i) => [
			s("text", {x: LEFT - 10, y: i * LINE + LINE / 2 + 4, "text-anchor": "end"}, named(worker)),
			s("rect", {class: "idle", x: LEFT, y: i * LINE + (LINE - BAR) / 2, width: WIDTH - LEFT, height: BAR, rx: 2})]),
		ticks.map(t => [s("line", {class: "axis", x1: x(t), x2: x(t), y1: 0, y2: height}), s("text", {x: x(t), y: height + 18, "text-anchor": x(t) > WIDTH - 30 ? "end" : "middle"}, t === 0 ? "0" : duration(t))]),
		links);
	svg.addEventListener("keydown", event => walk(event, links));
	svg.addEventListener("click", event => {
		const link = event.target.closest("a[data-many]");
		if (!link || event.ctrlKey || event.metaKey)
			return;
		event.preventDefault();
		const wanted = new URLSearchParams(link.getAttribute("href"));
		zoom(Number(wanted.get("from")), Number(wanted.get("to")));
	});
	drag(svg, clientX => {
		const box = svg.getBoundingClientRect();
		return inside(from + ((clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT) * span);
	}, x, height, zoom);
	return svg;
}

/* Left and right along a worker, up and down between workers. */
function walk(event, links) {
	const at = links.indexOf(event.target);
	if (at < 0 || !event.key.startsWith("Arrow"))
		return;
	event.preventDefault();
	const worker = Number(links[at].dataset.worker), middle = link => {
		const box = link.getBoundingClientRect();
		return box.left + box.width / 2;
	};
	const sideways = {ArrowLeft: -1, ArrowRight: 1}[event.key];
	let next;
	if (sideways) {
		const mine = links.filter(link => Number(link.dataset.worker) === worker);
		next = mine[mine.indexOf(links[at]) + sideways];
	} else {
		const here = middle(links[at]), other = worker + (event.key === "ArrowUp" ? -1 : 1);
		next = links.filter(link => Number(link.dataset.worker) === other).sort((a, b) => Math.abs(middle(a) - here) - Math.abs(middle(b) - here))[0];
	}
	if (next) {
		links[at].setAttribute("tabindex", -1);
		next.setAttribute("tabindex", 0);
		next.focus();
	}
}

/* A stretch that is drawn with the mouse is looked at closer. */
function drag(svg, time, x, height, zoom) {
	let start = null, shade = null;
	svg.addEventListener("pointerdown", event => {
		if (event.button === 0 && event.pointerType === "mouse")
			start = {time: time(event.clientX), x: event.clientX};
	});
	svg.addEventListener("pointermove", event => {
		if (!start || Math.abs(event.clientX - start.x) < 5)
			return;
		if (!shade) {
			shade = s("rect", {class: "shade", y: 0, height});
			svg.append(shade);
			svg.setPointerCapture(event.pointerId);
		}
		const ends = [start.time, time(event.clientX)].sort((a, b) => a - b);
		shade.setAttribute("x", x(ends[0]));
		shade.setAttribute("width", Math.max(0, x(ends[1]) - x(ends[0])));
	});
	svg.addEventListener("pointerup", event => {
		if (shade)
			zoom(...[start.time, time(event.clientX)].sort((a, b) => a - b));
		start = shade = null;
	});
	svg.addEventListener("dragstart", event => event.preventDefault());
}

function sentence(answer) {
	const {workers, last, span} = answer;
	const busy = workers.reduce((sum, worker) => sum + worker.busy, 0);
	if (!workers.length || !span)
		return "Nothing is known of the times of this run";
	return workers.length === 1 ? `One worker, busy ${percent(Math.min(1, busy / span))} of ${duration(span)}`
		: `${count(workers.length)} workers, busy ${percent(Math.min(1, busy / span / workers.length))} of ${duration(span)}`;
}

/* What the end of the run waited for. */
function critical(run, answer) {
	const {workers, last, span} = answer;
	if (!last?.test)
		return "";
	const others = workers.filter(worker => worker.worker !== last.worker).map(worker => worker.end);
	const wait = others.length ? last.end - Math.max(...others) : 0;
	return [h("a", {href: testPath(last.test, run.run)}, testName(last.test)), ` ended last`,
		wait > 0.005 * span ? `: the run waited for it for ${duration(Math.min(wait, last.end - last.start))} when all other workers were done.` : "; the workers ended at about the same time."];
}

page(async main => {
	const [name] = pathParts();
	const run = await get(path("runs", name || "latest"));
	const box = h("div"), where = h("p", {class: "note", role: "status"});
	title(`Timeline · run ${run.run}`);
	const first = await timeline(run, BARS);

	async function show() {
		const from = Number(param("from")) || 0, to = Number(param("to")) || first.span;
		const whole = from === 0 && to === first.span;
		const answer = whole ? first : await timeline(run, BARS, from, to);
		const merged = answer.bars.filter(bar => bar.tests > 1).length;
		box.replaceChildren(chart(run, {...first, bars: answer.bars}, from, to, zoom));
		where.replaceChildren(...(whole ? [merged ? `${count(answer.bars.length)} bars; where tests are too short to be seen, one bar has several: choose it to look closer.` : `${plural(answer.bars.length, "test")}.`]
			: [`From ${duration(from)} to ${duration(to)} of ${duration(first.span)}. `, h("button", {type: "button", onclick: () => zoom(0, first.span)}, "The whole run")]));
	}

	function zoom(from, to) {
		const whole = from <= 0 && to >= first.span;
		setParams({from: whole ? "" : from.toFixed(6), to: whole ? "" : to.toFixed(6)});
		return show();
	}

	main.append(h("p", {class: "over"}, h("a", {href: "/run/" + run.run}, "Run " + run.run)), h("h1", null, sentence(first)), h("p", {class: "lead"}, critical(run, first)));
	if (first.workers.length)
		main.append(h("figure", null, h("figcaption", null, "A line a worker, by its number. Draw along it to look closer; choose a bar to see its test."), h("div", {class: "scroll wide-chart"}, box)),
			h("ul", {class: "legend"}, [["pass", "did not fail"], ["fail", "failed (higher)"], ["", "idle"], ["mark", "ended last"]].map(([kind, text]) => h("li", null, h("span", {class: "swatch " + kind}), text))),
			where, tableBehind("Workers as a table", ["Worker", "#Tests", "#Busy", "#Idle", "#Longest gap"], () => first.workers.map(worker =>
				[named(worker), count(worker.tests), duration(worker.busy), duration(Math.max(0, first.span - worker.busy)), duration(worker.gap)])));
	main.append(command("testr last -r " + run.run + " --json"));
	if (first.workers.length)
		await show();
});
