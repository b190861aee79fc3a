// A narabi with the shipped sample and a second model, for the tests of the page.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export async function start() {
  const binary = process.env.NARABI ?? `${root}build/release/narabi`;
  const model = `${root}models/prototype-modernbert-6l`;
  const child = spawn(binary, ["serve", "--model", model, "--model", `second=${root}tests/golden/xlmr-xsmall-v1`,
    "--corpus", `${root}data/kyoto/kyoto-sample.jsonl.xz`, "--port", "0", "--json", "--log-format", "off"],
    { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const line = await Promise.race([new Promise((resolve) => createInterface(child.stdout).once("line", resolve)), ended]);
  if (typeof line !== "string") throw new Error(`narabi serve ended with ${line}`);
  return {
    url: JSON.parse(line).url,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
