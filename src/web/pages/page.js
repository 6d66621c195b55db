/* SPDX-License-Identifier: Apache-2.0
 *
 * What all pages have: the bar at the top, keys, the command line of a view, filters that live in the address. */
import { get, keepToken, path, Problem } from "./api.js";
import { h } from "./dom.js";

const PLACES = [["Runs", "/"], ["Tests", "/tests"], ["Slowest", "/slowest"], ["Timeline", "/timeline"], ["Flaky", "/flaky"], ["Quarantine", "/quarantine"], ["Profiles", "/profiles"], ["Bisect", "/bisect"]];
const KEYS = [["/", "search"], ["j", "next row"], ["k", "previous row"], ["Enter", "open it"], ["g", "to the runs"], ["?", "these keys"], ["Esc", "leave a field"]];

/** The parts of the path behind the page's name, decoded. */
export function pathParts() {
	return location.pathname.split("/").slice(2).map(part => {
		try {
			return decodeURIComponent(part);
		} catch {
			return part;
		}
	});
}

export function param(key) {
	return new URLSearchParams(location.search).get(key) ?? "";
}

/** Changes filters in the address, without a new entry in the history. */
export function setParams(values) {
	const query = new URLSearchParams(location.search);
	for (const [key, value] of Object.entries(values))
		value === "" || value === null ? query.delete(key) : query.set(key, value);
	history.replaceState(null, "", location.pathname + (String(query) && "?" + query));
}

/** Fields whose values are in the address: [name, label, choices or null for text]. `changed` runs after each change. */
export function filters(fields, changed) {
	let timer;
	const form = h("form", {class: "filters", role: "search", "aria-label": "Filters", onsubmit: event => event.preventDefault()}, fields.map(([name, label, choices]) =>
		h("label", null, h("span", null, label), choices
			? h("select", {name, onchange: take}, choices.map(([value, text]) => h("option", {value, selected: value === param(name)}, text)))
			: h("input", {name, type: "search", value: param(name), spellcheck: "false", autocomplete: "off", oninput: event => {
				clearTimeout(timer);
				timer = setTimeout(take, 200, event);
			}}))));

	function take(event) {
		setParams({[event.target.name]: event.target.value});
		changed();
	}
	return form;
}

/** The field for the profile, where the repository has profiles: none or one. */
export async function profileField() {
	const {profiles} = await get(path("profiles"));
	return profiles.some(one => one.profile.length) ? [["profile", "Profile", [["", "all"], ...profiles.map(one => [one.name, one.name])]]] : [];
}

/** A command line that says what the view shows, and copies itself. */
export function command(line) {
	const code = h("code", null, line);
	const button = h("button", {type: "button", onclick: async () => {
		try {
			await navigator.clipboard.writeText(line);
			button.textContent = "Copied";
		} catch {
			getSelection().selectAllChildren(code);
			button.textContent = "Selected";
		}
		setTimeout(() => { button.textContent = "Copy"; }, 1500);
	}}, "Copy");
	return h("div", {class: "command"}, h("span", {class: "prompt", "aria-hidden": "true"}, "$"), code, button);
}

export function note(...text) {
	return h("p", {class: "note"}, text);
}

/* ---- keys ---- */

function step(by) {
	const rows = [...document.querySelectorAll("main .go")].filter(link => link.offsetParent);
	const at = rows.indexOf(document.activeElement);
	const next = rows[at < 0 ? (by > 0 ? rows.findIndex(row => row.getBoundingClientRect().top >= 0) : rows.length - 1) : at + by];
	next?.focus();
	next?.scrollIntoView({block: "nearest"});
}

function press(event, help) {
	const field = event.target.closest?.("input, select, textarea");
	if (event.key === "Escape" && field)
		field.blur();
	if (field || event.ctrlKey || event.metaKey || event.altKey)
		return;
	const act = {
		"/": () => (document.querySelector("main input[type=search]") ?? document.querySelector("header input")).select(),
		j: () => step(1),
		k: () => step(-1),
		g: () => location.assign("/"),
		"?": () => help.open ? help.close() : help.showModal(),
	}[event.key];
	if (act) {
		event.preventDefault();
		act();
	}
}

/* ---- the frame ---- */

function askToken() {
	return h("form", {class: "filters", onsubmit: event => {
		event.preventDefault();
		keepToken(event.target.token.value.trim());
		location.reload();
	}}, h("h1", null, "This server asks for a token"), h("label", null, h("span", null, "Token"), h("input", {name: "token", type: "password", autocomplete: "off", required: true})), h("button", null, "Go on"));
}

/** Sets the page up and fills it: `make` gets <main> and its errors are shown there. */
export async function page(make) {
	const here = "/" + location.pathname.split("/")[1];
	const help = h("dialog", {"aria-label": "Keys"}, h("h2", null, "Keys"), h("dl", {class: "keys"}, KEYS.map(([key, what]) => [h("dt", null, h("kbd", null, key)), h("dd", null, what)])),
		h("form", {method: "dialog"}, h("button", {autofocus: true}, "Close")));
	const main = h("main", {id: "main", "aria-busy": "true"});
	document.body.prepend(
		h("a", {class: "skip-link", href: "#main"}, "To the content"),
		h("header", null, h("div", {class: "bar"},
			h("a", {class: "brand", href: "/"}, "testr"),
			h("nav", {"aria-label": "Pages"}, PLACES.map(([text, href]) => h("a", {href, "aria-current": here === href ? "page" : null}, text))),
			h("form", {action: "/tests", role: "search", "aria-label": "Find a test", onsubmit: event => {
				event.preventDefault();
				location.assign("/tests?q=" + encodeURIComponent(event.target.q.value));
			}}, h("input", {type: "search", name: "q", placeholder: "Find a test", "aria-label": "Find a test", spellcheck: "false"})),
			h("button", {type: "button", class: "keys-button", "aria-label": "Keys", title: "Keys", onclick: () => help.showModal()}, "?"))),
		main, help);
	document.addEventListener("keydown", event => press(event, help));
	/* On a phone the bar is wider than the screen. */
	const nav = document.querySelector("nav"), current = nav.querySelector("[aria-current]");
	if (current)
		nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
	try {
		await make(main);
	} catch (error) {
		if (!(error instanceof Problem))
			throw error;
		main.append(error.status === 401 || error.status === 403 ? askToken() : h("div", {class: "problem", role: "alert"}, h("h1", null, error.status === 404 ? "Not found" : "That did not work"), h("p", null, error.message)));
	} finally {
		main.removeAttribute("aria-busy");
	}
}

export function title(text) {
	document.title = text + " \u00b7 testr";
}
