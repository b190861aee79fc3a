// The words of the page in both languages.
export type Language = "ja" | "en";

const words = {
  lead: { ja: "日本語の検索結果を、質問に合う順に並べ替える", en: "Puts Japanese passages in the order that answers the question" },
  query: { ja: "質問", en: "Query" },
  source: { ja: "候補", en: "Candidates" },
  index: { ja: "索引から探す", en: "Search the index" },
  own: { ja: "文章を貼り付ける", en: "Paste passages" },
  retriever: { ja: "探し方", en: "Search by" },
  bm25: { ja: "BM25（語の一致）", en: "BM25 (words)" },
  dense: { ja: "ベクトル", en: "Vectors" },
  hybrid: { ja: "BM25 とベクトル", en: "BM25 and vectors" },
  count: { ja: "候補の数", en: "How many candidates" },
  passages: { ja: "文章（一行に一つ）", en: "Passages, one a line" },
  model: { ja: "モデル", en: "Model" },
  compare: { ja: "比べるモデル", en: "Compare with" },
  none: { ja: "（比べない）", en: "(nothing)" },
  more: { ja: "その他", en: "More" },
  key: { ja: "API キー", en: "API key" },
  go: { ja: "並べ替える", en: "Rerank" },
  times: { ja: "かかった時間", en: "Time per stage" },
  order: { ja: "順位の変化", en: "The order before and after" },
  before: { ja: "前", en: "Before" },
  asPasted: { ja: "貼り付けた順", en: "As pasted" },
  retrieve: { ja: "検索", en: "Retrieval" },
  queue: { ja: "待ち", en: "Queue" },
  inference: { ja: "推論", en: "Inference" },
  total: { ja: "往復の全体", en: "Whole round trip" },
  working: { ja: "計算しています…", en: "Working…" },
  nothing: { ja: "候補が見つかりませんでした。", en: "No candidates were found." },
  noPassages: { ja: "文章を一つ以上入れてください。", en: "Enter at least one passage." },
  unreachable: { ja: "サーバーに届きません。", en: "The server cannot be reached." },
  noModel: { ja: "このサーバーにはリランカーがありません。", en: "This server has no reranker." },
  whole: { ja: "全文", en: "Whole text" },
  less: { ja: "閉じる", en: "Less" },
  cut: { ja: "（途中まで読んだ）", en: "(cut)" },
} satisfies Record<string, Record<Language, string>>;

export type Word = keyof typeof words;

let language: Language = navigator.language.startsWith("ja") ? "ja" : "en";

export const current = (): Language => language;
export const say = (word: Word): string => words[word][language];
export const ranked = (count: number): string =>
  language === "ja" ? `${count} 件を並べ替えました。` : `${count} passages reranked.`;
export const moved = (from: number, to: number): string =>
  language === "ja" ? `${from} 位から ${to} 位へ` : `from rank ${from} to rank ${to}`;

export function speak(next: Language): void {
  language = next;
  document.documentElement.lang = next;
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
    element.textContent = say(element.dataset.text as Word);
  }
  const button = document.getElementById("language") as HTMLButtonElement;
  button.textContent = next === "ja" ? "English" : "日本語";
  button.lang = next === "ja" ? "en" : "ja";
}
