"""tools/collections.py with the columns and types of the published files, then narabi reproduce on its output."""

import gzip
import json
import subprocess
import sys
import unittest
from pathlib import Path

import pyarrow
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
from narabi_cli import GOLDEN, MODEL, CliTest, json_lines, kyoto  # noqa: E402

TOOL = ROOT / "tools/collections.py"
TEXTS = kyoto(30)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Collections(CliTest):
    def parquet(self, name, rows, schema=None):
        path = self.folder / name
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path, row_group_size=3)
        return path

    def convert(self, name, *options):
        out = self.folder / "data" / name
        done = subprocess.run([sys.executable, TOOL, name, "--output", out, *options], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(out.glob("*.part")), [])
        return out

    def refused(self, name, *options, expect):
        done = subprocess.run([sys.executable, TOOL, name, "--output", self.folder / "no", *options],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Acollections\.py: .*\n\Z")  # a line, no traceback
        for part in expect:
            self.assertIn(part, done.stderr)
        self.assertEqual(list((self.folder / "no").iterdir()), [])

    def reproduce(self, name, *options):
        return self.narabi("reproduce", name, "--data", self.folder / "data", "--json", *options).json

    def jqara_rows(self):
        rows = []
        for q in range(2):
            for i in range(6):
                passage = TEXTS[q * 4 + i]  # two sets share passages
                rows.append({"id": len(rows), "q_id": f"QA-{q}", "question": TEXTS[q * 4]["text"][:20],
                             "answers": ["x"], "passage_row_id": 5_000_000 + q * 4 + i, "title": passage["title"],
                             "text": passage["text"], "label": int(i == 0)})
        return rows

    def test_jqara(self):
        schema = pyarrow.schema([("id", pyarrow.int64()), ("q_id", pyarrow.string()), ("question", pyarrow.string()),
                                 ("answers", pyarrow.list_(pyarrow.string())), ("passage_row_id", pyarrow.int64()),
                                 ("title", pyarrow.string()), ("text", pyarrow.string()), ("label", pyarrow.int64())])
        rows = self.jqara_rows()
        out = self.convert("jqara", "--rows", self.parquet("a.parquet", rows[:7], schema),
                           self.parquet("b.parquet", rows[7:], schema))
        self.assertEqual([query["id"] for query in lines(out / "queries.jsonl")], ["QA-0", "QA-1"])
        self.assertEqual(len(lines(out / "corpus.jsonl")), 10)
        self.assertEqual(len((out / "qrels.trec").read_text().splitlines()), 12)
        first, reranked = self.reproduce("jqara", "--model", MODEL, "--blend", 0, "--depth", 6)
        self.assertEqual((first["questions"], first["recall@6"]), (2, 1))
        self.assertTrue(0 < reranked["ndcg@10"] <= 1 and reranked["pairs"] == 12)
        embedded = self.reproduce("jqara", "--embedder", GOLDEN / "embed-e5-small", "--depth", 3)
        self.assertEqual([line["ranking"] for line in embedded], ["BM25 within each set", "embed-e5-small"])

    def test_jacwir(self):
        collection = self.parquet("collection.parquet", [
            {"doc_id": f"{i:040x}", "title": text["title"], "description": text["text"], "link": "https://a",
             "date": "2024-01-01"} for i, text in enumerate(TEXTS)])
        evaluation = self.parquet("eval.parquet", [
            {"query": TEXTS[i]["text"][:30], "positive": f"{i:040x}",
             "negatives": [f"{j:040x}" for j in range(10, 19)]} for i in range(3)])
        out = self.convert("jacwir", "--eval", evaluation, "--collection", collection)
        self.assertEqual(len(lines(out / "corpus.jsonl")), 12)
        self.assertEqual(lines(out / "queries.jsonl")[0]["id"], "q_id##" + f"{0:040x}")
        first, = self.reproduce("jacwir", "--depth", 10)
        self.assertEqual((first["map@10"], first["hit@10"]), (1, 1))  # the queries are cut out of the positives
        short = self.parquet("short.parquet", [{"doc_id": "a", "title": "", "description": ""}])
        self.refused("jacwir", "--eval", evaluation, "--collection", short, expect=["--collection", "12 documents"])

    def miracl(self):
        """Its files: topics, qrels, two parts of the corpus."""
        corpus = []
        for part in range(2):
            path = self.folder / f"docs-{part}.jsonl.gz"
            path.write_bytes(gzip.compress(json_lines(
                [{"docid": f"{i}#0", "title": TEXTS[i]["title"], "text": TEXTS[i]["text"]}
                 for i in range(part * 15, part * 15 + 15)]).encode()))
            corpus.append(path)
        topics = self.file("topics.tsv", "".join(f"{i}\t{TEXTS[i]['text'][:25]}\n" for i in range(4)))
        qrels = self.file("qrels.tsv", "".join(f"{i}\tQ0\t{i}#0\t1\n{i}\tQ0\t{i + 5}#0\t0\n" for i in range(4)))
        return ["--topics", topics, "--qrels", qrels, "--corpus"], corpus

    def test_miracl(self):
        options, corpus = self.miracl()
        self.convert("miracl-ja", *options, *corpus)
        first, reranked = self.reproduce("miracl-ja", "--model", MODEL, "--blend", 0, "--depth", 5, "--index", self.folder / "kept")
        self.assertEqual((first["questions"], first["recall@100"]), (4, 1))
        self.assertGreater(first["ndcg@10"], 0.9)
        self.assertEqual(reranked["pairs"], 20)
        again, = self.reproduce("miracl-ja", "--depth", 5, "--index", self.folder / "kept")
        self.assertEqual(again["ndcg@10"], first["ndcg@10"])
        self.assertEqual(self.narabi("index", "info", self.folder / "kept/bm25", "--json").json[0]["documents"], 30)

    def test_a_conversion_leaves_nothing_of_the_one_before(self):
        options, corpus = self.miracl()
        out = self.convert("miracl-ja", *options, *corpus)
        self.file("data/miracl-ja/corpus.jsonl", "")
        self.convert("miracl-ja", *options, corpus[1])
        self.assertEqual([path.name for path in out.glob("corpus*")], ["corpus-000.jsonl.gz"])
        self.assertEqual((out / "corpus-000.jsonl.gz").read_bytes(), corpus[1].read_bytes())

    def test_an_input_that_lies_where_the_output_goes_is_kept(self):
        options, corpus = self.miracl()
        out = self.convert("miracl-ja", *options, *corpus)
        before = [path.read_bytes() for path in corpus]
        for path in corpus:
            path.unlink()
        placed = [out / f"corpus-{part:03}.jsonl.gz" for part in range(2)]
        self.convert("miracl-ja", *options, *placed)
        self.assertEqual([path.read_bytes() for path in placed], before)
        self.convert("miracl-ja", *options, placed[1])  # which becomes the first
        self.assertEqual(placed[0].read_bytes(), before[1])
        self.assertFalse(placed[1].exists())

    def test_aio(self):
        questions = self.file("dev1_questions.json", json_lines(
            [{"qid": f"QA20CAPR-{i:04}", "question": TEXTS[i]["text"][:30], "answer_entity": TEXTS[i]["title"],
              "answer_candidates": ["どこにもない", TEXTS[i]["title"], "これもない"], "original_question": "x"}
             for i in range(3)]))
        passages = self.parquet("passages.parquet", [
            {"id": i, "pageid": i, "revid": i, "title": text["title"], "section": "__LEAD__", "text": text["text"]}
            for i, text in enumerate(TEXTS)])
        self.convert("aio", "--questions", questions, "--passages", passages)
        first, reranked = self.reproduce("aio", "--model", MODEL, "--blend", 0, "--depth", 5)
        for line in (first, reranked):
            self.assertEqual((line["acc@5"], line["nmr@10"], line["hit@10"]), (1, 0, 1))
        self.refused("aio", "--questions", self.file("v2.jsonl", '{"qid": "a", "question": "b", "answers": ["c"]}\n'),
                     "--passages", passages, expect=["v2.jsonl:1", "answer_candidates", "answers"])

    def test_what_is_no_collection_is_named_in_a_line(self):
        row = {**self.jqara_rows()[0], "label": 1}
        spoilt = gzip.compress(b"x" * 10000)[:20]
        for name, content, expect in [
            ("array.json", json.dumps([row]).encode(), "array.json:1: expected an object, found [{"),
            ("cut.jsonl", b'{"q_id": 1\n', "cut.jsonl:1: "),
            ("null.jsonl", json.dumps({**row, "label": None}).encode(), "null.jsonl:1: label: expected a whole number, found null"),
            ("text.jsonl", json.dumps({**row, "text": None}).encode(), "text.jsonl:1: text: expected a value, found null"),
            ("bytes.jsonl", b'{"q_id": "\xff"}\n', "bytes.jsonl: 'utf-8' codec can't decode"),
            ("no.jsonl.gz", b"plain", "no.jsonl.gz: Not a gzipped file"), ("cut.jsonl.gz", spoilt, "cut.jsonl.gz: "),
            ("bad.parquet", b"PAR1 it is not", "bad.parquet: "),
        ]:
            with self.subTest(name=name):
                path = self.folder / name
                path.write_bytes(content)
                self.refused("jqara", "--rows", path, expect=[expect])
        self.refused("jqara", "--rows", self.parquet("null.parquet", [row, {**row, "q_id": None}]),
                     expect=["null.parquet: row 2: q_id: expected a value, found null"])

    def test_other_columns_are_named(self):
        self.refused("jqara", "--rows", self.parquet("x.parquet", [{"q_id": "a", "text": "b"}]),
                     expect=["x.parquet", "passage_row_id", "found q_id, text"])


if __name__ == "__main__":
    unittest.main()
