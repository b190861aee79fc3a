// The server's routes, as the page uses them.
export interface Candidate {
  text: string;
  title: string;
  score: number | null; // of the first stage
}

export interface Scored {
  index: number;
  score: number;
  truncated: boolean;
}

export interface Times {
  queue: number;
  inference: number;
  total: number;
}

// A refusal, in the server's words.
export class Refused extends Error {}

async function call(path: string, key: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (key) headers["authorization"] = `Bearer ${key}`;
  const response = await fetch(path, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) return response;
  let message = `${response.status}`;
  try {
    message = `${response.status}: ${(await response.json()).message}`;
  } catch {
    // not from narabi: the status has to do
  }
  throw new Refused(message);
}

export type Retriever = "bm25" | "dense" | "hybrid";

export async function describe(key: string): Promise<{ models: string[]; retrievers: Retriever[] }> {
  const [models, info] = await Promise.all([call("/v1/models", key), call("/info", key)]);
  const list: { id: string; type: string }[] = (await models.json()).data;
  return { models: list.filter((m) => m.type === "reranker").map((m) => m.id), retrievers: (await info.json()).retrievers };
}

export async function search(retriever: Retriever, query: string, count: number, key: string): Promise<{ candidates: Candidate[]; ms: number }> {
  const answer = await (await call("/search", key, { query, retriever, candidates: count, top_n: count, rerank: false })).json();
  const candidates = answer.results.map((hit: { text: string; title?: string; score: number }) => ({
    text: hit.text,
    title: hit.title ?? "",
    score: hit.score,
  }));
  return { candidates, ms: answer.timing.embed_ms + answer.timing.retrieve_ms };
}

export async function rerank(model: string, query: string, candidates: Candidate[], key: string): Promise<{ order: Scored[]; times: Times }> {
  const start = performance.now();
  const documents = candidates.map((c) => (c.title ? `${c.title} ${c.text}` : c.text));
  const response = await call("/rerank", key, { model, query, documents, return_documents: false, return_details: true });
  const answer = await response.json();
  const header = (name: string) => Number(response.headers.get(name) ?? 0);
  return {
    order: answer.results.map((r: { index: number; relevance_score: number; truncated: boolean }) => ({
      index: r.index,
      score: r.relevance_score,
      truncated: r.truncated,
    })),
    times: { queue: header("x-queue-time"), inference: header("x-inference-time"), total: performance.now() - start },
  };
}
