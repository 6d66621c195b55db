/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test wrote, shown as text. Of the escape sequences of terminals those that set colours and weights count,
 * as classes from a fixed list; all others are left out, and control characters become pictures. */
import { h, visible } from "./dom.js";

/* CSI, OSC and the like up to its end, other two-byte sequences, ESC alone. */
const ESCAPE = /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])?/g;
const SPANS_MAX = 5000;

class Pen {
	constructor() {
		this.reset();
	}

	reset() {
		this.color = null;
		this.bold = this.dim = this.italic = this.underlined = false;
	}

	/** One SGR sequence. */
	take(parameters) {
		const codes = (parameters || "0").split(/[;:]/).map(Number);
		for (let i = 0; i < codes.length; i++) {
			const code = codes[i];
			if (code === 0)
				this.reset();
			else if (code === 1)
				this.bold = true;
			else if (code === 2)
				this.dim = true;
			else if (code === 3)
				this.italic = true;
			else if (code === 4)
				this.underlined = true;
			else if (code === 22)
				this.bold = this.dim = false;
			else if (code === 23)
				this.italic = false;
			else if (code === 24)
				this.underlined = false;
			else if (code >= 30 && code <= 37)
				this.color = code - 30;
			else if (code >= 90 && code <= 97)
				this.color = code - 90;
			else if (code === 39)
				this.color = null;
			else if (code === 38 || code === 48)
				i += this.wide(codes, i);
		}
	}

	/* Of the colours of larger palettes the first sixteen are had; returns how many codes they took. */
	wide(codes, i) {
		if (codes[i + 1] !== 5)
			return 4;
		if (codes[i] === 38)
			this.color = codes[i + 2] < 16 ? codes[i + 2] % 8 : null;
		return 2;
	}

	classes() {
		const all = [];
		if (this.color !== null)
			all.push("c" + this.color);
		for (const name of ["bold", "dim", "italic", "underlined"])
			if (this[name])
				all.push(name);
		return all.join(" ");
	}
}

/** Nodes for a text. */
export function ansi(text) {
	const nodes = [];
	const pen = new Pen();
	let from = 0;

	function add(piece) {
		if (!piece)
			return;
		const shown = visible(piece);
		const classes = nodes.length < SPANS_MAX ? pen.classes() : "";
		nodes.push(classes ? h("span", {class: classes}, shown) : shown);
	}

	text = text.replaceAll("\r\n", "\n");
	for (const found of text.matchAll(ESCAPE)) {
		add(text.slice(from, found.index));
		from = found.index + found[0].length;
		if (found[2] === "m" && /^[\d;:]*$/.test(found[1]))
			pen.take(found[1]);
	}
	add(text.slice(from));
	return nodes;
}

/** A block with the first lines of a text, the others on request. */
export function output(text, lines = 20) {
	const all = text.replace(/\n$/, "").split("\n");
	const pre = h("pre", {class: "output", tabindex: 0}, ansi(all.slice(0, lines).join("\n")));
	if (all.length <= lines)
		return pre;
	const button = h("button", {type: "button", class: "more", onclick: () => {
		pre.replaceChildren(...ansi(all.join("\n")));
		button.remove();
		pre.focus();
	}}, `Show all ${all.length} lines`);
	return [pre, button];
}
