"""narabi reproduce: JSQuAD and the runs of JQaRA, which ship; small collections of each kind; tables and plots."""

import json
import lzma
import unittest
import xml.etree.ElementTree as ElementTree

from narabi_cli import GOLDEN, MODEL, SANITIZED, TRAINED, CliTest, json_lines, kyoto, shipped_data

TEXTS = kyoto(24)
QUESTIONS = 6 if SANITIZED else 20


class Collection(CliTest):
    """A folder of a collection: queries cut out of passages, which are then their answers."""

    def put(self, name, queries, qrels=True, sets=None, section="概要"):
        folder = self.folder / "data" / name
        folder.mkdir(parents=True)
        (folder / "queries.jsonl").write_text(json_lines(queries), encoding="utf-8")
        corpus = [{"id": f"p{i}", "title": text["title"], "section": section, "text": text["text"]}
                  for i, text in enumerate(TEXTS)]
        (folder / "corpus-0.jsonl").write_text(json_lines(corpus[:9]), encoding="utf-8")
        (folder / "corpus-1.jsonl.xz").write_bytes(lzma.compress(json_lines(corpus[9:]).encode()))
        if qrels:
            (folder / "qrels.trec").write_text("".join(f"q{i} 0 p{i} 1\n" for i in range(len(queries))))
        if sets:
            (folder / "candidates.run").write_text("".join(
                f"q{q} Q0 p{passage} {rank} {100 - rank} set\n"
                for q, passages in enumerate(sets) for rank, passage in enumerate(passages, 1)))
        return folder

    def queries(self, count=3):
        return [{"id": f"q{i}", "text": TEXTS[i]["text"][:20]} for i in range(count)]

    def reproduce(self, name, *options):
        return self.narabi("reproduce", name, "--data", self.folder / "data", "--json", *options).json


class Squad(CliTest):
    def reproduce(self, *options):
        return self.narabi("reproduce", "jsquad", "--data", shipped_data(), "--limit", QUESTIONS, *options)

    def test_a_row_for_each_depth_without_and_with_bm25(self):
        lines = self.reproduce("--model", TRAINED, "--blend", 0.1, "--depth", "5,2", "--json").json
        self.assertEqual([(line["ranking"].split(", ")[-1], line.get("depth")) for line in lines],
                         [("words + bigrams", None), ("logit alone", 2), ("logit + 0.1 x BM25", 2), ("logit alone", 5),
                          ("logit + 0.1 x BM25", 5)])
        self.assertEqual([line["pairs"] for line in lines[1::2]], [2 * QUESTIONS, 5 * QUESTIONS])
        for line in lines:
            self.assertEqual(line["questions"], QUESTIONS)
            for metric in ["hit@1", "mrr@10", "ndcg@10", "recall@2", "recall@5"]:
                self.assertTrue(0 < line[metric] <= 1)
            self.assertGreaterEqual(line["recall@5"], line["recall@2"])
            self.assertGreaterEqual(line["seconds"], 0)
        self.assertEqual(lines[0]["recall@5"], lines[3]["recall@5"])  # reranking 5 moves nothing into the first 5

    def test_paragraphs_cut_into_passages(self):
        whole, cut = (self.reproduce("--json", *options).json[0] for options in [[], ["--passage-length", 60]])
        self.assertEqual(whole["questions"], cut["questions"])  # each is answered by one of the parts
        self.assertNotEqual(whole["ndcg@10"], cut["ndcg@10"])
        self.fails("reproduce", "jqara", "--data", shipped_data(), "--titles", expect=["are for jsquad, jaquad"])

    def test_a_kept_index_of_other_passages_is_refused(self):
        kept = ["--index", self.folder / "kept"]
        self.reproduce("--passage-length", 60, *kept)
        self.fails("reproduce", "jsquad", "--data", shipped_data(), "--limit", QUESTIONS, *kept,
                   expect=["kept/bm25: expected an index of these", "name another folder"])

    def test_words_and_bigrams_alone(self):
        lines = self.reproduce("--lexical-parts", "--json").json
        self.assertEqual([line["ranking"] for line in lines], ["BM25, words", "BM25, bigrams", "BM25, words + bigrams"])

    def test_an_embedder_adds_dense_and_hybrid_candidates(self):
        lines = self.reproduce("--embedder", GOLDEN / "embed-ruri-v3", "--depth", 3, "--json").json
        self.assertEqual([line["ranking"] for line in lines],
                         ["BM25, words + bigrams", "embed-ruri-v3", "BM25 + embed-ruri-v3"])
        self.assertEqual(len({line["ndcg@10"] for line in lines}), 3)

    def test_the_plot_and_the_markdown_table(self):
        svg = self.folder / "plot.svg"
        text = self.reproduce("--model", TRAINED, "--depth", "2,4", "--svg", svg, "--markdown").out
        rows = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual({line.count("|") for line in rows}, {rows[0].count("|")})
        self.assertEqual(len(rows), 2 + 1 + 4)  # head, rule, BM25, two depths with and without BM25
        root = ElementTree.parse(svg).getroot()
        self.assertEqual(len(root.findall(".//{*}circle")), 2)

    def test_articles_can_be_skipped_until_none_is_left(self):
        articles = [{"title": text["title"], "paragraphs": [
            {"context": text["text"], "qas": [{"id": f"q{i}", "question": text["text"][:9],
                                               "answers": [{"text": text["text"][:3], "answer_start": 0}]}]}]}
            for i, text in enumerate(TEXTS[:3])]
        (self.folder / "jaquad").mkdir()
        self.file("jaquad/jaquad-train.json.xz", lzma.compress(json.dumps({"data": articles}).encode()))
        command = ["reproduce", "jaquad-train", "--data", self.folder, "--json", "--skip-articles"]
        self.assertEqual(self.narabi(*command, 2).json[0]["questions"], 1)
        self.fails(*command, 3, expect=["--skip-articles: expected at most 2 of the articles of ", "found 3"])

    def test_what_is_missing_is_named(self):
        self.fails("reproduce", "jsquad", "--data", self.folder, expect=["jsquad"])
        self.fails("reproduce", "jacwir", "--data", self.folder, expect=["jacwir", "qrels.trec", "tools/collections.py"])
        self.wrong_usage("reproduce", "nothing")
        self.wrong_usage("reproduce", "jsquad", "--depth", "0")


