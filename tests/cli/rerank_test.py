"""narabi rerank: passages of one query, and TREC runs."""

import gzip
import unittest
from pathlib import Path

from narabi_cli import MODEL, CliTest, json_lines, kyoto, pair_lines

QUERY = "銀閣寺を建てた将軍は誰ですか"
PASSAGES = ["東京タワーは港区にある。", "銀閣寺は足利義政が建てた山荘に始まる。", "金閣寺は足利義満の北山殿に始まる。",
            "琵琶湖は滋賀県にある。"]


class RerankPassages(CliTest):
    def setUp(self):
        super().setUp()
        self.plain = self.file("passages.txt", "".join(text + "\n" for text in PASSAGES))

    def rerank(self, path, *more, **streams):
        return self.narabi("rerank", "--model", MODEL, "--query", QUERY, "--passages", path, *more, **streams)

    def logits_of(self, texts):
        pairs = pair_lines([{"query": QUERY, "passage": text} for text in texts])
        return [line["logit"] for line in self.narabi("score", "--model", MODEL, "--input", "-", stdin=pairs).json]

    def test_json_lines_are_ordered_by_logit_with_all_fields(self):
        lines = self.rerank(self.plain, "--json").json
        self.assertEqual([line["rank"] for line in lines], [1, 2, 3, 4])
        self.assertEqual(sorted(line["index"] for line in lines), [0, 1, 2, 3])
        self.assertEqual([line["text"] for line in lines], [PASSAGES[line["index"]] for line in lines])
        self.assertEqual([line["logit"] for line in lines], sorted((line["logit"] for line in lines), reverse=True))
        logits = self.logits_of(PASSAGES)
        for line in lines:
            self.assertEqual(list(line)[:2], ["rank", "index"])
            self.assertNotIn("id", line)
            self.assertEqual(line["logit"], logits[line["index"]])
            self.assertTrue(0 < line["score"] < 1)

    def test_ids_are_kept_and_titles_are_read_in_front_of_the_text(self):
        documents = [{"id": "d1", "title": "銀閣寺", "text": "東山にある。"}, {"id": "d2", "text": "銀閣寺 東山にある。"},
                     {"text": "別の寺。"}]
        lines = self.rerank(self.file("p.jsonl", json_lines(documents)), "--json").json
        by_index = {line["index"]: line for line in lines}
        self.assertEqual(by_index[0]["id"], "d1")
        self.assertEqual(by_index[0]["text"], "東山にある。")
        self.assertEqual(by_index[0]["logit"], by_index[1]["logit"])
        self.assertNotIn("id", by_index[2])

    def test_equal_passages_keep_their_order(self):
        path = self.file("same.txt", "同じ文。\n" * 5)
        self.assertEqual([line["index"] for line in self.rerank(path, "--json").json], [0, 1, 2, 3, 4])

    def test_top_n_keeps_the_best(self):
        every = self.rerank(self.plain, "--json").json
        self.assertEqual(self.rerank(self.plain, "--json", "--top-n", 2).json, every[:2])
        self.assertEqual(self.rerank(self.plain, "--json", "--top-n", 9).json, every)

    def test_compressed_passages_and_stdin(self):
        documents = json_lines([{"text": text} for text in PASSAGES])
        expected = self.rerank(self.plain, "--json").bytes
        self.assertEqual(self.rerank(self.file("p.gz", gzip.compress(documents.encode())), "--json").bytes, expected)
        self.assertEqual(self.rerank("-", "--json", stdin=documents).bytes, expected)
        self.assertEqual(self.rerank("-", "--json", stdin="\n" + "".join(text + "\n" for text in PASSAGES)).bytes, expected)

    def test_the_table_shows_where_a_passage_came_from_and_fits(self):
        text = self.rerank(self.plain, "--top-n", 3).out
        rows = text.splitlines()
        best = self.rerank(self.plain, "--json").json[0]
        self.assertIn("rank", rows[0])
        self.assertIn(PASSAGES[best["index"]][:6], rows[1])
        self.assertEqual(rows[1].split()[:2], ["1", str(best["index"] + 1)])
        long = self.file("long.txt", "京都" * 500 + "\n" + "x" * 900 + "\n")
        for row in self.rerank(long).out.splitlines():
            columns = sum(2 if ord(c) > 0x2E80 else 1 for c in row)
            self.assertLessEqual(columns, 100, row)

    def test_bad_passages_are_named(self):
        run = ["rerank", "--model", MODEL, "--query", QUERY, "--passages"]
        self.fails(*run, self.file("empty.txt", ""), expect=["empty.txt"])
        self.fails(*run, self.folder / "none.txt", expect=["none.txt"])
        self.fails(*run, self.file("bad.txt", "寺\n".encode() + b"\xe3\x81\n"), expect=["bad.txt:2", "byte 0"])
        self.fails(*run, self.file("bad.jsonl", '{"text": "a"}\n{"txt": "a"}\n'), expect=["bad.jsonl:2", '"text"'])
        self.fails(*run, self.file("ids.jsonl", '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}\n'),
                   expect=["ids.jsonl:2", "ids.jsonl:1"])
        self.fails(*run, self.file("bad2.jsonl", '{"text": "a"}\nplain\n'), expect=["bad2.jsonl:2"])

    def test_a_query_that_is_no_utf8_is_an_error(self):
        result = self.run_narabi("rerank", "--model", MODEL, "--query", "寺\udcff", "--passages", self.plain)
        self.assertIn(result.code, (1, 2))
        self.assertIn("UTF-8", result.err)

    def test_half_a_form_or_both_is_wrong_usage(self):
        self.wrong_usage("rerank", "--model", MODEL)
        self.wrong_usage("rerank", "--model", MODEL, "--query", QUERY)
        self.wrong_usage("rerank", "--model", MODEL, "--passages", self.plain)
        self.wrong_usage("rerank", "--model", MODEL, "--queries", "q", "--run", "r", "--output", "o")
        self.wrong_usage("rerank", "--model", MODEL, "--query", QUERY, "--passages", self.plain, "--run", "r")
        self.wrong_usage("rerank", "--query", QUERY, "--passages", self.plain)

    def test_flags_of_the_other_form_are_wrong_usage(self):
        one = ["rerank", "--model", MODEL, "--query", QUERY, "--passages", self.plain]
        for flag, value in [("--corpus", "c"), ("--depth", 1), ("--blend", 5), ("--tag", "x"), ("--output", "o")]:
            self.wrong_usage(*one, flag, value, expect=[flag])
        run = ["rerank", "--model", MODEL, "--queries", "q", "--corpus", "c", "--run", "r", "--output", "o"]
        self.wrong_usage(*run, "--top-n", 1, expect=["--top-n"])

    def test_numbers_that_make_no_sense_are_wrong_usage(self):
        self.wrong_usage("rerank", "--model", MODEL, "--query", QUERY, "--passages", self.plain, "--top-n", -1,
                         expect=["--top-n: expected a number of at least 0, found -1"])
        self.wrong_usage("rerank", "--model", MODEL, "--queries", "q", "--corpus", "c", "--run", "r", "--output", "o",
                         "--blend", "nan", expect=["--blend: expected a finite number, found nan"])


