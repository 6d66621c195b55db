/* SPDX-License-Identifier: Apache-2.0
 *
 * What browser tests need: TAP, a server, and one browser that notes whatever a page must not do. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

export const TESTR = process.env.TESTR_BIN ?? "testr";
export const PYTHON = process.env.PYTHON ?? "/usr/bin/python3";
/* Far more than anything here takes on a busy machine. */
export const PATIENCE = 1000 * Number(process.env.TESTR_PATIENCE ?? 120);
/* Where tools/install-deps puts packages of npm. */
const PACKAGES = process.env.TESTR_NPM ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "testr-npm");

const require = createRequire(join(PACKAGES, "node_modules/"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const left = [];

export class Server {
	constructor(directory, ...args) {
		this.directory = directory;
		this.bind = "127.0.0.1:0";
		this.args = args;
	}

	/** A server that was stopped comes back at the same address. */
	start() {
		this.process = start(TESTR, ["serve", "--bind", this.bind, ...this.args], {cwd: this.directory, stdio: ["ignore", "pipe", "inherit"]});
		return new Promise((resolve, reject) => {
			this.process.once("exit", status => reject(new Error(`testr serve ended with ${status}`)));
			this.process.stdout.once("data", data => {
				this.url = String(data).match(/http:\/\/\S+(?=\/)/)[0];
				this.bind = new URL(this.url).host;
				resolve(this);
			});
		});
	}

	stop() {
		return new Promise(resolve => {
			this.process.once("exit", resolve);
			this.process.kill();
		});
	}
}

export function directory() {
	const path = mkdtempSync(join(tmpdir(), "testr-test-"));
	left.push(() => rmSync(path, {recursive: true}));
	return path;
}

/** A process that is there for as long as the tests at most. */
export function start(program, args, options = {}) {
	const process = spawn(program, args, options);
	left.push(() => process.kill());
	return process;
}

/** Its standard output. */
export function run(program, args, options = {}) {
	const done = spawnSync(program, args, {maxBuffer: 1 << 28, encoding: "utf8", ...options});
	assert.ok(done.status === 0 || done.status === 1, `${program} ${args.join(" ")}: ${done.status}\n${done.stderr}`);
	return done.stdout;
}

export class Browser {
	static async launch() {
		const self = new Browser();
		/* Chromium's own sandbox does not work for root, nor in containers. */
		self.browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"]});
		self.pages = [];
		self.wrong = [];
		return self;
	}

	/** A page of its own; whatever a page must not do ends up in `wrong`. */
	async page(server, options = {}) {
		const context = await this.browser.newContext({baseURL: server.url, permissions: ["clipboard-read", "clipboard-write"], ...options});
		context.setDefaultTimeout(PATIENCE);
		const page = await context.newPage();
		/* Violations of the policy and failed requests are on the console too. */
		page.on("console", message => ["error", "warning"].includes(message.type()) && this.wrong.push(`console: ${message.text()} at ${page.url()}`));
		page.on("pageerror", error => this.wrong.push(`error: ${error.stack} at ${page.url()}`));
		page.on("dialog", dialog => {
			this.wrong.push(`dialog: ${dialog.message()}`);
			dialog.dismiss();
		});
		page.on("request", request => request.url().startsWith(server.url + "/") || this.wrong.push(`request to ${request.url()}`));
		page.on("response", response => response.headers()["content-security-policy"]?.includes("'unsafe") && this.wrong.push(`policy of ${response.url()}`));
		this.pages.push(context);
		return page;
	}

	async done() {
		const wrong = this.wrong;
		this.wrong = [];
		for (const context of this.pages.splice(0))
			await context.close();
		assert.deepEqual(wrong, []);
	}
}

/** Opens a path and waits until the page is filled. */
export async function open(page, path) {
	await page.goto(path);
	await filled(page);
}

export function filled(page) {
	return page.waitForSelector("main:not([aria-busy])");
}

/** Violations of accessibility rules, in words; of all rules, or of those about colours. */
export async function axeSays(page, colours) {
	await page.evaluate(axe);
	const {violations} = await page.evaluate(rules => window.axe.run(document, {runOnly: rules}),
		colours ? ["color-contrast", "link-in-text-block"] : ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
	return violations.map(v => `${v.id}: ${v.nodes.slice(0, 3).map(node => node.html.slice(0, 200) + " " + (node.any[0]?.message ?? "")).join(" | ")}`);
}

/** Runs {name: function}, each with the browser, and prints TAP. Arguments choose by a part of the name. */
export async function main(tests, release) {
	const chosen = Object.entries(tests).filter(([name]) => process.argv.length < 3 || process.argv.slice(2).some(word => name.includes(word)));
	const browser = await Browser.launch();
	let number = 0;
	console.log(`TAP version 13\n1..${chosen.length}`);
	for (const [name, test] of chosen) {
		try {
			await test(browser);
			await browser.done();
			console.log(`ok ${++number} - ${name}`);
		} catch (error) {
			browser.wrong = [];
			await browser.done();
			console.log(`not ok ${++number} - ${name}`);
			/* No colours: the report of all tests is XML, which has no room for control characters. */
			console.log(stripVTControlCharacters(String(error.stack)).replace(/^/gm, "# "));
			process.exitCode = 1;
		}
	}
	await browser.browser.close();
	await release();
	for (const undo of left.reverse())
		undo();
}
