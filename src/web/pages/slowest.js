/* SPDX-License-Identifier: Apache-2.0
 *
 * The slowest tests of a run, and what more workers would bring. */
import { get, path } from "./api.js";
import { h, status, tableBehind, testLink } from "./dom.js";
import { count, duration, percent, plural } from "./format.js";
import { list } from "./list.js";
import { timeline } from "./work.js";
import { command, filters, page, param, pathParts, profileField, title } from "./page.js";

page(async main => {
	const [name] = pathParts();
	const run = await get(path("runs", name || "latest"));
	const {workers: all} = await timeline(run, 5000);
	const {results: [slowest]} = await get(path("runs", run.run, "results"), {sort: "-duration", limit: 1});
	const busy = all.reduce((sum, worker) => sum + worker.busy, 0), longest = slowest?.duration ?? 0;
	title(`Slowest · run ${run.run}`);

	function bar(result) {
		const meter = h("span", {class: "meter"});
		meter.style.width = (longest ? (result.duration ?? 0) / longest * 100 : 0) + "%";
		return meter;
	}

	const {element, reload} = list(path("runs", run.run, "results"), "results", [
		["#", "w-rank num wide", (result, i) => count(i + 1)],
		["Test", "", result => testLink(result.test, run.run)],
		["Status", "w-status wide", status],
		["Took", "w-num num", result => duration(result.duration)],
		["Beside the slowest", "w-bar", bar],
	], () => ({sort: "-duration", q: param("q"), status: param("status"), profile: param("profile")}), {label: "Slowest tests", empty: "No result is like that."});
	const rows = [1, 2, 4, 8, 16, 32, 64].map(workers => [String(workers), duration(Math.max(busy / workers, longest)), busy / workers < longest ? "the longest test" : "the work"]);
	main.append(h("p", {class: "over"}, h("a", {href: "/run/" + run.run}, "Run " + run.run)),
		h("h1", null, slowest ? `The slowest test takes ${duration(longest)}, ${percent(busy ? longest / busy : 0)} of all the work` : "No test ran"),
		h("p", {class: "lead"}, `All tests together take ${duration(busy)}; the run took ${duration(run.elapsed)} with ${plural(all.length, "worker")}.`,
			longest > 0 && ` More than ${plural(Math.max(1, Math.ceil(busy / longest)), "worker")} cannot make it shorter, as the longest test alone takes ${duration(longest)}.`),
		tableBehind("The shortest that it could be with other numbers of workers", ["#Workers", "#At least", "Bound by"], () => rows),
		filters([["q", "Test contains", null], ["status", "Status", [["", "all"], ["failures", "failures"], ["passes", "passes"]]], ...await profileField()], reload),
		element, command("testr slowest"));
	await reload();
});
