/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of any length: pages come from the server as they are scrolled to, and only rows that can be seen are
 * elements. Invariant: all rows are equally high, so row n lies at n times that height. */
import { get } from "./api.js";
import { h } from "./dom.js";
import { count } from "./format.js";

const PAGE = 200;
/* Rows above and below those that can be seen. */
const BEYOND = 12;

/**
 * columns: [[heading, class, make(item)], …]; query() gives the parameters of the moment; key names the list in the
 * answer. `reload` on the returned element's controller starts over.
 */
export function list(where, key, columns, query, {label, empty, total}) {
	const head = h("thead", null, h("tr", null, columns.map(([text, kind]) => h("th", {scope: "col", class: kind}, text))));
	const body = h("tbody");
	const above = h("tbody", {class: "space"}), below = h("tbody", {class: "space"});
	const table = h("table", {class: "list", "aria-label": label}, head, above, body, below);
	const state = h("p", {class: "note", role: "status"});
	const element = h("div", {class: "listing"}, table, state);
	let items = [], next = null, loading = false, generation = 0, height = 0, shown = [0, 0];

	function makeRow(index) {
		const row = h("tr", {"aria-rowindex": index + 2}, columns.map(([, kind, make]) => h("td", {class: kind}, make(items[index], index))));
		row.index = index;
		return row;
	}

	/* Rows that stay are not touched, so that a link keeps its focus. */
	function draw(from, to) {
		for (const row of [...body.rows])
			if (row.index < from || row.index >= to)
				row.remove();
		const first = body.rows[0]?.index ?? to;
		for (let i = from; i < Math.min(first, to); i++)
			body.insertBefore(makeRow(i), body.rows[i - from] ?? null);
		for (let i = (body.rows[body.rows.length - 1]?.index ?? from - 1) + 1; i < to; i++)
			body.append(makeRow(i));
		above.style.height = from * height + "px";
		below.style.height = (items.length - to) * height + "px";
		shown = [from, to];
	}

	function scroll() {
		if (!items.length)
			return;
		height ||= body.rows[0]?.offsetHeight || 34;
		const top = -table.getBoundingClientRect().top - head.offsetHeight;
		const from = Math.max(0, Math.min(Math.floor(top / height) - BEYOND, items.length - 1));
		const to = Math.min(items.length, Math.max(from + BEYOND, Math.ceil((top + innerHeight) / height) + BEYOND));
		if (from !== shown[0] || to !== shown[1])
			draw(from, to);
		if (next && to > items.length - PAGE / 4)
			load();
	}

	function say() {
		table.setAttribute("aria-rowcount", next ? -1 : items.length + 1);
		table.hidden = !items.length;
		const of = next && total?.();
		state.textContent = !items.length ? empty : next ? `${count(items.length)}${of ? " of " + count(of) : ""} loaded; scroll for more.` : `${count(items.length)} in all.`;
	}

	async function load() {
		if (loading)
			return;
		loading = true;
		const mine = generation;
		try {
			const answer = await get(where, {limit: PAGE, ...query(), cursor: next});
			if (mine !== generation)
				return;
			items.push(...answer[key]);
			next = answer.next;
		} finally {
			if (mine === generation)
				loading = false;
		}
		if (!height && items.length)
			draw(0, Math.min(items.length, 2 * BEYOND));
		else
			draw(shown[0], Math.min(items.length, Math.max(shown[1], shown[0] + BEYOND)));
		say();
		scroll();
	}

	addEventListener("scroll", scroll, {passive: true});
	addEventListener("resize", () => { height = 0; scroll(); });

	function reload() {
		generation++;
		items = [];
		next = null;
		loading = false;
		shown = [0, 0];
		body.replaceChildren();
		return load();
	}

	return {element, reload};
}
