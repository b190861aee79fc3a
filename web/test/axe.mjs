// axe-core run inside the page, which allows no script from outside: evaluated by the browser's debugger instead.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

export async function axeResults(page) {
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map((v) => `${v.impact}: ${v.id}: ${v.help} ${v.nodes.map((n) => n.target).join(" ")}`);
}
