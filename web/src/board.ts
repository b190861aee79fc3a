// The orders side by side, with the movement drawn between them.
import type { Candidate, Scored } from "./api";
import { parts } from "./match";
import { moved, say } from "./text";

export interface Column {
  title: string;
  order: Scored[];
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const out = document.createElement(tag);
  if (className) out.className = className;
  if (text) out.textContent = text;
  return out;
}

function movement(before: number, now: number): HTMLElement {
  const change = before - now;
  const kind = change > 0 ? "up" : change < 0 ? "down" : "same";
  const out = element("span", `move ${kind}`, change > 0 ? `▲${change}` : change < 0 ? `▼${-change}` : "–");
  out.setAttribute("aria-label", moved(before + 1, now + 1));
  out.setAttribute("role", "img");
  return out;
}

function passage(candidate: Candidate, query: string): HTMLElement {
  const out = element("p");
  const text = candidate.title ? `${candidate.title} | ${candidate.text}` : candidate.text;
  for (const part of parts(text, query)) out.append(part.matched ? element("mark", "", part.text) : part.text);
  return out;
}

function wholeText(item: HTMLElement): HTMLElement {
  const button = element("button", "more", say("whole"));
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const open = item.classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
    button.textContent = say(open ? "less" : "whole");
    document.dispatchEvent(new Event("narabi-layout"));
  });
  return button;
}

function item(entry: Scored, rank: number, before: number | null, scale: number, candidate: Candidate, query: string): HTMLElement {
  const out = element("li");
  out.dataset.index = String(entry.index);
  const head = element("div", "head");
  head.append(element("span", "rank", `${rank + 1}`));
  if (before !== null) head.append(movement(before, rank));
  if (!Number.isNaN(entry.score)) head.append(element("span", "score", entry.score.toFixed(entry.score > 1 ? 2 : 4) + (entry.truncated ? ` ${say("cut")}` : "")));
  out.append(head);
  if (!Number.isNaN(entry.score)) {
    const bar = element("div", "bar");
    bar.style.width = `${Math.max(1, (100 * entry.score) / scale)}%`;
    out.append(bar);
  }
  out.append(passage(candidate, query), wholeText(out));
  return out;
}

export function draw(board: HTMLElement, columns: Column[], candidates: Candidate[], query: string): void {
  board.replaceChildren();
  board.style.gridTemplateColumns = `repeat(${columns.length}, minmax(0, 1fr))`;
  const first = new Map(columns[0]!.order.map((entry, rank) => [entry.index, rank]));
  columns.forEach((column, i) => {
    const box = element("div", "column");
    const title = element("h3", "", column.title);
    title.id = `column-${i}`;
    const list = element("ol");
    list.setAttribute("aria-labelledby", title.id);
    const scale = Math.max(1, ...column.order.map((entry) => entry.score).filter((score) => !Number.isNaN(score)));
    column.order.forEach((entry, rank) =>
      list.append(item(entry, rank, i === 0 ? null : first.get(entry.index)!, scale, candidates[entry.index]!, query)),
    );
    box.append(title, list);
    board.append(box);
  });
  const lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  lines.setAttribute("aria-hidden", "true");
  board.append(lines);
  connect(board);
}

// A curve from each passage to its place in the next column.
export function connect(board: HTMLElement): void {
  const svg = board.querySelector("svg");
  const columns = [...board.querySelectorAll("ol")];
  if (!svg) return;
  svg.replaceChildren();
  const origin = board.getBoundingClientRect();
  for (let i = 0; i + 1 < columns.length; i++) {
    const targets = new Map([...columns[i + 1]!.children].map((li, rank) => [(li as HTMLElement).dataset.index, { li, rank }]));
    [...columns[i]!.children].forEach((from, rank) => {
      const index = (from as HTMLElement).dataset.index;
      const to = targets.get(index);
      if (!to) return;
      const a = from.getBoundingClientRect(), b = to.li.getBoundingClientRect();
      const [x1, y1, x2, y2] = [a.right - origin.left, a.top + 24 - origin.top, b.left - origin.left, b.top + 24 - origin.top];
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const middle = (x1 + x2) / 2;
      path.setAttribute("d", `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
      path.setAttribute("class", to.rank < rank ? "up" : to.rank > rank ? "down" : "same");
      path.dataset.index = index;
      svg.append(path);
    });
  }
}

// Shows where one passage went, under the pointer or the keyboard's focus.
export function follow(board: HTMLElement): void {
  const light = (target: EventTarget | null, on: boolean) => {
    const index = (target as Element | null)?.closest?.("li")?.getAttribute("data-index");
    if (index === null || index === undefined) return;
    for (const path of board.querySelectorAll(`path[data-index="${index}"]`)) path.classList.toggle("on", on);
  };
  board.addEventListener("pointerover", (event) => light(event.target, true));
  board.addEventListener("pointerout", (event) => light(event.target, false));
  board.addEventListener("focusin", (event) => light(event.target, true));
  board.addEventListener("focusout", (event) => light(event.target, false));
}
