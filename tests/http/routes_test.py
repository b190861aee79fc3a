"""Every route with a good request: the shapes of docs/serving.md, and the scores of the command line."""

import base64
import json
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from narabi_http import CORPUS, DOCUMENTS, EMBEDDER, MODEL, NAME, NARABI, QUERY, SMALL, TRAINED, HttpTest, Server


def command_line_scores(passages, query=QUERY):
    lines = "".join(json.dumps({"query": query, "passage": p}, ensure_ascii=False) + "\n" for p in passages)
    out = subprocess.run([NARABI, "score", "--model", MODEL, "--input", "-"], input=lines.encode(),
                         capture_output=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


class Routes(HttpTest):
    FLAGS = ("--model", f"e5={EMBEDDER}", "--corpus", CORPUS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.expected = command_line_scores(DOCUMENTS)
        cls.order = sorted(range(len(DOCUMENTS)), key=lambda i: -cls.expected[i]["logit"])

    def assert_results(self, results, key="relevance_score"):
        self.assertEqual([r["index"] for r in results], self.order[:len(results)])
        for result in results:
            self.assertAlmostEqual(result[key], self.expected[result["index"]]["score"], places=6)

    def test_texts_get_the_shape_of_tei_and_nothing_more(self):
        answer = self.ok("/rerank", {"query": QUERY, "texts": DOCUMENTS})
        self.assert_results(answer, "score")
        for result in answer:
            self.assertEqual(set(result), {"index", "score"})
        answer = self.ok("/rerank", {"query": QUERY, "texts": DOCUMENTS, "return_text": True})
        for result in answer:
            self.assertEqual(set(result), {"index", "score", "text"})
            self.assertEqual(result["text"], DOCUMENTS[result["index"]])

    def test_raw_scores_are_the_logits_of_the_command_line(self):
        for result in self.ok("/rerank", {"query": QUERY, "texts": DOCUMENTS, "raw_scores": True}):
            self.assertEqual(result["score"], self.expected[result["index"]]["logit"])

    def test_documents_get_what_jina_cohere_vllm_and_llama_cpp_share(self):
        for path in ("/rerank", "/v1/rerank"):
            answer = self.ok(path, {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS})
            self.assert_results(answer["results"])
            self.assertEqual(len(answer["results"]), len(DOCUMENTS))
            for result in answer["results"]:
                self.assertEqual(result["document"]["text"], DOCUMENTS[result["index"]])
            self.assertEqual(answer["usage"]["total_tokens"], sum(e["tokens"] for e in self.expected))
            self.assertEqual(answer["meta"]["api_version"]["version"], "1")
            self.assertIn("search_units", answer["meta"]["billed_units"])
            self.assertTrue(answer["id"] and answer["model"])

    def test_cohere_v2_never_returns_documents(self):
        answer = self.ok("/v2/rerank", {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS,
                                        "top_n": 2, "return_documents": True})
        self.assertEqual(len(answer["results"]), 2)
        self.assert_results(answer["results"])
        self.assertNotIn("document", answer["results"][0])

    def test_documents_as_objects_are_read_by_rank_fields_and_given_back(self):
        objects = [{"text": text, "page": i} for i, text in enumerate(DOCUMENTS)]
        answer = self.ok("/v1/rerank", {"query": QUERY, "documents": objects, "return_documents": True})
        self.assert_results(answer["results"])
        self.assertEqual(answer["results"][0]["document"], objects[self.order[0]])
        titled = [{"title": text[:3], "body": text[3:]} for text in DOCUMENTS]
        answer = self.ok("/v1/rerank", {"query": QUERY, "documents": titled, "rank_fields": ["title", "body"]})
        self.assertEqual(answer["results"][0]["document"]["text"].replace(" ", ""), DOCUMENTS[self.order[0]])

    def test_return_documents_false_leaves_them_out(self):
        answer = self.ok("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS, "return_documents": False})
        self.assertNotIn("document", answer["results"][0])

    def test_top_n_zero_means_all(self):
        self.assertEqual(len(self.ok("/rerank", {"query": QUERY, "documents": DOCUMENTS, "top_n": 0})["results"]), 3)
        self.assertEqual(len(self.ok("/rerank", {"query": QUERY, "documents": DOCUMENTS, "top_n": 99})["results"]), 3)

    def test_min_score_leaves_out_what_scores_less(self):
        body = {"query": QUERY, "documents": DOCUMENTS}
        for key in ("relevance_score", "logit"):
            asked = {**body, "raw_scores": key == "logit"}
            scores = [r["relevance_score"] for r in self.ok("/rerank", asked)["results"]]
            kept = self.ok("/rerank", {**asked, "min_score": scores[1]})["results"]
            self.assertEqual([r["relevance_score"] for r in kept], scores[:2])
            self.assertEqual(self.ok("/rerank", {**asked, "min_score": scores[0] + 1})["results"], [])
            self.assertEqual(len(self.ok("/rerank", {**asked, "min_score": scores[1], "top_n": 1})["results"]), 1)
        second = self.ok("/rerank", {"query": QUERY, "texts": DOCUMENTS})[1]["score"]
        self.assertEqual(len(self.ok("/rerank", {"query": QUERY, "texts": DOCUMENTS, "min_score": second})), 2)
        self.assertEqual(len(self.ok("/voyage/v1/rerank", {**body, "min_score": second})["data"]), 2)

    def test_voyage(self):
        answer = self.ok("/voyage/v1/rerank", {"model": "rerank-2", "query": QUERY, "documents": DOCUMENTS,
                                               "top_k": 2, "return_documents": True})
        self.assertEqual(answer["object"], "list")
        self.assert_results(answer["data"])
        self.assertEqual(len(answer["data"]), 2)
        self.assertEqual(answer["data"][0]["document"], DOCUMENTS[self.order[0]])

    def test_weaviate_keeps_the_order_given(self):
        answer = self.ok("/weaviate/rerank", {"query": QUERY, "documents": DOCUMENTS})
        self.assertEqual([s["document"] for s in answer["scores"]], DOCUMENTS)
        for score, expected in zip(answer["scores"], self.expected):
            self.assertAlmostEqual(score["score"], expected["score"], places=6)
        self.assertEqual(self.server.get("/weaviate/.well-known/ready").status, 204)

    def test_scores_of_vllm(self):
        for path in ("/score", "/v1/score"):
            answer = self.ok(path, {"text_1": QUERY, "text_2": DOCUMENTS})
            self.assertEqual([d["index"] for d in answer["data"]], [0, 1, 2])
            for data, expected in zip(answer["data"], self.expected):
                self.assertEqual(data["object"], "score")
                self.assertAlmostEqual(data["score"], expected["score"], places=6)
        pairs = self.ok("/score", {"text_1": [QUERY, "猫とは"], "text_2": [DOCUMENTS[1], DOCUMENTS[2]]})
        self.assertAlmostEqual(pairs["data"][1]["score"],
                               command_line_scores([DOCUMENTS[2]], "猫とは")[0]["score"], places=6)

    def test_predict(self):
        one = self.ok("/predict", {"inputs": [QUERY, DOCUMENTS[0]]})
        self.assertEqual(set(one[0]), {"score", "label"})
        many = self.ok("/predict", {"inputs": [[QUERY, d] for d in DOCUMENTS]})
        for (prediction,), expected in zip(many, self.expected):
            self.assertAlmostEqual(prediction["score"], expected["score"], places=6)

    def test_vectors_are_those_of_the_command_line(self):
        out = subprocess.run([NARABI, "embed", "--model", EMBEDDER, "--input", "-"],
                             input=json.dumps({"text": QUERY}).encode(), capture_output=True, check=True).stdout
        expected = json.loads(out)["vector"]
        self.assertEqual(self.ok("/embed", {"inputs": QUERY}), [expected])
        self.assertEqual(len(self.ok("/embed", {"inputs": DOCUMENTS})), 3)
        answer = self.ok("/v1/embeddings", {"model": "e5", "input": [QUERY]})
        self.assertEqual(answer["data"][0]["embedding"], expected)
        packed = self.ok("/v1/embeddings", {"input": QUERY, "encoding_format": "base64"})["data"][0]["embedding"]
        values = struct.unpack(f"<{len(expected)}f", base64.b64decode(packed))
        for got, wanted in zip(values, expected):
            self.assertAlmostEqual(got, wanted, places=6)
        short = self.ok("/v1/embeddings", {"input": QUERY, "dimensions": 3})["data"][0]["embedding"]
        self.assertEqual(len(short), 3)
        self.assertAlmostEqual(sum(v * v for v in short), 1, places=5)

    def test_tokenize(self):
        pair = self.ok("/tokenize", {"query": "今日の天気は？", "passage": "今日は晴れです。"})
        out = subprocess.run([NARABI, "tokenize", "--model", MODEL, "--input", "-"], capture_output=True, check=True,
                             input='{"query":"今日の天気は？","passage":"今日は晴れです。"}'.encode()).stdout
        self.assertEqual(pair["input_ids"], json.loads(out)["input_ids"])
        tokens = self.ok("/tokenize", {"prompt": "今日は晴れです。"})
        self.assertEqual(tokens["count"], len(tokens["tokens"]))
        bare = self.ok("/tokenize", {"content": "今日は晴れです。"})["tokens"]
        self.assertEqual(len(tokens["tokens"]), len(bare) + 2)
        tei = self.ok("/tokenize", {"inputs": ["今日は晴れです。"]})
        self.assertEqual([t["id"] for t in tei[0]], tokens["tokens"])

    def test_search_finds_then_reranks(self):
        answer = self.ok("/search", {"query": "銀閣寺を建てたのは誰ですか", "top_n": 5, "candidates": 20})
        self.assertEqual([r["rank"] for r in answer["results"]], [1, 2, 3, 4, 5])
        self.assertEqual(answer["documents"], 3000)
        scores = [r["score"] for r in answer["results"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        for key in ("before", "id", "bm25", "logit", "relevance_score", "text"):
            self.assertIn(key, answer["results"][0])
        least = sorted(r["relevance_score"] for r in answer["results"])[2]
        fewer = self.ok("/search", {"query": "銀閣寺を建てたのは誰ですか", "top_n": 20, "candidates": 20, "min_score": least})
        self.assertTrue(all(r["relevance_score"] >= least for r in fewer["results"]))
        self.assertEqual([r["rank"] for r in fewer["results"]], list(range(1, len(fewer["results"]) + 1)))
        self.assertTrue(3 <= len(fewer["results"]) < 20)
        most = {"query": "京都にある寺", "rerank": False, "top_n": 150}
        self.assertEqual(len(self.ok("/search", most)["results"]), 150)  # no fewer candidates unless it is said
        self.assertEqual(len(self.ok("/search", {**most, "candidates": 120})["results"]), 120)
        plain = self.ok("/search", {"query": "銀閣寺", "rerank": False, "top_n": 3})
        self.assertEqual([r["before"] for r in plain["results"]], [1, 2, 3])
        self.assertNotIn("logit", plain["results"][0])

    def test_info_tells_clients_that_this_is_a_reranker(self):
        info = self.server.get("/info").json
        self.assertEqual(next(iter(info["model_type"])), "reranker")
        for key in ("model_id", "model_sha", "model_dtype", "served_model_name", "max_concurrent_requests",
                    "max_input_length", "max_batch_tokens", "max_client_batch_size", "version"):
            self.assertIn(key, info)

    def test_a_reranker_that_sentence_transformers_6_saved_is_one(self):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            shutil.copytree(SMALL, folder)
            transformer = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
            for name, content in (("modules", [transformer]),
                                  ("sentence_bert_config", {"transformer_task": "sequence-classification"}),
                                  ("config_sentence_transformers",
                                   {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.linear.Identity"})):
                (folder / f"{name}.json").write_text(json.dumps(content))
            server = Server(model=str(folder))
            try:
                body = {"query": QUERY, "texts": DOCUMENTS}
                logits = server.post("/rerank", {**body, "raw_scores": True}).json
                self.assertEqual(len(logits), len(DOCUMENTS))
                for scored, raw in zip(server.post("/rerank", body).json, logits):
                    self.assertAlmostEqual(scored["score"], raw["score"], places=5)
            finally:
                server.stop()

    def test_models_and_health(self):
        models = self.server.get("/v1/models").json["data"]
        self.assertEqual([(m["id"], m["type"]) for m in models],
                         [(NAME, "reranker"), ("e5", "embedder")])
        for path in ("/health", "/ready", "/", "/openapi.json", "/metrics"):
            self.assertEqual(self.server.get(path).status, 200, path)

    def test_equal_passages_and_batch_mates_change_nothing(self):
        alone = self.ok("/score", {"text_1": QUERY, "text_2": DOCUMENTS[0], "raw_scores": True})
        many = self.ok("/score", {"text_1": QUERY, "text_2": DOCUMENTS * 30, "raw_scores": True})
        self.assertEqual({d["score"] for d in many["data"][::3]}, {alone["data"][0]["score"]})

    def test_the_version_of_the_model_and_the_ids_of_the_request_come_back(self):
        headers = {"x-request-id": "abc-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        answer = self.post("/rerank", {"query": QUERY, "texts": DOCUMENTS}, headers=headers)
        self.assertEqual(answer.headers["x-request-id"], "abc-1")
        self.assertEqual(answer.headers["traceparent"], headers["traceparent"])
        self.assertRegex(answer.headers["x-narabi-model"], rf"^{NAME}@1-[0-9a-f]{{12}}$")

    def test_a_cut_passage_is_said_and_an_error_when_told_so(self):
        long = ["とても長い文章です。" * 400]
        answer = self.post("/v1/rerank", {"query": QUERY, "documents": long, "return_details": True})
        self.assertEqual(answer.headers["x-narabi-truncated"], "1")
        self.assertTrue(answer.json["results"][0]["truncated"])
        self.assertTrue(answer.json["meta"]["warnings"])
        self.refused(self.post("/rerank", {"query": QUERY, "texts": long, "truncate": False}), 413, "texts")

    def test_every_route_counts_what_was_cut_and_refuses_it_when_told_so(self):
        long = "京都の古い寺院では。" * 400
        for path, body, key, field in [
                ("/rerank", {"query": QUERY, "texts": ["a", long]}, "truncate", "texts"),
                ("/v2/rerank", {"query": QUERY, "documents": ["a", long]}, "truncate", "documents"),
                ("/voyage/v1/rerank", {"query": QUERY, "documents": ["a", long]}, "truncation", "documents"),
                ("/voyage/v1/rerank", {"query": QUERY, "documents": ["a", long]}, "truncate", "documents"),
                ("/weaviate/rerank", {"query": QUERY, "documents": ["a", long]}, "truncate", "documents"),
                ("/score", {"text_1": QUERY, "text_2": ["a", long]}, "truncate", "text_2"),
                ("/score", {"queries": QUERY, "documents": ["a", long]}, "truncate", "documents"),
                ("/predict", {"inputs": [[QUERY, "a"], [QUERY, long]]}, "truncate", "inputs"),
                ("/embed", {"inputs": ["a", long]}, "truncate", "inputs"),
                ("/v1/embeddings", {"input": ["a", long]}, "truncate", "input")]:
            with self.subTest(path=path, key=key):
                for more in ({}, {key: True}):
                    answer = self.post(path, {**body, **more})
                    self.assertEqual((answer.status, answer.headers["x-narabi-truncated"]), (200, "1"))
                answer = self.post(path, {**body, key: False})
                refusal = self.refused(answer, 413, field, error_object=path in ("/score", "/v1/embeddings"))
                self.assertIn(f"{field}[1]: ", refusal["message"])
                self.assertEqual(answer.headers["x-narabi-truncated"], "1")
        self.ok("/embed", {"inputs": DOCUMENTS, "truncate": False})
        before = self.server.metric("narabi_truncated_total")
        self.ok("/embed", {"inputs": [long, long + "。"]})
        self.assertEqual(self.server.metric("narabi_truncated_total") - before, 2)

    def test_a_document_comes_back_with_the_numbers_it_came_with(self):
        document = '{"text":"京都","id":1234567890123456789,"v":1.0,"w":1e5}'
        answer = self.server.request("POST", "/v1/rerank", f'{{"query":"q","documents":[{document}]}}',
                                     {"content-type": "application/json"})
        self.assertIn(document, answer.body.decode())

    def test_windows_find_what_stands_at_the_end_of_a_long_document(self):
        filler = "これは関係のない文である。" * 300
        documents = [filler, filler + DOCUMENTS[1]]
        cut = self.ok("/rerank", {"query": QUERY, "texts": documents, "raw_scores": True})
        self.assertEqual(cut[0]["score"], cut[1]["score"])  # both were cut to the same text
        whole = self.ok("/v1/rerank", {"query": QUERY, "documents": documents, "max_passage": True,
                                       "return_details": True})
        self.assertGreater(whole["results"][0]["windows"], 3)
        if MODEL == TRAINED:
            self.assertEqual(whole["results"][0]["index"], 1)
            self.assertGreater(whole["results"][0]["logit"], whole["results"][1]["logit"])
        self.assertFalse(whole["results"][0]["truncated"])


if __name__ == "__main__":
    unittest.main()
