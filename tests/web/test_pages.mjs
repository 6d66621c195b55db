/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages in a real browser, over a real server and a real repository. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { axeSays, directory, filled, main, open, PATIENCE, PYTHON, run, Server, start, TESTR } from "./browser.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const place = directory();
const { names, attacks } = JSON.parse(run(PYTHON, [join(HERE, "pages_repository.py"), place, "24"], {env: {...process.env, TESTR_BIN: TESTR}}));
const server = await new Server(place).start();
const FLAKY = "tests.test_net.TestNet.test_reconnects";
const PAGES = ["/", "/run/latest", "/run/1", "/run/15", "/test/" + FLAKY, "/test/" + encodeURIComponent(names[0]), "/tests", "/slowest", "/timeline", "/flaky", "/profiles", "/bisect", "/quarantine"];

/* Another one, of a project with profiles. */
const matrixPlace = directory();
const matrix = JSON.parse(run(PYTHON, [join(HERE, "matrix_repository.py"), matrixPlace], {env: {...process.env, TESTR_BIN: TESTR}}));
const matrixServer = await new Server(matrixPlace).start();
const PARTLY = "tests.test_db.TestDb.test_rolls_back";
const MATRIX_PAGES = ["/profiles", "/test/" + PARTLY, "/run/18", "/flaky?profile=mysql%2Bpy39"];

const texts = (page, selector) => page.locator(selector).allTextContents();

/** What the page must not have become, whatever a test wrote. */
async function isOurs(page) {
	assert.match(await page.title(), / · testr$/);
	assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("main :is(script, img, iframe, style, object, embed, link, meta, base)")].map(e => e.outerHTML)), []);
	assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("a[href]")].map(a => a.getAttribute("href")).filter(href => new URL(href, location.href).origin !== location.origin)), []);
}

/** Of pages of a server: that they are as all have to be. */
async function areRight(browser, server, paths, colorScheme) {
	const page = await browser.page(server, {colorScheme});
	page.on("request", request => request.method() === "GET" || browser.wrong.push(`${request.method()} ${request.url()}`));
	for (const path of paths) {
		await open(page, path);
		assert.equal(await page.locator("h1").count(), 1, path);
		assert.equal(await page.locator(".problem").count(), 0, path);
		await isOurs(page);
		assert.deepEqual(await axeSays(page, colorScheme === "dark"), [], `${path} ${colorScheme}`);
	}
}

