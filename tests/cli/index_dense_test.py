"""The dense arm of an index: vectors by an embedder folder, exact and approximate search, fusion, the stamp."""

import contextlib
import json
import shutil
import sqlite3
import unittest

from narabi_cli import GOLDEN, MODEL, CliTest, json_lines, kyoto, not_under_tsan

EMBEDDER = GOLDEN / "embed-static"
OTHER = GOLDEN / "embed-ruri-v3"
QUERY = "銀閣寺を建てた将軍は誰ですか"


class Dense(CliTest):
    def setUp(self):
        super().setUp()
        self.index = self.folder / "index"
        self.documents = kyoto(300)
        self.corpus = self.file("corpus.jsonl", json_lines(self.documents))

    def build(self, *more, embedder=EMBEDDER):
        return self.narabi("index", self.index, "--corpus", self.corpus, "--batch", 100, "--embedder", embedder, "--json",
                           *more).json

    def search(self, *more, query=QUERY):
        candidates = [] if "--candidates" in more else ["--candidates", 100]
        return self.narabi("search", self.index, "--query", query, "--json", "--top-n", 300, *candidates, *more).json

    def info(self):
        line, = self.narabi("index", "info", self.index, "--json").json
        return line

    def embed(self, texts, prompt, embedder):
        lines = self.narabi("embed", "--model", embedder, "--input", "-", *(["--prompt", prompt] if prompt else []),
                            stdin=json_lines([{"text": text} for text in texts])).json
        return [line["vector"] for line in lines]

    def test_dense_scores_are_the_inner_products_of_the_embedder(self):
        for embedder, query_prompt, document_prompt in [(EMBEDDER, "", ""), (OTHER, "query", "document")]:
            self.index = self.folder / embedder.name
            self.build(embedder=embedder)
            texts = [f"{d['title']} {d['text']}" if d["title"] else d["text"] for d in self.documents]
            query, = self.embed([QUERY], query_prompt, embedder)
            products = {d["id"]: sum(a * b for a, b in zip(query, vector))
                        for d, vector in zip(self.documents, self.embed(texts, document_prompt, embedder))}
            lines = self.search("--retriever", "dense", "--candidates", 50)
            self.assertEqual(len(lines), 50)
            for line in lines:
                self.assertAlmostEqual(line["dense"], products[line["id"]], delta=1e-4)
                self.assertEqual(line["score"], line["dense"])
            least = sorted(products.values(), reverse=True)[49]
            self.assertAlmostEqual(lines[-1]["score"], least, delta=1e-4)

    @not_under_tsan
    def test_hybrid_is_the_union_fused_by_ranks_or_scores(self):
        self.build()
        arms = {arm: {line["id"]: rank for rank, line in enumerate(self.search("--retriever", arm, "--candidates", 30), 1)}
                for arm in ["bm25", "dense"]}
        lines = self.search("--retriever", "hybrid", "--candidates", 30)
        self.assertEqual({line["id"] for line in lines}, set(arms["bm25"]) | set(arms["dense"]))
        for line in lines:
            ranks = [arm[line["id"]] for arm in arms.values() if line["id"] in arm]
            self.assertEqual([line[key] for key in ["bm25_rank", "dense_rank"] if key in line], ranks)
            self.assertAlmostEqual(line["score"], sum(1 / (60 + rank) for rank in ranks), delta=1e-9)
        scores = [line["score"] for line in lines]
        self.assertEqual(scores, sorted(scores, reverse=True))
        bm25 = [line["id"] for line in self.search("--retriever", "bm25", "--candidates", 30)]
        only = self.search("--retriever", "hybrid", "--candidates", 30, "--fusion", "convex", "--dense-weight", 0)
        self.assertEqual([line["id"] for line in only][:29], bm25[:29])

    @not_under_tsan
    def test_explain_names_the_arms_and_the_reranker(self):
        self.build()
        hit = self.search("--retriever", "hybrid", "--model", MODEL, "--blend", 0)[3]
        command = ["index", self.index, "explain", "--query", QUERY, "--id", hit["id"], "--model", MODEL]
        arms = {line["arm"]: line for line in self.narabi(*command, "--json").json if "arm" in line}
        self.assertEqual(list(arms), ["bm25", "dense", "fused", "reranker"])
        for arm in ["bm25", "dense"]:
            self.assertEqual(arms[arm].get("rank"), hit.get(arm + "_rank"))
        self.assertEqual(arms["fused"]["rank"], hit["before"])
        self.assertAlmostEqual(arms["reranker"]["logit"], hit["logit"], delta=1e-5)
        self.assertIn("reranker   logit", self.narabi(*command).out)

    def test_hybrid_search_says_what_each_part_took(self):
        self.build()
        line = self.search("--retriever", "hybrid", "--model", MODEL, "--candidates", 5, "--times")[0]
        self.assertEqual(list(line["ms"]), ["analyze", "bm25", "embed", "dense", "fusion", "fetch", "rerank", "total"])
        self.assertGreaterEqual(line["ms"]["total"] + 1, sum(list(line["ms"].values())[:-1]))
        self.assertEqual((line["reranking"], line["reranked"]), ("full", len(self.search("--retriever", "hybrid",
                                                                                          "--candidates", 5))))
        text = self.narabi("search", self.index, "--query", QUERY, "--retriever", "hybrid").out.splitlines()[-1]
        for part in ["of 300 passages found", "bm25", "dense", "fusion", "total"]:
            self.assertIn(part, text)

    @not_under_tsan
    def test_every_kind_of_approximate_index_finds_what_exact_search_finds(self):
        self.build()
        exact = self.search("--retriever", "dense", "--exact", "--candidates", 10)
        for factory in ["HNSW16", "IVF4_HNSW8,SQ8", "IVF4,PQ16", "OPQ8,IVF4,PQ8"]:
            self.narabi("index", self.index, "--dense", factory)
            found = self.search("--retriever", "dense", "--nprobe", 4, "--refine", 16, "--candidates", 10)
            self.assertEqual([line["id"] for line in found], [line["id"] for line in exact], factory)

    def test_an_approximate_index_agrees_with_exact_search_when_all_lists_are_visited(self):
        self.build("--dense", "IVF4,SQ8")
        info = self.info()
        self.assertEqual((info["dense"], info["vectors"], info["approximate"]), ("IVF4,SQ8", 300, 300))
        exact = self.search("--retriever", "dense", "--exact")
        found = self.search("--retriever", "dense", "--nprobe", 4, "--refine", 3)
        self.assertEqual([line["id"] for line in found], [line["id"] for line in exact])
        rows = self.narabi("index", self.index, "--recall-check", 20, "--json").json
        full = [row for row in rows if row["nprobe"] == 4 and row["refine"] == 4]
        self.assertGreater(full[0]["recall@100"], 0.99)
        self.assertTrue(all(0 < row["recall@10"] <= 1 + 1e-9 and row["ms"] > 0 for row in rows))

    def test_many_exact_queries_at_once_find_what_each_finds_alone(self):
        self.build("--dense", "IVF4,SQ8")
        queries = [d["text"][:20] for d in self.documents[1:200:3]]
        path = self.file("queries.tsv", "".join(f"q{i}\t{query}\n" for i, query in enumerate(queries)))
        for step in ["all", "half deleted"]:
            if step != "all":
                self.narabi("index", "delete", self.index, *(d["id"] for d in self.documents[::2]))
            for retriever in ["dense", "hybrid"]:
                options = ["--retriever", retriever, "--exact", "--candidates", 40, "--top-n", 40]
                lines = self.narabi("search", self.index, "--queries", path, "--json", *options).json
                for i in [0, 5, len(queries) - 1]:
                    alone = self.narabi("search", self.index, "--query", queries[i], "--json", *options).json
                    found = [{key: value for key, value in line.items() if key != "query_id"} for line in lines
                             if line["query_id"] == f"q{i}"]
                    self.assertEqual(found, alone)

    def test_the_fastest_row_that_finds_enough_is_noted_and_used(self):
        self.build("--dense", "IVF16,PQ8x4")
        few = self.search("--retriever", "dense", "--nprobe", 1, "--refine", 1)
        check = ["index", self.index, "--recall-check", 20]
        *rows, noted = self.narabi(*check, "--recall-target", 0.98, "--json").json
        self.assertEqual([row["nprobe"] for row in rows[::6]], [4, 8, 16][:len(rows) // 6])
        enough = [row for row in rows if row["recall@100"] >= 0.98]
        best = min(enough, key=lambda row: row["ms"])
        self.assertEqual(noted, {"noted": True, "nprobe": best["nprobe"], "refine": best["refine"]})
        self.assertEqual((self.info()["nprobe"], self.info()["refine"]), (best["nprobe"], best["refine"]))
        self.assertIn(f"with nprobe {best['nprobe']}, refine {best['refine']:g}\n",
                      self.narabi("index", "info", self.index).out)
        asked = self.search("--retriever", "dense", "--nprobe", best["nprobe"], "--refine", best["refine"])
        self.assertEqual(self.search("--retriever", "dense"), asked)
        self.assertNotEqual(few, asked)
        self.wrong_usage(*check, "--recall-target", 1.1, expect=["--recall-target"])
        self.wrong_usage("index", self.index, "--recall-target", 0.9, expect=["--recall-check"])
        self.narabi("index", self.index, "--dense", "IVF4,PQ1x1")
        self.assertEqual((self.info()["nprobe"], self.info()["refine"]), (0, 0))

    @not_under_tsan  # with so many documents it also takes what ICU's threads share for a race
    def test_a_target_that_no_row_reaches_is_said_and_nothing_noted(self):
        documents = kyoto(3000)  # and as many again: the table scores up to 3,200 exactly
        self.corpus = self.file("many.jsonl", json_lines(documents + [
            {"id": "r" + d["id"], "text": d["text"][::-1]} for d in documents]))
        self.build("--dense", "IVF4,PQ1x1")
        self.fails("index", self.index, "--recall-check", 20, "--recall-target", 1, expect=["target 1", "the most is 0."])
        self.assertEqual(self.info()["nprobe"], 0)

    @not_under_tsan
    def test_deleted_replaced_and_filtered_documents_are_not_found(self):
        for factory in ["Flat", "IVF4,SQ8"]:
            self.index = self.folder / factory.replace(",", "-")
            self.build("--dense", factory)
            first, second = [line["id"] for line in self.search("--retriever", "dense")][:2]
            self.narabi("index", "delete", self.index, first)
            new = self.file("new.jsonl", json_lines([{"id": "new", "text": QUERY, "kind": "x"}]))
            self.narabi("index", self.index, "--corpus", new)
            ids = [line["id"] for line in self.search("--retriever", "dense")]
            self.assertIn(second, ids[:2])
            self.assertNotIn(first, ids)
            self.assertEqual([line["id"] for line in self.search("--retriever", "dense", "--filter", "kind = x")], ["new"])
            self.narabi("index", "compact", self.index)
            ids = [line["id"] for line in self.search("--retriever", "dense", "--exact")]
            self.assertIn(second, ids[:2])
            self.assertNotIn(first, ids)
            self.narabi("index", "verify", self.index)

    def test_vectors_come_later_or_again(self):
        self.narabi("index", self.index, "--corpus", self.corpus, "--batch", 100)
        self.fails("search", self.index, "--query", QUERY, "--retriever", "dense", expect=["--embedder"])
        self.narabi("index", self.index, "--embedder", EMBEDDER)
        self.assertEqual(self.info()["vectors"], 300)
        expected = self.search("--retriever", "dense")
        files = sorted((self.index / "segments").glob("vectors-*"))
        data = bytearray(files[0].read_bytes())
        data[len(data) // 2] ^= 0x40
        files[0].write_bytes(bytes(data))
        result = self.run_narabi("index", "verify", self.index)
        self.assertEqual(result.code, 1)
        self.assertIn(files[0].name, result.out)
        self.narabi("index", "rebuild", self.index)
        self.narabi("index", "verify", self.index)
        self.assertEqual(self.search("--retriever", "dense"), expected)

    @not_under_tsan
    def test_what_was_embedded_again_between_others_is_found(self):
        self.build("--dense", "IVF4,SQ8")
        files = sorted((self.index / "segments").glob("vectors-*"))
        self.assertEqual(len(files), 3)
        for path in [files[0], files[2]]:
            data = bytearray(path.read_bytes())
            data[1000] ^= 0x40
            path.write_bytes(data)
        everything = ["--retriever", "dense", "--nprobe", 4, "--candidates", 300]
        for step in ["rebuild", "compact"]:
            self.narabi("index", step, self.index)
            self.narabi("index", "verify", self.index)
            self.assertEqual(sorted(line["id"] for line in self.search(*everything)),
                             sorted(d["id"] for d in self.documents), step)

    @not_under_tsan
    def test_documents_without_a_vector_are_a_problem(self):
        self.build()
        with contextlib.closing(sqlite3.connect(self.index / "store.sqlite")) as store, store:
            store.execute("DELETE FROM segments WHERE kind = 'vectors' AND first = 100")
        result = self.run_narabi("index", "verify", self.index)
        self.assertEqual((result.code, result.out), (1, "100 stored documents have no vector: narabi index INDEX rebuild\n"))
        self.narabi("index", "rebuild", self.index)
        self.narabi("index", "verify", self.index)

    @not_under_tsan
    def test_what_is_filtered_or_deleted_takes_no_places(self):
        for i, document in enumerate(self.documents):
            document["group"] = i % 10
        self.corpus = self.file("groups.jsonl", json_lines(self.documents))
        self.build("--dense", "IVF32,SQ8")
        one = ["--retriever", "dense", "--filter", "group = 7", "--nprobe", 1]
        found = self.search(*one)
        self.assertEqual(found, self.search(*one, "--exact"))
        self.assertEqual(len(found), 30)
        self.narabi("index", "delete", self.index, *(d["id"] for d in self.documents[::2]))
        few = ["--retriever", "dense", "--nprobe", 1, "--candidates", 60]
        self.assertEqual(len(self.search(*few)), 60)
        every = ["--retriever", "dense", "--nprobe", 1, "--candidates", 200]
        self.assertEqual(self.search(*every), self.search(*every, "--exact"))

    @not_under_tsan
    def test_an_index_without_documents_has_no_recall(self):
        self.build("--dense", "IVF4,SQ8")
        self.narabi("index", "delete", self.index, "--ids", self.file("ids", "".join(d["id"] + "\n" for d in self.documents)))
        for step in ["deleted", "compacted"]:
            self.fails("index", self.index, "--recall-check", 5, expect=["documents", "found none"])
            self.assertEqual(self.search("--retriever", "dense"), [])
            self.narabi("index", "compact", self.index)
            self.narabi("index", "verify", self.index)
        self.assertEqual((self.info()["vectors"], self.info()["approximate"]), (0, 0))
        self.build()
        self.assertEqual((self.info()["vectors"], self.info()["approximate"]), (300, 300))

    @not_under_tsan
    def test_what_makes_the_vectors_has_to_be_there_and_the_same(self):
        self.fails("index", self.index, "--corpus", self.corpus, "--dense", "IVF4,SQ8", expect=["IVF4,SQ8", "--embedder"])
        self.build()
        self.fails("index", self.index, "--embedder", OTHER, expect=["another embedder"])
        self.fails("index", self.index, "--embedder", self.folder / "none", expect=["none", "folder of the index's embedder"])

    @not_under_tsan
    def test_another_embedder_is_refused(self):
        self.build()
        self.fails("search", self.index, "--query", QUERY, "--retriever", "dense", "--embedder", OTHER,
                   expect=["another embedder"])
        copy = self.folder / "copy"
        shutil.copytree(EMBEDDER, copy)
        self.assertTrue(self.search("--retriever", "dense", "--embedder", copy))
        settings = copy / "config_sentence_transformers.json"
        settings.write_text(settings.read_text().replace("{", "{ ", 1))
        self.fails("search", self.index, "--query", QUERY, "--retriever", "hybrid", "--embedder", copy,
                   expect=["another embedder"])

    def test_prompts_that_the_folder_does_not_name_are_kept_in_the_index(self):
        prompts = json.loads((OTHER / "config_sentence_transformers.json").read_text())["prompts"]
        bare = self.folder / "bare"
        shutil.copytree(OTHER, bare)
        (bare / "config_sentence_transformers.json").unlink()
        build = ["index", self.index, "--corpus", self.corpus, "--embedder"]
        self.assertNotIn("names no prompts", self.narabi(*build, OTHER).err)
        expected = self.search("--retriever", "dense")
        self.index = self.folder / "bare-index"
        build[1] = self.index
        given = ["--query-prompt", prompts["query"], "--document-prompt", prompts["document"]]
        self.assertNotIn("names no prompts", self.narabi(*build, bare, *given).err)
        self.assertEqual(self.search("--retriever", "dense"), expected)
        info = self.info()
        self.assertEqual((info["query_prompt"], info["document_prompt"]), (prompts["query"], prompts["document"]))
        self.fails(*build, bare, "--query-prompt", "another", expect=["another embedder", prompts["query"]])
        self.assertNotIn("names no prompts", self.narabi(*build, bare).err)  # as before
        build[1] = self.folder / "without"
        self.assertIn(f"{bare} names no prompts", self.narabi(*build, bare).err)
        self.wrong_usage("index", self.index, "--corpus", self.corpus, "--query-prompt", "q: ", expect=["--embedder"])

    @not_under_tsan
    def test_factories_that_are_none_are_named(self):
        self.fails("index", self.index, "--corpus", self.corpus, "--embedder", EMBEDDER, "--dense", "nonsense",
                   expect=["nonsense"])
        self.fails("index", self.index, "--corpus", self.corpus, "--embedder", EMBEDDER, "--dense", "IVF4,PQ8x4fs",
                   expect=["PQ8x4fs", "nprobe"])
        self.index = self.folder / "few"
        self.fails("index", self.index, "--corpus", self.corpus, "--embedder", EMBEDDER, "--dense", "IVF4096,PQ4",
                   expect=["4096", "300"])

    def test_the_union_goes_to_the_reranker(self):
        self.build()
        lines = self.search("--retriever", "hybrid", "--candidates", 10, "--model", MODEL)
        union = {line["id"] for line in self.search("--retriever", "hybrid", "--candidates", 10)}
        self.assertEqual({line["id"] for line in lines}, union)
        self.assertTrue(all("logit" in line for line in lines))


if __name__ == "__main__":
    unittest.main()
