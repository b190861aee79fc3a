// cohere-ai, unmodified, against the server at NARABI_URL (tests/clients/run.sh starts it).
import assert from "node:assert/strict";
import { test } from "node:test";
import { CohereClient, CohereClientV2 } from "cohere-ai";

const options = { token: "a-key", environment: process.env.NARABI_URL };
const query = "日本の首都はどこですか";
const documents = ["京都は古い都である。", "東京は日本の首都である。", "猫は動物である。"];

test("v2 reranks", async () => {
  const answer = await new CohereClientV2(options).rerank({ model: "rerank-v3.5", query, documents, topN: 2 });
  assert.equal(answer.results.length, 2);
  assert.equal(answer.results[0].index, 1);
  assert.ok(answer.results[0].relevanceScore > answer.results[1].relevanceScore);
  assert.equal(answer.meta.apiVersion.version, "2");
});

test("v1 gives documents back", async () => {
  const answer = await new CohereClient(options).rerank({ model: "rerank-v3.5", query, documents, returnDocuments: true });
  assert.equal(answer.results[0].document.text, documents[1]);
});

test("reads our refusals", async () => {
  const client = new CohereClientV2(options);
  await assert.rejects(client.rerank({ model: "no-such-model", query, documents }), (error) => {
    assert.equal(error.statusCode, 404);
    assert.match(error.body.message, /no-such-model/);
    return true;
  });
});
