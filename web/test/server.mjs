// A narabi with an index of the shipped sample, words and vectors, and a second model, for the tests of the page.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export async function start() {
  const binary = process.env.NARABI ?? `${root}build/release/narabi`;
  const model = `${root}models/prototype-modernbert-6l`;
  const index = mkdtempSync(`${tmpdir()}/narabi-page-`);
  execFileSync(binary, ["index", index, "--corpus", `${root}data/kyoto/kyoto-sample.jsonl.xz`, "--embedder",
    `${root}tests/golden/embed-static`], { stdio: "ignore" });
  const child = spawn(binary, ["serve", "--model", model, "--model", `second=${root}tests/golden/xlmr-xsmall-v1`,
    "--index", index, "--port", "0", "--json", "--log-format", "off"],
    { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const line = await Promise.race([new Promise((resolve) => createInterface(child.stdout).once("line", resolve)), ended]);
  if (typeof line !== "string") throw new Error(`narabi serve ended with ${line}`);
  return {
    url: JSON.parse(line).url,
    stop: () => {
      child.kill("SIGTERM");
      return ended.finally(() => rmSync(index, { recursive: true }));
    },
  };
}
