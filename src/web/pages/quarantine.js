/* SPDX-License-Identifier: Apache-2.0
 *
 * The tests whose failures decide nothing for a while, those that are due first, and who changed that by this server. */
import { actions, confirmed, may } from "./actions.js";
import { getTagged, path } from "./api.js";
import { h, testLink, visible } from "./dom.js";
import { moment, plural } from "./format.js";
import { command, note, page } from "./page.js";
import { askQuarantine } from "./quarantining.js";

function table(id, heads, rows) {
	return h("div", {class: "scroll"}, h("table", {id}, h("thead", null, h("tr", null, heads.map(text => h("th", {scope: "col"}, text)))), h("tbody", null, rows)));
}

function row(entry, tag, writable) {
	const where = path("quarantine", entry.test);
	return h("tr", null, h("td", {class: "short"}, h("span", {class: entry.expired ? "status fail" : ""}, visible(entry.expires), entry.expired && " (over)")),
		h("td", null, testLink(entry.test)), h("td", null, visible(entry.owner)), h("td", null, visible(entry.reason)),
		writable && h("td", {class: "short"},
			h("button", {type: "button", onclick: () => askQuarantine(entry.test, entry, tag, () => location.reload())}, "Change"), " ",
			h("button", {type: "button", onclick: () => confirmed("Take it out of quarantine?", [visible(entry.test), " counts again then."], "Take it out", "DELETE", where, tag, () => location.reload())}, "Take out")));
}

page(async main => {
	const can = await may();
	main.append(h("h1", null, "Quarantine"), h("p", {class: "lead"}, "Tests whose failures do not decide, until the end of a day. They are in the file .testr.quarantine of the project, which belongs into version control."));
	if (!can.quarantine) {
		main.append(note("The server was not started in a project\u2019s directory, so there is no such file."));
		return;
	}
	const [{tests, changes}, tag] = await getTagged(path("quarantine")), over = tests.filter(entry => entry.expired).length;
	main.querySelector("h1").textContent = tests.length ? `${plural(tests.length, "test")} in quarantine` + (over ? `, ${over} of them over` : "") : "No test is in quarantine";
	main.append(...[await actions()].filter(Boolean),
		tests.length ? table("quarantine", ["Until", "Test", "Owner", "Reason", ...(can.write ? ["Change it"] : [])], tests.map(entry => row(entry, tag, can.write))) : note("A test is put in quarantine on its own page."),
		command("testr quarantine list"));
	if (changes.length)
		main.append(h("section", null, h("h2", null, "Changes by this server"), table("changes", ["When", "Who", "What", "Test"], changes.map(one =>
			h("tr", null, h("td", {class: "when"}, moment(one.time)), h("td", null, visible(one.who)), h("td", null, visible(one.change)), h("td", null, testLink(one.test)))))));
});
