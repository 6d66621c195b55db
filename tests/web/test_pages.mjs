/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages in a real browser, over a real server and a real repository. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { axeSays, directory, filled, main, open, PATIENCE, PYTHON, run, Server, TESTR } from "./browser.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const place = directory();
const { names, attacks } = JSON.parse(run(PYTHON, [join(HERE, "pages_repository.py"), place, "24"], {env: {...process.env, TESTR_BIN: TESTR}}));
const server = await new Server(place).start();
const FLAKY = "tests.test_net.TestNet.test_reconnects";
const PAGES = ["/", "/run/latest", "/run/1", "/run/15", "/test/" + FLAKY, "/test/" + encodeURIComponent(names[0]), "/tests", "/slowest", "/timeline", "/flaky"];

const texts = (page, selector) => page.locator(selector).allTextContents();

/** What the page must not have become, whatever a test wrote. */
async function isOurs(page) {
	assert.match(await page.title(), / · testr$/);
	assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("main :is(script, img, iframe, style, object, embed, link, meta, base)")].map(e => e.outerHTML)), []);
	assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("a[href]")].map(a => a.getAttribute("href")).filter(href => new URL(href, location.href).origin !== location.origin)), []);
}

/** A project whose tests each wait for a word. */
function gated(tests) {
	const at = directory();
	run(TESTR, ["init"], {cwd: at});
	run("mkfifo", [join(at, "gate")]);
	writeFileSync(join(at, ".testr.conf"), `[DEFAULT]\ntest_command=${PYTHON} ${join(HERE, "gated_suite.py")} ${join(at, "gate")} ${tests.join(",")} $LISTOPT\ntest_list_option=--list\n`);
	const gate = openSync(join(at, "gate"), "r+");
	return {at, say: (...words) => writeSync(gate, words.map(word => word + "\n").join(""))};
}

