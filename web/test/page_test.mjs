// The page in headless Chromium: query, rerank, compare, errors, keyboard, mobile width, axe.
// Needs: npm ci; Debian's chromium. NARABI is the binary; SCREENSHOTS a folder to write pictures to.
import { axeResults } from "./axe.mjs";
import { start } from "./server.mjs";
import assert from "node:assert/strict";
import { test, before, after } from "node:test";
import { chromium } from "playwright-core";

let server, browser;
before(async () => {
  server = await start();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  assert.equal(await server?.stop(), 0, "narabi ends with 0 at SIGTERM");
});

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "ja-JP", ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => assert.ok(request.url().startsWith(server.url) || request.url().startsWith("data:"), `asks the internet: ${request.url()}`));
  await page.goto(server.url);
  await page.waitForSelector("#model option", { state: "attached" });
  return { page, problems, close: () => context.close() };
}

async function picture(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png`, fullPage: true });
}

async function submit(page) {
  await page.click(".go");
  await page.waitForFunction(() => !document.querySelector(".go").disabled);
}

const indices = (page, column) => page.$$eval(`.column:nth-of-type(${column}) li`, (items) => items.map((item) => Number(item.dataset.index)));

test("searches the index and draws where every passage went", async () => {
  const { page, problems, close } = await open();
  await page.fill("#count", "8");
  await submit(page);
  const [first, second] = [await indices(page, 1), await indices(page, 2)];
  assert.deepEqual(first, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...second].sort((a, b) => a - b), first);
  assert.equal(await page.$$eval("#board path", (paths) => paths.length), 8);
  assert.ok((await page.$$("mark")).length > 0, "matching parts are marked");
  const scores = await page.$$eval(".column:nth-of-type(2) .score", (all) => all.map((s) => parseFloat(s.textContent)));
  assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
  assert.ok((await page.$$(".time")).length >= 4, "times per stage");
  await picture(page, "page");
  assert.deepEqual(problems, []);
  await close();
});

test("searches by words, vectors or both, as chosen", async () => {
  const { page, problems, close } = await open();
  await page.fill("#count", "8");
  const texts = {};
  for (const retriever of ["bm25", "dense", "hybrid"]) {
    await page.selectOption("#retriever", retriever);
    await submit(page);
    texts[retriever] = await page.$$eval(".column:nth-of-type(1) p", (all) => all.map((p) => p.textContent));
    assert.equal(texts[retriever].length, 8);
  }
  assert.notDeepEqual(texts.bm25, texts.dense);
  for (const text of texts.hybrid.slice(0, 2)) assert.ok(texts.bm25.includes(text) || texts.dense.includes(text));
  await page.check("#source-own");
  assert.equal(await page.isVisible("#retriever"), false);
  assert.deepEqual(problems, []);
  await close();
});

test("reranks pasted passages: the one that answers comes first", async () => {
  const { page, close } = await open();
  await page.check("#source-own");
  await page.fill("#passages", "猫は動物である。\n京都は古都である。\n銀閣寺を建てたのは足利義政である。");
  await submit(page);
  assert.equal((await indices(page, 2))[0], 2);
  assert.match(await page.textContent(".column:nth-of-type(2) li .move"), /▲2/);
  await close();
});

test("compares two models side by side", async () => {
  const { page, close } = await open();
  await page.fill("#count", "6");
  await page.selectOption("#compare", "second");
  await submit(page);
  assert.equal((await page.$$(".column")).length, 3);
  assert.equal(await page.$$eval("#board path", (paths) => paths.length), 12);
  assert.equal((await page.$$(".time")).length, 7);
  await picture(page, "compare");
  await close();
});

test("says what is wrong: nothing pasted, a refusal, a server that is gone", async () => {
  const { page, close } = await open();
  await page.check("#source-own");
  await page.fill("#passages", "  \n ");
  await submit(page);
  assert.equal(await page.isVisible("#error"), true);
  await page.fill("#passages", "x\n".repeat(1100));
  await submit(page);
  assert.match(await page.textContent("#error"), /413.*documents/);
  await picture(page, "error");
  await page.route("**/rerank", (route) => route.abort());
  await page.fill("#passages", "一つ");
  await submit(page);
  assert.match(await page.textContent("#error"), /サーバー/);
  assert.equal(await page.isVisible("#results"), false);
  await close();
});

test("works by keyboard alone, in English too", async () => {
  const { page, close } = await open();
  await page.focus("#language");
  await page.keyboard.press("Enter");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.equal(await page.textContent(".go"), "Rerank");
  await page.focus("#query");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#board li");
  await page.waitForFunction(() => !document.querySelector(".go").disabled);
  await page.focus(".column:nth-of-type(2) .more");
  assert.equal((await page.$$("path.on")).length, 1, "focus shows where the passage went");
  await page.keyboard.press("Enter");
  assert.equal(await page.getAttribute(".column:nth-of-type(2) .more", "aria-expanded"), "true");
  await close();
});

test("fits a telephone", async () => {
  const { page, close } = await open({ viewport: { width: 375, height: 800 }, isMobile: true });
  await page.fill("#count", "4");
  await submit(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wide, false, "nothing to scroll sideways");
  await picture(page, "mobile");
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing, ${colorScheme}`, async () => {
    const { page, close } = await open({ colorScheme });
    await page.fill("#count", "4");
    await page.selectOption("#compare", "second");
    await submit(page);
    assert.deepEqual(await axeResults(page), []);
    if (colorScheme === "dark") await picture(page, "dark");
    await close();
  });
}