class RerankRun(CliTest):
    """Three queries over the first Kyoto passages; first-stage scores fall with the rank."""

    def setUp(self):
        super().setUp()
        self.documents = kyoto(30)
        self.queries = {"q1": "十二神将とは", "q2": "薬師寺の像", "q10": "京都の通り"}
        self.queries_path = self.file("queries.tsv", "".join(f"{i}\t{text}\n" for i, text in self.queries.items()))
        self.corpus_path = self.file("corpus.jsonl", json_lines(self.documents))
        ids = [document["id"] for document in self.documents]
        self.run_lines = {q: [(doc, 20 - rank) for rank, doc in enumerate(ids[n * 5:n * 5 + 12])]
                          for n, q in enumerate(self.queries)}
        self.run_path = self.file("in.run", "".join(
            f"{q} Q0 {doc} {rank} {score} bm25\n" for q, entries in self.run_lines.items()
            for rank, (doc, score) in enumerate(entries, 1)))
        self.out = self.folder / "out.run"

    def command(self, **changes):
        flags = {"queries": self.queries_path, "corpus": self.corpus_path, "run": self.run_path, "output": self.out}
        flags.update(changes)
        return ["rerank", "--model", MODEL] + [part for name, value in flags.items()
                                               for part in ("--" + name, str(value))]

    def read(self):
        run = {}
        for line in self.out.read_text(encoding="utf-8").splitlines():
            query, q0, document, rank, score, tag = line.split()
            self.assertEqual(q0, "Q0")
            run.setdefault(query, []).append((document, float(score)))
            self.assertEqual(int(rank), len(run[query]))
        return run

    def logits(self):
        texts = {d["id"]: d["title"] + " " + d["text"] for d in self.documents}
        pairs = [(q, doc) for q, entries in self.run_lines.items() for doc, _ in entries]
        lines = self.narabi("score", "--model", MODEL, "--input", "-", stdin=pair_lines(
            [{"query": self.queries[q], "passage": texts[doc]} for q, doc in pairs])).json
        return {pair: line["logit"] for pair, line in zip(pairs, lines)}

    def test_candidates_are_ordered_by_the_logit(self):
        result = self.narabi(*self.command(blend=0))
        self.assertEqual(result.out, "")
        logits, run = self.logits(), self.read()
        self.assertEqual(set(run), set(self.queries))
        for query, entries in run.items():
            self.assertEqual({doc for doc, _ in entries}, {doc for doc, _ in self.run_lines[query]})
            self.assertEqual([doc for doc, _ in entries],
                             sorted((doc for doc, _ in entries), key=lambda doc: -logits[query, doc]))
            for doc, score in entries:
                self.assertAlmostEqual(score, logits[query, doc], delta=1e-5)
            self.assertTrue(all(a > b for (_, a), (_, b) in zip(entries, entries[1:])))

    def test_a_hyphen_as_output_is_stdout(self):
        self.narabi(*self.command())
        self.assertEqual(self.narabi(*self.command(output="-")).bytes, self.out.read_bytes())

    def test_json_says_what_was_done(self):
        (line,) = self.narabi(*self.command(), "--json").json
        self.assertEqual((line["queries"], line["documents"]), (3, 36))
        self.assertGreater(line["seconds"], 0)

    def test_a_tag_of_two_words_is_refused(self):
        self.fails(*self.command(tag="two words"), expect=["tag", "two words"])
        self.assertFalse(self.out.exists())

    def test_blend_adds_the_first_stage_score(self):
        self.narabi(*self.command(blend=0.5))
        logits = self.logits()
        for query, entries in self.read().items():
            first = dict(self.run_lines[query])
            for doc, score in entries:
                self.assertAlmostEqual(score, logits[query, doc] + 0.5 * first[doc], delta=1e-4)

    def test_a_huge_blend_keeps_the_first_order(self):
        self.narabi(*self.command(blend=1e6))
        self.assertEqual({q: [doc for doc, _ in entries] for q, entries in self.read().items()},
                         {q: [doc for doc, _ in entries] for q, entries in self.run_lines.items()})

    def test_depth_keeps_only_the_first_candidates(self):
        self.narabi(*self.command(depth=5))
        for query, entries in self.read().items():
            self.assertEqual({doc for doc, _ in entries}, {doc for doc, _ in self.run_lines[query][:5]})

    def test_equal_documents_stay_apart_and_in_order(self):
        same = [{"id": f"d{i}", "text": "同じ文。"} for i in range(6)]
        corpus = self.file("same.jsonl", json_lines(same))
        run = self.file("same.run", "".join(f"q1 Q0 d{5 - i} {i + 1} {10 - i} x\n" for i in range(6)))
        self.narabi(*self.command(corpus=corpus, run=run, blend=0))
        entries = self.read()["q1"]
        self.assertEqual([doc for doc, _ in entries], ["d5", "d4", "d3", "d2", "d1", "d0"])

    def test_queries_may_be_json_lines(self):
        self.narabi(*self.command())
        expected = self.out.read_bytes()
        path = self.file("queries.jsonl", json_lines([{"id": i, "text": t} for i, t in self.queries.items()]))
        self.narabi(*self.command(queries=path))
        self.assertEqual(self.out.read_bytes(), expected)

    def test_ids_that_are_nowhere_are_named_before_any_work(self):
        with open(self.run_path, "a", encoding="utf-8") as run:
            run.write("q2 Q0 no-such-doc 13 0.5 bm25\n")
        self.fails(*self.command(), expect=["in.run:37", "no-such-doc", "corpus.jsonl"])
        self.fails(*self.command(queries=self.file("one.tsv", "q1\t寺\n")), expect=["in.run:", "one.tsv"])
        self.assertFalse(self.out.exists())

    def test_broken_files_are_named_with_their_line(self):
        self.fails(*self.command(run=self.file("bad.run", "q1 Q0 d1 1\n")), expect=["bad.run:1"])
        self.fails(*self.command(run=self.file("bad2.run", "q1 Q0 d1 1 high x\n")), expect=["bad2.run:1"])
        self.fails(*self.command(queries=self.file("bad.tsv", "q1\t寺\nq2 塔\n")), expect=["bad.tsv:2"])
        self.fails(*self.command(run=self.file("nan.run", "q1 Q0 d1 1 nan x\n")), expect=["nan.run:1", "nan"])
        self.fails(*self.command(run=self.file("two.run", "q1 Q0 d1 1 2 x\nq1 Q0 d1 2 1 x\n")), expect=["two.run:2", "d1"])
        twice = self.file("twice.jsonl", json_lines([{"id": "a", "text": "b"}] * 2))
        self.fails(*self.command(corpus=twice), expect=["twice.jsonl:2", "twice.jsonl:1"])
        no_id = self.file("no-id.jsonl", json_lines([{"text": "b"}]))
        self.fails(*self.command(corpus=no_id), expect=["no-id.jsonl:1", '"id"'])

    def test_the_run_is_written_whole_or_not_at_all(self):
        older = self.file("out.run", "older\n")
        self.fails(*self.command(corpus=self.file("empty.jsonl", "")), expect=["empty.jsonl"])
        self.assertEqual(Path(older).read_text(encoding="utf-8"), "older\n")
        self.fails(*self.command(output=self.folder / "none" / "out.run"), expect=["none"])


if __name__ == "__main__":
    unittest.main()
