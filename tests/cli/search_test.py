"""narabi search over a corpus in memory."""

import json
import lzma
import unittest
from pathlib import Path

from narabi_cli import MODEL, TRAINED, CliTest, json_lines, kyoto, kyoto_corpus

KYOTO, _ = kyoto_corpus()
QUERY = "銀閣寺を建てた将軍は誰ですか"


class Search(CliTest):
    def search(self, *more, corpus=KYOTO):
        return self.narabi("search", "--corpus", corpus, *more)

    def test_bm25_alone_orders_by_its_score(self):
        lines = self.search("--query", QUERY, "--json", "--top-n", 5).json
        self.assertEqual([line["rank"] for line in lines], [1, 2, 3, 4, 5])
        scores = [line["score"] for line in lines]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertTrue(all("logit" not in line for line in lines))
        self.assertTrue(all(line["id"] and line["text"] for line in lines))

    def test_the_reranker_reorders_the_candidates_and_keeps_scores_apart(self):
        before = self.search("--query", QUERY, "--json", "--top-n", 20, "--candidates", 20).json
        lines = self.search("--query", QUERY, "--json", "--top-n", 20, "--candidates", 20, "--model", TRAINED,
                            "--blend", 0.25).json
        self.assertEqual({line["id"] for line in lines}, {line["id"] for line in before})
        bm25 = {line["id"]: line["score"] for line in before}
        for line in lines:
            self.assertAlmostEqual(line["score"], line["logit"] + 0.25 * bm25[line["id"]], delta=1e-5)
        scores = [line["score"] for line in lines]
        self.assertEqual(scores, sorted(scores, reverse=True))
        weight = json.loads((Path(TRAINED) / "narabi.json").read_text(encoding="utf-8"))["blend"]["bm25"]
        for line in self.search("--query", QUERY, "--json", "--candidates", 20, "--model", TRAINED).json:
            self.assertAlmostEqual(line["score"], line["logit"] + weight * line["bm25"], delta=1e-5)
        alone = self.search("--query", QUERY, "--json", "--candidates", 20, "--model", TRAINED, "--blend", 0).json
        self.assertTrue(all(abs(line["score"] - line["logit"]) < 1e-6 for line in alone))

    def test_the_table_is_for_people(self):
        rows = self.search("--query", QUERY, "--top-n", 3, "--model", MODEL).out.splitlines()
        self.assertIn("rank", rows[0])
        self.assertTrue(rows[1].split()[0] == "1")

    def test_the_table_shows_the_part_that_was_found_however_little_room_there_is(self):
        noise = "今日は天気がよいので川まで歩いた。" * 12
        text = noise + "将軍が銀閣を建てた。" + noise
        corpus = self.file("long.jsonl", json_lines([{"id": "a", "title": "慈照寺", "text": text}]))
        for flags in [[], ["--model", MODEL]]:
            row = self.search("--query", QUERY, *flags, corpus=corpus).out.splitlines()[1]
            self.assertIn("銀閣を建てた", row)

    def test_many_queries_make_a_run_that_eval_reads(self):
        queries = self.file("queries.tsv", "q1\t十二神将とは何か\nq2\t銀閣寺を建てた将軍\n")
        out = self.folder / "out.run"
        self.assertEqual(self.search("--queries", queries, "--output", out, "--candidates", 30).out, "")
        lines = [line.split() for line in out.read_text(encoding="utf-8").splitlines()]
        self.assertEqual({line[0] for line in lines}, {"q1", "q2"})
        self.assertTrue(all(len(line) == 6 for line in lines))
        qrels = self.file("qrels", f"q1 0 {lines[0][2]} 1\n")
        line, = self.narabi("eval", "--qrels", qrels, out, "--json").json
        self.assertEqual(line["mrr@10"], 1)

    def test_a_hyphen_as_output_is_stdout(self):
        queries = self.file("queries.tsv", "q1\t十二神将とは何か\n")
        out = self.folder / "out.run"
        self.search("--queries", queries, "--output", out, "--candidates", 5)
        self.assertEqual(self.search("--queries", queries, "--output", "-", "--candidates", 5).bytes, out.read_bytes())

    def test_ids_that_a_run_cannot_hold_are_named(self):
        corpus = self.file("ids.jsonl", json_lines([{"id": "a b", "text": "京都"}]))
        queries = self.file("queries.tsv", "q1\t京都\n")
        run = ["search", "--corpus", corpus, "--output", self.folder / "out.run", "--queries"]
        self.fails(*run, queries, expect=['document id', '"a b"'])
        self.fails(*run, self.file("ids.tsv", "q1\t京都\nq 2\t京都\n"), expect=['query id', '"q 2"'])
        self.assertEqual(len(self.search("--queries", queries, "--json", corpus=corpus).json), 1)
        self.assertFalse((self.folder / "out.run").exists())

    def test_queries_of_a_pipe_are_all_read(self):
        corpus = self.file("one.jsonl", json_lines([{"id": "a", "text": "京都"}]))
        queries = "".join(f"q{i}\t京都 {'x' * 60}\n" for i in range(2000))  # more than a pipe holds at once
        for path in ["-", "/dev/stdin"]:
            lines = self.narabi("search", "--corpus", corpus, "--queries", path, "--json", stdin=queries).json
            self.assertEqual([line["query_id"] for line in lines], [f"q{i}" for i in range(2000)], path)

    def test_as_many_candidates_as_results_to_show(self):
        corpus = self.file("many.jsonl", json_lines([{"id": str(i), "text": "京都"} for i in range(150)]))
        count = lambda *more: len(self.search("--query", "京都", "--json", "--top-n", 120, *more, corpus=corpus).json)
        self.assertEqual((count(), count("--candidates", 20)), (120, 20))

    def test_many_queries_as_json_lines_name_their_query(self):
        queries = self.file("queries.tsv", "q1\t十二神将とは何か\nq2\t銀閣寺を建てた将軍\n")
        lines = self.search("--queries", queries, "--json", "--top-n", 2).json
        self.assertEqual([line["query_id"] for line in lines], ["q1", "q1", "q2", "q2"])

    def test_a_budget_reranks_as_many_as_fit_and_says_so(self):
        every = self.search("--query", QUERY, "--json", "--candidates", 20, "--top-n", 20)
        before = [line["id"] for line in every.json]
        rerank = ["--query", QUERY, "--json", "--times", "--candidates", 20, "--top-n", 20, "--model", MODEL, "--blend", 0]
        none = self.search(*rerank, "--budget-ms", 0).json
        self.assertEqual([line["id"] for line in none], before)
        self.assertEqual({(line["reranking"], line["reranked"], "logit" in line) for line in none}, {("skipped", 0, False)})
        full = self.search(*rerank, "--budget-ms", 1e6).json
        self.assertEqual([(line["id"], line["logit"]) for line in full],
                         [(line["id"], line["logit"]) for line in self.search(*rerank).json])
        self.assertEqual({line["reranking"] for line in full}, {"full"})
        budget = full[0]["ms"]["rerank"] / 2
        cut = self.search(*rerank, "--budget-ms", budget).json  # how many is the machine's business
        count = cut[0]["reranked"]
        self.assertEqual([("logit" in line) for line in cut], [True] * count + [False] * (20 - count))
        self.assertEqual(sorted(line["before"] for line in cut[:count]), list(range(1, count + 1)))
        self.assertEqual([line["id"] for line in cut[count:]], before[count:])
        scores = [line["score"] for line in cut]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.wrong_usage("search", "--corpus", KYOTO, "--query", QUERY, "--budget-ms", 5, expect=["--model"])

    def test_the_best_window_of_a_long_passage_counts(self):
        answer = "平等院を建てたのは藤原頼通である。"
        noise = "今日は天気がよいので川まで歩いた。" * 40
        corpus = self.file("long.jsonl", json_lines([{"id": "long", "text": noise + answer}, {"id": "short", "text": noise}]))
        query = ["--query", "平等院を建てたのは誰", "--json", "--model", TRAINED, "--blend", 0, "--max-length", 96]
        cut = {line["id"]: line["logit"] for line in self.search(*query, corpus=corpus).json}
        best = {line["id"]: line["logit"] for line in self.search(*query, "--windows", corpus=corpus).json}
        self.assertGreater(best["long"], cut["long"] + 1)

    def test_several_corpus_files_are_one_corpus(self):
        documents = kyoto(40)
        parts = [self.file("a.jsonl", json_lines(documents[:25])),
                 self.file("b.jsonl.xz", lzma.compress(json_lines(documents[25:]).encode()))]
        whole = self.file("all.jsonl", json_lines(documents))
        expected = self.search("--query", "薬師寺", "--json", corpus=whole).out
        self.assertEqual(self.narabi("search", "--corpus", *parts, "--query", "薬師寺", "--json").out, expected)

    def test_a_query_that_hits_nothing_is_no_failure(self):
        corpus = self.file("c.jsonl", json_lines([{"id": "a", "text": "京都"}]))
        self.assertEqual(self.search("--query", "zzz", "--json", corpus=corpus).out, "")
        self.search("--query", "zzz", corpus=corpus)
        self.search("--query", "", "--json", corpus=corpus)

    def test_bad_corpora_and_queries_are_named(self):
        self.fails("search", "--corpus", self.folder / "none", "--query", "寺", expect=["none"])
        self.fails("search", "--corpus", self.file("empty.jsonl", ""), "--query", "寺", expect=["empty.jsonl"])
        self.fails("search", "--corpus", self.file("bad.jsonl", '{"id": "a"}\n'), "--query", "寺",
                   expect=["bad.jsonl:1", '"text"'])
        self.wrong_usage("search", "--corpus", KYOTO)
        self.wrong_usage("search", "--query", "寺")
        self.wrong_usage("search", "--corpus", KYOTO, "--query", "寺", "--output", "x.run", expect=["--queries"])
        result = self.run_narabi("search", "--corpus", KYOTO, "--query", "寺\udcff")
        self.assertIn(result.code, (1, 2))
        self.assertIn("UTF-8", result.err)


if __name__ == "__main__":
    unittest.main()
