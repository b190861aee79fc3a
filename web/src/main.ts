import { type Candidate, describe, Refused, rerank, type Retriever, search, type Scored, type Times } from "./api";
import { type Column, connect, draw, follow } from "./board";
import { current, ranked, say, speak, type Word } from "./text";

const get = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const form = get<HTMLFormElement>("form");
const query = get<HTMLInputElement>("query");
const passages = get<HTMLTextAreaElement>("passages");
const fromIndex = get<HTMLInputElement>("source-index");
const retriever = get<HTMLSelectElement>("retriever");
const model = get<HTMLSelectElement>("model");
const compare = get<HTMLSelectElement>("compare");
const key = get<HTMLInputElement>("key");
const board = get("board");

const SAMPLE = ["金閣寺は足利義満が建てた北山の山荘に始まる。", "京都は千年以上にわたって日本の都であった。", "銀閣寺は室町幕府八代将軍の足利義政が建てた。", "清水寺の本堂は、崖の上にせり出した舞台で知られる。", "東京は日本の首都である。"];

function complain(message: string | null): void {
  const box = get("error");
  box.hidden = message === null;
  box.textContent = message ?? "";
}

function showSource(): void {
  get("passages-row").hidden = fromIndex.checked;
  get("count-row").hidden = !fromIndex.checked;
  get("retriever-row").hidden = !fromIndex.checked || retriever.options.length < 2;
}

function bar(label: string, ms: number, longest: number): HTMLElement {
  const row = document.createElement("div");
  row.className = "time";
  const name = document.createElement("span"), line = document.createElement("i"), value = document.createElement("span");
  name.textContent = label;
  line.style.width = `${(100 * ms) / Math.max(longest, 0.001)}%`;
  value.textContent = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  row.append(name, line, value);
  return row;
}

function showTimes(retrieval: number | null, runs: { name: string; times: Times }[]): void {
  const rows: [string, number][] = retrieval === null ? [] : [[say("retrieve"), retrieval]];
  for (const { name, times } of runs) {
    rows.push([`${name}: ${say("queue")}`, times.queue], [`${name}: ${say("inference")}`, times.inference], [`${name}: ${say("total")}`, times.total]);
  }
  const longest = Math.max(...rows.map(([, ms]) => ms));
  get("bars").replaceChildren(...rows.map(([label, ms]) => bar(label, ms, longest)));
  get("times").hidden = false;
}

async function candidatesOf(): Promise<{ candidates: Candidate[]; ms: number | null }> {
  if (fromIndex.checked) return search(retriever.value as Retriever, query.value, Number(get<HTMLInputElement>("count").value), key.value);
  const lines = passages.value.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return { candidates: lines.map((text) => ({ text, title: "", score: null })), ms: null };
}

async function run(): Promise<void> {
  const { candidates, ms } = await candidatesOf();
  if (candidates.length === 0) throw new Refused(say(fromIndex.checked ? "nothing" : "noPassages"));
  const before: Scored[] = candidates.map((c, index) => ({ index, score: c.score ?? NaN, truncated: false }));
  const columns: Column[] = [{ title: `${say("before")}: ${say(ms === null ? "asPasted" : (retriever.value as Retriever))}`, order: before }];
  const runs: { name: string; times: Times }[] = [];
  for (const name of [model.value, compare.value].filter((value) => value !== "")) {
    const { order, times } = await rerank(name, query.value, candidates, key.value);
    columns.push({ title: name, order });
    runs.push({ name, times });
  }
  showTimes(ms, runs);
  get("results").hidden = false; // before drawing: a hidden box has no places to connect
  draw(board, columns, candidates, query.value);
  get("status").textContent = ranked(candidates.length);
}

async function submit(event: Event): Promise<void> {
  event.preventDefault();
  const go = form.querySelector<HTMLButtonElement>(".go")!;
  go.disabled = true;
  complain(null);
  get("status").textContent = say("working");
  try {
    await run();
  } catch (error) {
    get("status").textContent = "";
    get("results").hidden = get("times").hidden = true;
    complain(error instanceof Refused ? error.message : say("unreachable"));
  }
  go.disabled = false;
}

async function fill(): Promise<void> {
  try {
    const { models, retrievers } = await describe(key.value);
    complain(models.length === 0 ? say("noModel") : null);
    model.replaceChildren(...models.map((name) => new Option(name, name)));
    compare.replaceChildren(new Option(say("none"), ""), ...models.map((name) => new Option(name, name)));
    retriever.replaceChildren(...retrievers.map((name) => new Option(say(name), name)));
    const searches = retrievers.length > 0;
    fromIndex.disabled = !searches;
    fromIndex.checked = searches;
    get<HTMLInputElement>("source-own").checked = !searches;
    showSource();
  } catch (error) {
    complain(error instanceof Refused ? error.message : say("unreachable"));
  }
}

speak(current());
query.value = "銀閣寺を建てたのは誰ですか";
passages.value = SAMPLE.join("\n");
form.addEventListener("submit", (event) => void submit(event));
form.addEventListener("change", showSource);
key.addEventListener("change", () => void fill());
get("language").addEventListener("click", () => {
  speak(current() === "ja" ? "en" : "ja");
  const nothing = compare.options[0];
  if (nothing) nothing.textContent = say("none" satisfies Word);
  for (const option of retriever.options) option.textContent = say(option.value as Retriever);
});
for (const event of ["resize", "load"]) window.addEventListener(event, () => connect(board));
document.addEventListener("narabi-layout", () => connect(board));
follow(board);
showSource();
void fill();
