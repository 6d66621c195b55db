/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server is asked. */

const BASE = "/api/v1";

export class Problem extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}
}

/* A server that others can reach asks for a token; it is kept as long as the tab is open. */
const TOKEN = "testr-token";

/** Returns the one before, which may be kept again. */
export function keepToken(token) {
	const before = sessionStorage.getItem(TOKEN);
	token === null ? sessionStorage.removeItem(TOKEN) : sessionStorage.setItem(TOKEN, token);
	return before;
}

export function headers() {
	const token = sessionStorage.getItem(TOKEN);
	return token ? {Authorization: "Bearer " + token} : {};
}

/** What a click on a link to a file needs when there is a token, which a link does not send. */
export async function download(event) {
	const link = event.currentTarget;
	if (!headers().Authorization)
		return;
	event.preventDefault();
	const response = await fetch(link.href, {headers: headers()});
	const saved = document.createElement("a");
	saved.href = URL.createObjectURL(await response.blob());
	saved.download = link.getAttribute("download") || decodeURIComponent(link.pathname.split("/").at(-1));
	saved.click();
	setTimeout(() => URL.revokeObjectURL(saved.href), 60000);
}

/** A path below the API, its parts encoded: path("runs", 17, "results"). */
export function path(...parts) {
	return BASE + "/" + parts.map(encodeURIComponent).join("/");
}

async function ask(where, options) {
	let response;
	try {
		response = await fetch(where, options);
	} catch {
		throw new Problem(0, "The server does not answer. It may have been stopped: start it with \u201ctestr serve\u201d.");
	}
	if (response.ok)
		return response;
	const problem = await response.json().catch(() => ({}));
	throw new Problem(response.status, problem.detail ?? response.statusText);
}

/** The answer to GET. Parameters that are empty are left out. */
export async function get(where, params = {}) {
	const query = String(new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "")));
	return (await ask(where + (query ? "?" + query : ""), {headers: headers()})).json();
}

/** The answer to GET as it is now, and its tag, which a change of it names. */
export async function getTagged(where) {
	const response = await ask(where, {headers: headers(), cache: "no-store"});
	return [await response.json(), response.headers.get("ETag")];
}

/** Changes something: POST, PUT with a body that is sent as JSON, or DELETE. With a tag it is only done if what it is of is unchanged. */
export async function change(method, where, body, tag) {
	const extra = {...(body && {"Content-Type": "application/json"}), ...(tag && {"If-Match": tag})};
	return (await ask(where, {method, headers: {...headers(), ...extra}, body: body && JSON.stringify(body)})).json();
}
