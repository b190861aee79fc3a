// The parts of a passage that stand in the query too: for the eye, not for the score.

// Runs of at least two equal characters; particles alone (hiragana) say nothing.
const CONTENT = /[\p{Script=Han}\p{Script=Katakana}\p{L}\p{N}ー]/u;
const ONLY_HIRAGANA = /^\p{Script=Hiragana}+$/u;

export interface Part {
  text: string;
  matched: boolean;
}

function lengthAt(text: string[], at: number, query: string): number {
  let length = 0;
  while (at + length < text.length && CONTENT.test(text[at + length]!) && query.includes(text.slice(at, at + length + 1).join(""))) length++;
  return length;
}

export function parts(passage: string, query: string): Part[] {
  const text = [...passage.normalize("NFC")];
  const wanted = query.normalize("NFC");
  const out: Part[] = [];
  const add = (piece: string, matched: boolean) => {
    const last = out[out.length - 1];
    if (last && last.matched === matched) last.text += piece;
    else out.push({ text: piece, matched });
  };
  for (let at = 0; at < text.length; ) {
    const length = lengthAt(text, at, wanted);
    const piece = text.slice(at, at + Math.max(length, 1)).join("");
    const says = length >= 2 && !ONLY_HIRAGANA.test(piece);
    add(piece, says);
    at += Math.max(length, 1);
  }
  return out;
}
