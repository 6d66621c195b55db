/* SPDX-License-Identifier: Apache-2.0
 *
 * All tests that any run has a result of. */
import { path } from "./api.js";
import { h, testLink } from "./dom.js";
import { list } from "./list.js";
import { command, filters, page, param } from "./page.js";

page(async main => {
	const {element, reload} = list(path("tests"), "tests", [["Test", "", test => testLink(test.test)]],
		() => ({q: param("q"), prefix: param("prefix")}), {label: "Tests", empty: "No test is called that."});
	main.append(h("h1", null, "Tests"), filters([["q", "Contains", null], ["prefix", "Begins with", null]], reload), element, command("testr list-tests"));
	await reload();
});
