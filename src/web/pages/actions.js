/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be done from a page, by who has a token that may write. For others there is nothing to be seen of it but, where
 * the server knows tokens, a button to enter one. */
import { change, get, keepToken } from "./api.js";
import { h } from "./dom.js";

/** A dialog over the page, in which something is entered or confirmed. `act` gets the form; what it throws is shown there. */
export function dialog(heading, fields, word, act) {
	const wrong = h("p", {class: "wrong", role: "alert"}), go = h("button", {type: "submit", class: "main"}, word);
	const box = h("dialog", {"aria-label": heading}, h("h2", null, heading), h("form", {onsubmit: async event => {
		event.preventDefault();
		go.disabled = true;
		wrong.replaceChildren();
		try {
			await act(event.target);
			box.close();
		} catch (error) {
			wrong.append(error.message);
		}
		go.disabled = false;
	}}, fields, wrong, h("p", {class: "buttons"}, go, " ", h("button", {type: "button", onclick: () => box.close()}, "Not now"))));
	box.addEventListener("close", () => box.remove());
	document.body.append(box);
	box.showModal();
}

export function field(name, label, props = {}) {
	return h("label", null, h("span", null, label), h("input", {name, required: true, autocomplete: "off", ...props}));
}

function askToken() {
	dialog("Enter a token", [field("token", "Token that may write", {type: "password"}), h("p", {class: "note"}, "It is kept until this tab is closed.")], "Go on", async form => {
		const before = keepToken(form.token.value.trim());
		let enough = false;
		try {
			enough = (await may()).write;
		} finally {
			if (!enough)
				keepToken(before);
		}
		if (!enough)
			throw new Error("That token may not write here.");
		location.reload();
	});
}

/** What the client may do: {write, token, quarantine}. */
export async function may() {
	return (await get("/api/v1")).may;
}

/** The buttons of [word, function] pairs, for who may use them. */
export async function actions(...pairs) {
	const can = await may();
	if (can.write)
		return pairs.length ? h("p", {class: "buttons"}, pairs.map(([word, act]) => [h("button", {type: "button", onclick: act}, word), " "])) : null;
	return can.token ? h("p", {class: "buttons"}, h("button", {type: "button", onclick: askToken}, "Enter a token to make changes")) : null;
}

/** Asks before it does what cannot be undone. */
export function confirmed(heading, text, word, method, where, tag = null, done = () => {}) {
	dialog(heading, h("p", null, text), word, async () => {
		await change(method, where, null, tag);
		done();
	});
}
