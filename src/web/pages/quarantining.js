/* SPDX-License-Identifier: Apache-2.0
 *
 * The form for a test in quarantine, and what a test's page says of that. */
import { actions, dialog, field, may } from "./actions.js";
import { change, getTagged, path } from "./api.js";
import { h, visible } from "./dom.js";

/** Asks for what an entry needs. The change is refused if the file is not as it was under that tag. */
export function askQuarantine(test, entry, tag, done) {
	dialog("Put in quarantine", [h("p", {class: "note"}, visible(test).slice(0, 200)), field("reason", "Reason", {value: entry?.reason}), field("owner", "Who sees to it", {value: entry?.owner}),
		field("expires", "Until the end of (UTC)", {type: "date", required: false, value: entry?.expires})], "Put in quarantine", async form => {
		const body = Object.fromEntries(["reason", "owner", "expires"].map(name => [name, form[name].value]).filter(([, value]) => value !== ""));
		await change("PUT", path("quarantine", test), body, tag);
		done();
	});
}

/** Whether a test is in quarantine, and what can be done about it. */
export async function quarantined(test) {
	if (!(await may()).quarantine)
		return null;
	const [{tests}, tag] = await getTagged(path("quarantine")), entry = tests.find(one => one.test === test);
	return h("section", {id: "quarantine"}, entry && h("p", null, `In quarantine until the end of ${entry.expires}${entry.expired ? ", which is over" : ""}: ${visible(entry.reason)} (${visible(entry.owner)}).`),
		await actions([entry ? "Change its quarantine" : "Put in quarantine", () => askQuarantine(test, entry, tag, () => location.reload())]));
}