await main({
	async "pages are right, accessible, alone and read-only, in light and dark"(browser) {
		for (const colorScheme of ["light", "dark"]) {
			const page = await browser.page(server, {colorScheme});
			page.on("request", request => request.method() === "GET" || browser.wrong.push(`${request.method()} ${request.url()}`));
			for (const path of PAGES) {
				await open(page, path);
				assert.equal(await page.locator("h1").count(), 1, path);
				assert.equal(await page.locator(".problem").count(), 0, path);
				await isOurs(page);
				assert.deepEqual(await axeSays(page, colorScheme === "dark"), [], `${path} ${colorScheme}`);
			}
		}
	},

	async "pages fit a phone"(browser) {
		const page = await browser.page(server, {viewport: {width: 360, height: 640}, isMobile: true, hasTouch: true});
		for (const path of PAGES) {
			await open(page, path);
			assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than the screen`);
		}
	},

	async "runs are those of the command line"(browser) {
		const page = await browser.page(server);
		await open(page, "/");
		const {runs} = JSON.parse(run(TESTR, ["runs", "--json", "--limit=0"], {cwd: place}));
		assert.deepEqual(await texts(page, "#runs tbody tr td:first-child"), runs.map(one => String(one.run)));
		assert.deepEqual(await texts(page, "#runs tbody tr td:nth-child(2)"), runs.map(one => one.outcome));
		await page.getByRole("button", {name: "Copy"}).click();
		assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "testr runs");
	},

	async "a filter is in the address and outlives a reload"(browser) {
		const page = await browser.page(server);
		await open(page, "/run/1");
		await page.selectOption("select[name=status]", "failures");
		await page.fill("main input[name=q]", "attack");
		await page.selectOption("select[name=sort]", "test");
		await page.waitForFunction(() => location.search.includes("q=attack"));
		const rows = async () => {
			await page.evaluate(() => document.querySelector("#results").scrollIntoView());
			await page.waitForFunction(n => document.querySelectorAll("#results tbody tr .id").length === n, attacks.length + 1);
			return texts(page, "#results tbody .id");
		};
		const before = await rows();
		assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), {status: "failures", q: "attack", sort: "test"});
		await page.reload();
		await filled(page);
		assert.deepEqual(await rows(), before);
		assert.equal(await page.inputValue("main input[name=q]"), "attack");
		await open(page, "/?branch=pool");
		assert.equal(await page.locator("#runs tbody tr").count(), 5);
	},

	async "a run is told in a sentence, by cause and by what changed"(browser) {
		const page = await browser.page(server);
		await open(page, "/run/22");
		const diff = spawnSync(TESTR, ["diff", "21", "22"], {cwd: place, encoding: "utf8"}).stdout.split("\n").findLast(line => line.startsWith("From"));
		assert.equal((await page.locator("h1").textContent()).replace(/\u00a0/g, " ").replace(", 1 failure of a test that passed in the end", ""), diff.split(": ")[1].split(", ").filter(part => /failure|failing|fixed/.test(part))
			.sort((a, b) => ["new", "still", "fixed"].findIndex(w => a.includes(w)) - ["new", "still", "fixed"].findIndex(w => b.includes(w))).join(", "));
		const {causes} = JSON.parse(run(TESTR, ["causes", "-r", "22", "--json"], {cwd: place}));
		assert.deepEqual(await texts(page, ".cause h3"), causes.map(cause => cause.message));
		await page.locator(".cause pre").first().waitFor();
		assert.match(await page.locator(".cause pre").first().textContent(), /ConnectionRefusedError/);
		assert.equal(await page.locator(".cause pre .c1.bold").first().textContent(), "raise");
	},

	async "tests with odd ids have their pages"(browser) {
		const page = await browser.page(server);
		await open(page, "/run/1?sort=test&q=tests%5B");
		for (const name of names) {
			await open(page, "/test/" + encodeURIComponent(name));
			const shown = await page.locator("h1").textContent();
			assert.equal(shown, name.replace(/[\u202e\u202c]/g, c => `\u27e8U+${c.charCodeAt(0).toString(16).toUpperCase()}\u27e9`));
			await isOurs(page);
		}
		/* From a list to the page, as people go. */
		await open(page, "/tests?q=" + encodeURIComponent(names[0]));
		await page.locator("main .go").click();
		await filled(page);
		assert.equal(await page.locator("h1").textContent(), names[0]);
	},

	async "what a test wrote stays text"(browser) {
		const page = await browser.page(server);
		for (const [i, attack] of attacks.entries()) {
			await open(page, `/test/attack.test_${String(i).padStart(2, "0")}`);
			await isOurs(page);
			const text = await page.locator("pre.output").textContent();
			assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
			if (!attack.includes("\x1b") && !attack.includes("\u202e"))
				assert.equal(text, attack);
		}
		assert.deepEqual(await page.evaluate(() => document.title.includes("owned")), false);
		await open(page, "/test/attack.test_10");
		assert.equal(await page.locator("pre.output").textContent(), "red green junk xy");
		assert.equal(await page.locator("pre.output .c1").first().textContent(), "red");
		await open(page, "/test/attack.binary");
		await isOurs(page);
		await open(page, "/run/1");
		await isOurs(page);
	},

	async "bars of the timeline are the results, and lead to tests"(browser) {
		const page = await browser.page(server);
		await open(page, "/timeline/23");
		const {results} = JSON.parse(run(TESTR, ["last", "--json"], {cwd: place}));
		assert.equal(await page.locator(".bar-link").count(), results.length);
		const labels = await page.locator(".bar-link").evaluateAll(bars => bars.map(bar => bar.getAttribute("aria-label").split(": ")[0]));
		assert.deepEqual(labels.sort(), results.map(result => result.test).sort());
		const failed = page.locator(".bar-link:has(.f-fail)").first();
		const name = (await failed.getAttribute("aria-label")).split(": ")[0];
		await failed.click();
		await filled(page);
		assert.equal(await page.locator("h1").textContent(), name);
		/* Without a mouse. */
		await open(page, "/timeline/23");
		await page.locator(".bar-link[tabindex='0']").focus();
		const worker = () => page.evaluate(() => document.activeElement.dataset.worker);
		const first = await worker();
		await page.keyboard.press(first === "0" ? "ArrowDown" : "ArrowUp");
		assert.notEqual(await worker(), first);
		const here = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
		await page.keyboard.press("ArrowRight");
		assert.notEqual(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), here);
		const target = await page.evaluate(() => document.activeElement.getAttribute("href"));
		await page.keyboard.press("Enter");
		await page.waitForURL(url => url.pathname + url.search === target);
		/* Closer, and back. */
		await open(page, "/timeline/23?from=1&to=2");
		assert.ok(await page.locator(".bar-link").count() < results.length);
		await page.getByRole("button", {name: "The whole run"}).click();
		await page.waitForFunction(n => document.querySelectorAll(".bar-link").length === n, results.length);
	},

	async "flaky tests are those of the command line, in its order"(browser) {
		const page = await browser.page(server);
		await open(page, "/flaky");
		const {flaky} = JSON.parse(run(TESTR, ["flaky", "--limit=0", "--json"], {cwd: place}));
		const named = wanted => flaky.filter(test => wanted(test.class)).map(test => test.test);
		assert.ok(named(name => name === "flaky").length > 1);
		assert.deepEqual(await texts(page, "#flaky .id"), named(name => name !== "broken" && name !== "too little data"));
		assert.deepEqual(await texts(page, "#broken .id"), named(name => name === "broken"));
		assert.deepEqual(await texts(page, "#unsure .id"), named(name => name === "too little data"));
		await page.selectOption("select[name=class]", "contention");
		await page.getByText("None is of that class").waitFor();
	},

	async "all can be done with keys"(browser) {
		const page = await browser.page(server);
		await open(page, "/");
		await page.keyboard.press("j");
		await page.keyboard.press("j");
		await page.keyboard.press("k");
		assert.equal(await page.evaluate(() => document.activeElement.textContent), "23");
		await page.keyboard.press("?");
		assert.ok(await page.locator("dialog").isVisible());
		await page.keyboard.press("Escape");
		await page.keyboard.press("j");
		await page.keyboard.press("Enter");
		await page.waitForURL(/\/run\/22$/);
		await filled(page);
		await page.keyboard.press("/");
		await page.keyboard.type("attack?j");
		assert.equal(await page.inputValue("main input[type=search]"), "attack?j");
		await page.keyboard.press("Escape");
		await page.keyboard.press("g");
		await page.waitForURL(url => url.pathname === "/");
	},

	async "what is not there is said"(browser) {
		const page = await browser.page(server);
		await open(page, "/run/4711");
		assert.match(await page.locator("[role=alert]").textContent(), /Not found/);
		await open(page, "/test/none");
		assert.match(await page.locator("[role=alert]").textContent(), /Not found/);
		browser.wrong = browser.wrong.filter(text => !text.includes("status of 404"));
	},

	async "a server that others can reach asks for a token"(browser) {
		const tokens = join(directory(), "tokens");
		writeFileSync(tokens, createHash("sha256").update("secret").digest("hex") + " read me\n", {mode: 0o600});
		const guarded = new Server(place, "--token-file", tokens, "--host", "127.0.0.1");
		guarded.bind = "0.0.0.0:0";
		await guarded.start();
		guarded.url = guarded.url.replace("0.0.0.0", "127.0.0.1");
		const page = await browser.page(guarded);
		await open(page, "/run/22");
		assert.deepEqual(await axeSays(page), []);
		await page.fill("input[name=token]", "secret");
		await page.keyboard.press("Enter");
		await page.locator(".cause pre").first().waitFor();
		const saved = page.waitForEvent("download");
		await page.getByRole("link", {name: "The stream"}).click();
		assert.equal((await saved).suggestedFilename(), "run-22.subunit");
		await guarded.stop();
		browser.wrong = browser.wrong.filter(text => !text.includes("status of 401") && !text.startsWith("request to blob:"));
	},

	async "a run is followed while it goes on, also across a restart of the server"(browser) {
		const {at, say} = gated(["test_a", "test_b", "test_c", "test_d", "test_e", "test_f"]);
		say("success", "success", "success", "success", "success", "success");
		run(TESTR, ["run"], {cwd: at});
		const own = await new Server(at).start();
		const page = await browser.page(own);
		await open(page, "/");
		assert.equal(await page.locator("h1").textContent(), "The latest run passed");
		const going = spawn(TESTR, ["run"], {cwd: at, stdio: "ignore"});
		const over = new Promise(resolve => going.once("exit", resolve));
		await page.locator("#runs .status.running").waitFor();
		await page.locator("#runs tbody tr:first-child .go").click();
		await filled(page);
		const shows = text => page.waitForFunction(text => document.querySelector("h1")?.textContent.replace(/\u00a0/g, " ").includes(text), text, {timeout: PATIENCE});
		await shows("0 results");
		await page.locator("#running .go", {hasText: "test_a"}).waitFor();
		say("success", "fail");
		await shows("2 results, 1 failure");
		await page.locator("#failures .go", {hasText: "test_b"}).waitFor();
		await own.stop();
		await page.getByText("trying again").waitFor();
		say("success", "success");
		await own.start();
		await shows("4 results, 1 failure");
		await page.locator("#running .go", {hasText: "test_e"}).waitFor();
		say("success", "success");
		await shows("1 new failure");
		assert.equal(await over, 1);
		await page.locator("#results tbody tr").nth(5).waitFor();
		await own.stop();
		browser.wrong = browser.wrong.filter(text => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET/.test(text));
	},

	...(process.env.TESTR_LONG !== undefined && {async "a million results are scrolled through"(browser) {
		const at = directory();
		run(TESTR, ["init"], {cwd: at});
		run("sh", ["-c", `"$1" "$2" 1000000 | "$3" load`, "sh", PYTHON, join(HERE, "many_results.py"), TESTR], {cwd: at});
		const big = await new Server(at).start();
		const page = await browser.page(big);
		await open(page, "/run/latest");
		for (let i = 0; i < 60; i++) {
			await page.waitForFunction(n => {
				scrollTo(0, document.documentElement.scrollHeight);
				return Number([...document.querySelectorAll("#results tr[aria-rowindex]")].at(-1)?.getAttribute("aria-rowindex")) > n;
			}, i * 150);
			assert.ok(await page.evaluate(() => document.querySelectorAll("*").length) < 2000);
		}
		await open(page, "/timeline");
		assert.ok(await page.locator(".bar-link").count() <= 1500);
		await big.stop();
	}}),
}, () => server.stop());
