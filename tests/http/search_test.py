"""/search over an index: words, vectors and both, as `narabi search` finds them."""

import json
import lzma
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from narabi_http import CORPUS, MODEL, NARABI, ROOT, HttpTest, Server

EMBEDDER = ROOT / "tests/golden/embed-static"
QUERY = "銀閣寺を建てたのは誰ですか"
WRONG = [
    ({"retriever": "sparse"}, "retriever"), ({"retriever": 1}, "retriever"), ({"fusion": "max"}, "fusion"),
    ({"rrf_k": -1}, "rrf_k"), ({"dense_weight": 1.5}, "dense_weight"), ({"dense_weight": "1"}, "dense_weight"),
    ({"exact": "yes"}, "exact"), ({"candidates": 0}, "candidates"), ({"candidates": 1001}, "candidates"),
    ({"top_n": 0}, "top_n"), ({"filter": "year <"}, "filter"), ({"filter": 3}, "filter"), ({"blend": "much"}, "blend"),
    ({"min_score": "high"}, "min_score"), ({"min_score": 0.5, "rerank": False}, "min_score"),
]


def build(folder, embedder):
    with lzma.open(CORPUS, "rt", encoding="utf-8") as lines:
        documents = [{**json.loads(line), "year": 2000 + i} for i, line in zip(range(100), lines)]
    for document in documents:
        document["text"] = document["text"][:100]  # a sanitizer's build takes .2 s for a whole one
    text = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    subprocess.run([NARABI, "index", folder, "--corpus", "-", "--embedder", embedder], input=text.encode(), check=True,
                   capture_output=True)


class Search(HttpTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        shutil.copytree(EMBEDDER, cls.folder / "embedder")
        build(cls.folder / "index", cls.folder / "embedder")
        cls.FLAGS = ("--request-timeout", 120, "--index", cls.folder / "index")
        super().setUpClass()

    def command_line(self, *flags):
        out = subprocess.run([NARABI, "search", self.folder / "index", "--query", QUERY, "--json", *flags],
                             capture_output=True, check=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    def assert_same(self, hits, lines):
        self.assertEqual([hit["id"] for hit in hits], [line["id"] for line in lines])
        for hit, line in zip(hits, lines):
            for key in ("rank", "before", "bm25_rank", "dense_rank", "metadata", "title"):
                self.assertEqual(hit.get(key), line.get(key), key)
            for key in ("score", "bm25", "dense", "fused", "logit"):
                self.assertEqual(key in hit, key in line, key)
                self.assertAlmostEqual(hit.get(key, 0), line.get(key, 0), places=4)

    def test_each_retriever_finds_what_the_command_line_finds(self):
        for retriever, fields, flags in [("bm25", {}, []), ("dense", {"exact": True}, ["--exact"]), ("hybrid", {}, []),
                                         ("hybrid", {"fusion": "convex", "dense_weight": 0.3},
                                          ["--fusion", "convex", "--dense-weight", "0.3"])]:
            with self.subTest(retriever=retriever, flags=flags):
                answer = self.ok("/search", {"query": QUERY, "retriever": retriever, "candidates": 20, "rerank": False,
                                             **fields})
                self.assert_same(answer["results"], self.command_line("--retriever", retriever, "--candidates", "20", *flags))
                self.assertEqual(answer["timing"]["embed_ms"] > 0, retriever != "bm25")

    def test_a_blend_is_with_the_cosine_of_a_dense_search_and_else_with_bm25(self):
        for retriever in ("dense", "hybrid"):
            answer = self.ok("/search", {"query": QUERY, "retriever": retriever, "candidates": 10, "blend": 0.5})
            self.assert_same(answer["results"], self.command_line("--retriever", retriever, "--candidates", "10", "--blend",
                                                                  "0.5", "--model", MODEL))

    def test_hits_that_were_cut_are_counted(self):
        answer = self.post("/search", {"query": "銀閣寺" * 600, "candidates": 5})  # leaves no room for a hit
        hits = answer.json["results"]
        self.assertTrue(hits and all(hit["truncated"] for hit in hits), hits)
        self.assertEqual(answer.headers["x-narabi-truncated"], str(len(hits)))

    def test_info_says_which_retrievers_there_are(self):
        self.assertEqual(self.server.get("/info").json["retrievers"], ["bm25", "dense", "hybrid"])

    def test_a_filter_reaches_both_arms(self):
        for retriever in ("bm25", "dense", "hybrid"):
            hits = self.ok("/search", {"query": QUERY, "retriever": retriever, "filter": "year < 2030"})["results"]
            self.assertTrue(hits)
            for hit in hits:
                self.assertLess(hit["metadata"]["year"], 2030)

    def test_wrong_fields_are_named(self):
        for fields, field in WRONG:
            with self.subTest(fields=fields):
                self.refused(self.post("/search", {"query": QUERY, **fields}), 422, field)
        self.refused(self.post("/search", {"query": " "}), 400, "query")

    def test_without_its_embedder_an_index_has_bm25_and_says_why(self):
        hidden = self.folder / "embedder"
        hidden.rename(self.folder / "moved")
        try:
            server = Server(*self.FLAGS)
            self.assertEqual(server.post("/search", {"query": QUERY}).status, 200)
            self.assertEqual(server.get("/info").json["retrievers"], ["bm25"])
            refusal = self.refused(server.post("/search", {"query": QUERY, "retriever": "hybrid"}), 422, "retriever")
            self.assertIn("--embedder", refusal["message"])
            self.assertEqual(server.stop(), 0)
            self.assertIn("bm25 alone", server.last_log.lower())
            server = Server(*self.FLAGS, "--embedder", self.folder / "moved")
            self.assertEqual(server.post("/search", {"query": QUERY, "retriever": "dense"}).status, 200)
            self.assertEqual(server.stop(), 0)
        finally:
            (self.folder / "moved").rename(hidden)


if __name__ == "__main__":
    unittest.main()
