// PostgreSQL with pgvector retrieves by vectors, narabi reranks. The SQL is that of any PostgreSQL; here it runs in
// PGlite, which is PostgreSQL and pgvector from npm, in this process.
//   narabi serve --model RERANKER --model EMBEDDER &
//   npm install && node search.mjs http://localhost:8080 "銀閣寺を建てたのは誰ですか" < passages.txt
import { PGlite } from "@electric-sql/pglite";
import * as extensions from "@electric-sql/pglite/vector";
import { readFileSync } from "node:fs";

const [server, query, candidates = "20"] = process.argv.slice(2);

async function ask(path, body) {
  const answer = await fetch(server + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.json()).message}`);
  return answer.json();
}

const texts = readFileSync(0, "utf8").split("\n").filter((line) => line.trim() !== "");
const database = await PGlite.create({ extensions: { vector: extensions.vector } });
const dimension = (await ask("/embed", { inputs: query }))[0].length;
await database.exec(`CREATE EXTENSION vector; CREATE TABLE passages (id int PRIMARY KEY, text text, embedding vector(${dimension}))`);
for (let at = 0; at < texts.length; at += 100) {
  const vectors = await ask("/embed", { inputs: texts.slice(at, at + 100) });
  for (const [i, vector] of vectors.entries())
    await database.query("INSERT INTO passages VALUES ($1, $2, $3)", [at + i, texts[at + i], JSON.stringify(vector)]);
}

const [near] = await ask("/embed", { inputs: query });
const { rows } = await database.query("SELECT id, text FROM passages ORDER BY embedding <=> $1 LIMIT $2", [JSON.stringify(near), Number(candidates)]);
const ranked = await ask("/rerank", { query, texts: rows.map((row) => row.text) });
for (const { index, score } of ranked) console.log(JSON.stringify({ id: rows[index].id, before: index + 1, score, text: rows[index].text }));
await database.close();