async function fitPhone(browser, server, paths) {
	const page = await browser.page(server, {viewport: {width: 360, height: 640}, isMobile: true, hasTouch: true});
	for (const path of paths) {
		await open(page, path);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than the screen`);
	}
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

/** A server of a project for which "reads" and "writes" are tokens. */
function guarded(at) {
	const tokens = join(directory(), "tokens"), line = token => `${createHash("sha256").update(token).digest("hex")} ${token.slice(0, -1)} ana ${token}\n`;
	writeFileSync(tokens, line("reads") + line("writes"), {mode: 0o600});
	return new Server(at, "--token-file", tokens).start();
}

/** By the keyboard. */
async function enterToken(page, token) {
	await page.getByRole("button", {name: "Enter a token"}).focus();
	await page.keyboard.press("Enter");
	await page.keyboard.type(token);
	await page.keyboard.press("Enter");
}

/** The numbers of processes with that word on their command lines. */
function processesWith(word) {
	return readdirSync("/proc").filter(name => /^\d+$/.test(name)).filter(pid => {
		try {
			return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word);
		} catch {
			return false;
		}
	});
}

await main({
	async "pages are right, accessible, alone and read-only, in light and dark"(browser) {
		for (const colorScheme of ["light", "dark"]) {
			await areRight(browser, server, PAGES, colorScheme);
			await areRight(browser, matrixServer, MATRIX_PAGES, colorScheme);
		}
	},

	async "pages fit a phone"(browser) {
		await fitPhone(browser, server, PAGES);
		await fitPhone(browser, matrixServer, MATRIX_PAGES);
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

	async "profiles and what fails where are those of the command line"(browser) {
		const page = await browser.page(matrixServer);
		await open(page, "/profiles");
		const {profiles} = JSON.parse(run(TESTR, ["profiles", "--json"], {cwd: matrixPlace}));
		assert.equal(profiles.length, matrix.profiles.length);
		assert.deepEqual(await texts(page, "#profiles td:first-child"), profiles.map(one => one.name));
		assert.deepEqual(await texts(page, "#profiles td:nth-child(2)"), profiles.map(one => String(one.failing)));
		const said = run(TESTR, ["failing"], {cwd: matrixPlace}).split("\n").filter(line => /: fails o/.test(line));
		/* The command line names profiles in the order in which tests began to fail there. */
		const sorted = words => words.replace(/ on (?!all)(.*)/, (_, names) => " on " + names.split(", ").sort().join(", "));
		const rows = () => page.locator("#matrix tbody tr").evaluateAll(rows => rows.map(row => [new URL(row.querySelector(".go").href).pathname, row.querySelector(".words").textContent, [...row.querySelectorAll("td")].map(cell => cell.className).join(" ")]));
		const all = await rows(), failing = all.filter(([, words]) => words.startsWith("fails"));
		assert.deepEqual(failing.map(([path, words]) => `${decodeURIComponent(path.slice("/test/".length))}: ${words}`).sort(), said.map(sorted).sort());
		assert.equal(all.length, failing.length + 3);
		const signs = profiles.map(one => one.name.includes("mysql") ? "cell fail" : "cell pass").join(" ");
		assert.deepEqual(all.find(([path]) => path === "/test/" + PARTLY)[2], signs);
		/* Filters live in the address. */
		await page.selectOption("select[name=show]", "skipped");
		await page.waitForFunction(() => document.querySelectorAll("#matrix tbody tr").length === 3);
		await page.reload();
		await filled(page);
		assert.deepEqual(await rows(), all.slice(-3));
		await open(page, "/profiles?q=rolls_back");
		assert.equal((await rows()).length, 1);
		await page.locator("#matrix td.fail a").first().click();
		await filled(page);
		assert.equal(await page.locator("h1").textContent(), PARTLY);
	},

	async "a test is shown in its profiles side by side"(browser) {
		const page = await browser.page(matrixServer);
		await open(page, "/test/" + PARTLY);
		assert.match(await page.locator(".lead").textContent(), /^Fails only on mysql\+py311, mysql\+py313, mysql\+py39\. /);
		assert.deepEqual(await texts(page, "#profiles td:nth-child(2)"), ["failed", "failed", "failed", "passed", "passed", "passed"]);
		await page.locator("#profiles").getByRole("link", {name: "mysql+py39"}).click();
		await page.waitForURL(/profile=mysql%2Bpy39$/);
		await filled(page);
		const {stretches} = JSON.parse(run(TESTR, ["history", PARTLY, "--profile=py39+mysql", "--json"], {cwd: matrixPlace}));
		assert.equal(await page.locator("#stretches tbody tr").count(), stretches.length);
		assert.match(await page.locator(".lead").textContent(), /^Fails since run 12, for 2.runs/);
		await open(page, "/run/18?profile=py39%2Bsqlite");
		await page.getByText("No result is like that").waitFor();
		await page.selectOption("select[name=profile]", "mysql+py39");
		await page.locator("#results tbody tr").first().waitFor();
	},

	async "a search is followed until it has found what the command line says"(browser) {
		const at = directory();
		run(TESTR, ["init"], {cwd: at});
		run("mkfifo", [join(at, "gate")]);
		/* Each start of the command takes a word; until there is one, the search stands still. */
		const program = join(HERE, "..", "cli", "chance.py");
		writeFileSync(join(at, ".testr.conf"), `[DEFAULT]\ntest_command=read word < gate; ${PYTHON} -S ${program} $LISTOPT $IDOPTION\ntest_id_option=--load-list $IDFILE\ntest_list_option=--list\n`);
		writeFileSync(join(at, "RULE"), JSON.stringify({tests: 14, victim: 11, after: [5], rate: 1}));
		const gate = openSync(join(at, "gate"), "r+"), words = n => writeSync(gate, "go\n".repeat(n));
		words(1);
		run(TESTR, ["run"], {cwd: at});
		/* For the list, and two probes, which are too few for a verdict. */
		words(3);
		const own = await new Server(at).start();
		let said = "";
		const going = start(TESTR, ["bisect"], {cwd: at, stdio: ["ignore", "pipe", "ignore"]});
		going.stdout.on("data", data => { said += data; });
		const over = new Promise(resolve => going.once("close", resolve));
		const page = await browser.page(own);
		/* A promise is true for waitForFunction, whatever it will be. */
		const searches = async () => (await (await fetch(own.url + "/api/v1/searches")).json()).searches;
		while ((await searches())[0]?.probes !== 2);
		await open(page, "/bisect");
		await page.getByText("no verdict yet").waitFor();
		await page.locator("main .go").click();
		await filled(page);
		assert.match(await page.locator("h1").textContent(), /no verdict with a confidence of 95% yet/);
		assert.equal(await page.locator("#probes tbody tr").count(), 2);
		words(500);
		assert.equal(await over, 0);
		const lines = said.split("\n");
		assert.match(lines[0], /fails after pkg\.test_005/);
		await page.waitForFunction(text => document.querySelector("h1").textContent === text, lines[0]);
		assert.equal(await page.locator(".lead").first().textContent(), lines[1]);
		assert.deepEqual(await texts(page, "#commands code"), lines.filter(line => line.startsWith("  ")).map(line => line.trim()));
		assert.equal(await page.locator("#suspects .id").first().textContent(), "pkg.test_005");
		const {runs} = JSON.parse(run(TESTR, ["runs", "--json", "--limit=0", "--meta=probe=bisect"], {cwd: at}));
		assert.equal(await page.locator("#strip a").count(), runs.length);
		await isOurs(page);
		assert.deepEqual(await axeSays(page), []);
		await page.emulateMedia({colorScheme: "dark"});
		assert.deepEqual(await axeSays(page, true), []);
		await page.setViewportSize({width: 360, height: 640});
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
		await page.locator("#probes .go").first().click();
		await filled(page);
		assert.match(await page.locator(".over").textContent(), /of a part of the suite/);
		await open(page, "/bisect");
		await page.getByText("fails after pkg.test_005").waitFor();
		await own.stop();
	},

	async "two tabs see what comes, whichever asked before"(browser) {
		const at = directory();
		run(TESTR, ["init"], {cwd: at});
		const stream = run(TESTR, ["last", "--subunit"], {cwd: place, encoding: "latin1"});
		const load = () => run(TESTR, ["load"], {cwd: at, input: Buffer.from(stream, "latin1"), stdio: ["pipe", "ignore", "inherit"]});
		load();
		const own = await new Server(at).start();
		const [one, two] = [await browser.page(own), await browser.page(own)];
		await open(one, "/");
		await open(two, "/");
		const ask = tag => one.evaluate(async tag => {
			const answer = await fetch("/api/v1/runs", {headers: tag ? {"If-None-Match": tag} : {}, cache: "no-store"});
			return [answer.status, answer.headers.get("ETag")];
		}, tag);
		const [, tag] = await ask();
		assert.deepEqual(await ask(tag), [304, tag]);
		load();
		for (const page of [one, two])
			await page.locator('#runs [data-run="1"]').waitFor();
		const [status, now] = await ask(tag);
		assert.equal(status, 200);
		assert.notEqual(now, tag);
		await own.stop();
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
		const going = start(TESTR, ["run", "--order=listed"], {cwd: at, stdio: "ignore"});
		const over = new Promise(resolve => going.once("exit", resolve));
		await page.locator("#runs .status.running").waitFor();
		await page.locator("#runs tbody tr:first-child .go").click();
		await filled(page);
		const shows = text => page.waitForFunction(text => document.querySelector("h1")?.textContent.replace(/\u00a0/g, " ").includes(text), text, {timeout: PATIENCE});
		await shows("0 results");
		await page.locator("#running .go", {hasText: "test_a"}).waitFor();
		assert.match(await page.locator(".live .lead").textContent(), /^0 of 6\./);
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

	async "a run is cancelled, by who may, and leaves no process"(browser) {
		const {at, say} = gated(["test_a", "test_b"]), gate = join(at, "gate");
		say("success", "success");
		run(TESTR, ["run"], {cwd: at});
		const own = await guarded(at);
		const going = start(TESTR, ["run", "--order=listed"], {cwd: at, stdio: "ignore"});
		const over = new Promise(resolve => going.once("exit", resolve));
		const page = await browser.page(own);
		await open(page, "/");
		await page.locator("#runs .status.running").waitFor();
		await page.locator("#runs tbody tr:first-child .go").click();
		await filled(page);
		await page.locator("#running .go", {hasText: "test_a"}).waitFor();
		assert.equal(await page.getByRole("button", {name: "Cancel"}).count(), 0);
		await enterToken(page, "reads");
		await page.getByText("That token may not write here").waitFor();
		assert.deepEqual(await axeSays(page), []);
		await page.getByRole("button", {name: "Not now"}).click();
		await enterToken(page, "writes");
		await page.getByRole("button", {name: "Cancel"}).click();
		assert.deepEqual(await axeSays(page), []);
		assert.notEqual(processesWith(gate).length, 0);
		await page.getByRole("button", {name: "Cancel the run"}).click();
		await page.waitForFunction(() => document.querySelector("h1")?.textContent.startsWith("Interrupted"));
		await over;
		assert.deepEqual(processesWith(gate), []);
		assert.equal(JSON.parse(run(TESTR, ["runs", "--json"], {cwd: at})).runs[0].outcome, "interrupted");
		await own.stop();
	},

	async "tests are put in quarantine, by who may, as long as nobody else has"(browser) {
		const at = directory(), file = join(at, ".testr.quarantine");
		run(TESTR, ["init"], {cwd: at});
		const stream = run(TESTR, ["last", "--subunit"], {cwd: place, encoding: "latin1"});
		run(TESTR, ["load"], {cwd: at, input: Buffer.from(stream, "latin1")});
		writeFileSync(file, "[old]\nreason = <b>r</b>\nowner = o\nexpires = 2020-01-31\n");
		const own = await guarded(at);
		const page = await browser.page(own);
		await open(page, "/quarantine");
		assert.equal(await page.getByRole("button", {name: "Take out"}).count(), 0);
		assert.deepEqual(await texts(page, "#quarantine td"), ["2020-01-31 (over)", "old", "o", "<b>r</b>"]);
		await open(page, "/test/" + FLAKY);
		assert.equal(await page.getByRole("button", {name: "Put in quarantine"}).count(), 0);
		await enterToken(page, "writes");
		const put = page.locator("main").getByRole("button", {name: "Put in quarantine"});
		await put.click();
		await page.fill("dialog input[name=reason]", "resets <i>now</i>");
		await page.fill("dialog input[name=owner]", "ana");
		assert.deepEqual(await axeSays(page), []);
		/* Without a day, by the keyboard. */
		await page.keyboard.press("Enter");
		await page.getByText('"expires" is missing').waitFor();
		assert.ok(!readFileSync(file, "utf8").includes(FLAKY));
		await page.fill("dialog input[name=expires]", "2199-12-31");
		/* Another tab is faster, which needs a token of its own. */
		const other = await page.context().newPage();
		await other.goto("/quarantine");
		await filled(other);
		await enterToken(other, "writes");
		await other.getByRole("button", {name: "Take out"}).click();
		await other.getByRole("button", {name: "Take it out"}).click();
		await other.getByText("No test is in quarantine").waitFor();
		await page.locator("dialog").getByRole("button", {name: "Put in quarantine"}).click();
		await page.getByText("has changed since it was looked at").waitFor();
		assert.ok(!readFileSync(file, "utf8").includes(FLAKY));
		await page.reload();
		await filled(page);
		await put.click();
		await page.fill("dialog input[name=reason]", "resets <i>now</i>");
		await page.fill("dialog input[name=owner]", "ana");
		await page.fill("dialog input[name=expires]", "2199-12-31");
		await page.locator("dialog").getByRole("button", {name: "Put in quarantine"}).click();
		await page.getByText("In quarantine until the end of 2199-12-31: resets <i>now</i> (ana).").waitFor();
		const {tests} = JSON.parse(run(TESTR, ["quarantine", "list", "--json"], {cwd: at}));
		assert.deepEqual(tests.map(entry => [entry.test, entry.reason, entry.owner, entry.expires]), [[FLAKY, "resets <i>now</i>", "ana", "2199-12-31"]]);
		await open(page, "/quarantine");
		assert.deepEqual(await page.locator("#changes tbody tr").evaluateAll(rows => rows.map(row => [...row.cells].slice(1).map(cell => cell.textContent))),
			[["ana writes", "added", FLAKY], ["ana writes", "removed", "old"]]);
		for (const dark of [false, true]) {
			await page.emulateMedia({colorScheme: dark ? "dark" : "light"});
			assert.deepEqual(await axeSays(page, dark), []);
		}
		await isOurs(page);
		await page.setViewportSize({width: 360, height: 640});
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
		await own.stop();
		browser.wrong = browser.wrong.filter(text => !/status of 4(12|22)/.test(text));
	},

	async "without a token nothing can be changed, nor seen of how"(browser) {
		const {at} = gated(["test_a"]);
		run(TESTR, ["load"], {cwd: at, input: Buffer.from(run(TESTR, ["last", "--subunit"], {cwd: place, encoding: "latin1"}), "latin1")});
		const own = await new Server(at).start();
		const page = await browser.page(own);
		for (const path of ["/quarantine", "/test/" + FLAKY, "/run/0"]) {
			await open(page, path);
			assert.equal(await page.getByRole("button", {name: /token|quarantine|Cancel|Take/i}).count(), 0);
		}
		for (const [method, path] of [["PUT", "quarantine/a"], ["DELETE", "quarantine/a"], ["POST", "runs/0/cancel"]])
			assert.equal((await page.request.fetch("/api/v1/" + path, {method})).status(), 401);
		await own.stop();
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
}, () => Promise.all([server.stop(), matrixServer.stop()]));