class PublishedRuns(CliTest):
    def test_jqara(self):
        lines = self.narabi("reproduce", "jqara", "--data", shipped_data(), "--json").json
        self.assertEqual(len(lines), 4)
        for line in lines:
            self.assertAlmostEqual(line["ndcg@10"], line["published"], delta=0.2 if SANITIZED else 6e-4)
        self.fails("reproduce", "jqara", "--data", shipped_data(), "--model", MODEL, expect=["candidates.run"])


class Sets(Collection):
    def test_only_the_set_of_a_query_is_ranked(self):
        self.put("jqara", self.queries(), sets=[[5, 0, 7], [9, 1], [2, 3, 4, 20]])
        first, *reranked = self.reproduce("jqara", "--model", MODEL, "--blend", 0, "--depth", "2,100")
        self.assertEqual((first["ranking"], first["ndcg@10"], first["recall@100"]), ("BM25 within each set", 1, 1))
        self.assertEqual([line["pairs"] for line in reranked], [6, 9])

    def test_jacwir_has_its_own_metrics(self):
        self.put("jacwir", self.queries(), sets=[[5, 0, 7], [9, 8], [2, 3, 4, 20]])
        line, = self.reproduce("jacwir")
        self.assertAlmostEqual(line["map@10"], 2 / 3)
        self.assertAlmostEqual(line["hit@10"], 2 / 3)

    def test_a_passage_or_a_set_that_is_not_there_is_named(self):
        folder = self.put("jqara", self.queries(), sets=[[0], [1], [99]])
        self.fails("reproduce", "jqara", "--data", self.folder / "data", expect=["p99"])
        (folder / "candidates.run").write_text("q0 Q0 p0 1 1 x\n")
        self.fails("reproduce", "jqara", "--data", self.folder / "data", expect=["q1"])


class Corpora(Collection):
    def test_miracl_searches_all_passages(self):
        self.put("miracl-ja", self.queries(5))
        line, = self.reproduce("miracl-ja", "--depth", 10)
        self.assertEqual((line["questions"], line["recall@10"]), (5, 1))
        self.assertGreater(line["ndcg@10"], 0.9)

    def test_an_index_that_is_kept_is_used_again(self):
        self.put("miracl-ja", self.queries(5))
        first, second = (self.reproduce("miracl-ja", "--index", self.folder / "kept") for _ in range(2))
        self.assertEqual(first[0]["ndcg@10"], second[0]["ndcg@10"])
        info, = self.narabi("index", "info", self.folder / "kept/bm25", "--json").json
        self.assertEqual((info["documents"], info["segments"]), (24, 1))

    def test_aio_is_judged_by_answers_in_titles_and_texts(self):
        queries = [{**query, "answer": TEXTS[i]["title"], "answer_candidates": ["ここにない", TEXTS[i]["title"]]}
                   for i, query in enumerate(self.queries())]
        queries[2].update(answer="ここにない")
        self.put("aio", queries, qrels=False)
        line, = self.reproduce("aio", "--depth", 10)
        self.assertAlmostEqual(line["acc@1"], 2 / 3)
        self.assertAlmostEqual(line["hit@10"], 2 / 3)
        self.assertEqual(line["nmr@10"], 0)

    def test_a_quiz_without_answers_is_refused(self):
        self.put("aio", self.queries(), qrels=False)
        self.fails("reproduce", "aio", "--data", self.folder / "data", expect=["q0", "answer"])


if __name__ == "__main__":
    unittest.main()
