#!/usr/bin/env python3
"""The command line from outside: fields, order, exit codes, messages. Standard library only.

    NARABI=build/release/narabi python3 tests/cli/test_cli.py
"""
import gzip
import json
import lzma
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
MODEL = str(ROOT / "models/prototype-modernbert-6l")
EMBEDDER = str(ROOT / "tests/golden/embed-ruri-v3")
COMMANDS = ["score", "rerank", "tokenize", "embed", "inspect", "search", "eval", "reproduce", "bench"]


def narabi(*arguments, stdin: bytes | None = None, **more):
    return subprocess.run([NARABI, *map(str, arguments)], input=stdin, capture_output=True, timeout=300, **more)


def lines(output: bytes) -> list[dict]:
    return [json.loads(line) for line in output.decode().splitlines()]


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name: str, content) -> str:
        path = Path(self.folder.name) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def pairs(self, count: int = 3) -> str:
        return "".join(json.dumps({"query": f"質問{i}", "passage": "答えは京都です。" * (i + 1)}, ensure_ascii=False) + "\n"
                       for i in range(count))

    def fails(self, result, code: int, *words: str):
        self.assertEqual(result.returncode, code, result.stderr.decode())
        for word in words:
            self.assertIn(word, result.stderr.decode())
        if code == 1:
            self.assertEqual(len(result.stderr.decode().strip().splitlines()), 1)


class Everywhere(CommandLine):
    def test_help_shows_examples_on_every_command(self):
        for command in COMMANDS:
            result = narabi(command, "--help")
            self.assertEqual(result.returncode, 0)
            self.assertIn(f"narabi {command}", result.stdout.decode(), command)
            self.assertIn("xample", result.stdout.decode(), command)

    def test_wrong_usage_ends_with_2(self):
        for arguments in ([], ["nonsense"], ["score"], ["score", "--model", MODEL], ["rerank", "--model", MODEL],
                          ["score", "--model", MODEL, "--input", "x", "--precision", "f8"],
                          ["score", "--model", MODEL, "--input", "x", "--threads", "0"],
                          ["search", "--corpus", "x"], ["reproduce", "nothing"]):
            self.assertEqual(narabi(*arguments).returncode, 2, arguments)

    def test_a_precision_that_is_not_built_is_refused(self):
        result = narabi("score", "--model", MODEL, "--input", self.file("p.jsonl", self.pairs()), "--precision", "int8")
        self.fails(result, 1, "--precision int8 is not built yet; supported: f32, auto")

    def test_version(self):
        self.assertRegex(narabi("--version").stdout.decode(), r"^\d+\.\d+\.\d+")


class Score(CommandLine):
    def score(self, path, *more, **keywords):
        return narabi("score", "--model", MODEL, "--input", path, *more, **keywords)

    def test_gives_a_line_a_pair_in_input_order(self):
        result = self.score(self.file("p.jsonl", self.pairs(5)))
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        found = lines(result.stdout)
        self.assertEqual(len(found), 5)
        for line in found:
            self.assertEqual(list(line)[:4], ["logit", "score", "tokens", "truncated"])
            self.assertIs(line["truncated"], False)
            self.assertTrue(0 < line["score"] < 1)
        tokens = [line["tokens"] for line in found]
        self.assertEqual(tokens, sorted(tokens))
        self.assertEqual(result.stderr, b"")

    def test_is_the_golden_logit(self):
        goldens = [json.loads(line) for line in Path(MODEL, "golden.jsonl").read_text().splitlines()][:40]
        text = "".join(json.dumps({"query": g["query"], "passage": g["passage"]}) + "\n" for g in goldens)
        found = lines(self.score("-", stdin=text.encode()).stdout)
        for line, golden in zip(found, goldens, strict=True):
            self.assertAlmostEqual(line["logit"], golden["logit"], delta=1e-4)
            self.assertEqual(line["tokens"], len(golden["input_ids"]))

    def test_reads_compressed_files_and_stdin_alike(self):
        text = self.pairs().encode()
        expected = self.score("-", stdin=text).stdout
        self.assertEqual(len(lines(expected)), 3)
        self.assertEqual(self.score(self.file("p.jsonl.gz", gzip.compress(text))).stdout, expected)
        self.assertEqual(self.score(self.file("p.jsonl.xz", lzma.compress(text))).stdout, expected)

    def test_threads_do_not_change_a_digit(self):
        path = self.file("p.jsonl", self.pairs(30))
        one = self.score(path, "--threads", 1).stdout
        self.assertEqual(self.score(path, "--threads", 4).stdout, one)

    def test_flags_what_was_cut(self):
        text = json.dumps({"query": "京都" * 40, "passage": "寺" * 50}) + "\n"
        found = lines(self.score("-", "--max-length", 20, stdin=text.encode()).stdout)[0]
        self.assertEqual((found["tokens"], found["truncated"], found["query_truncated"]), (20, True, True))

    def test_says_where_a_line_is_wrong(self):
        good = self.pairs(1)
        for content, words in (
            (good + "no json\n", (":2: expected a JSON object, found no json",)),
            (good + "[1]\n", (":2: expected a JSON object, found [1]",)),
            (good + '{"query": "x"}\n', (":2: expected the key \"passage\"",)),
            (good + '{"query": "x", "passage": 5}\n', (':2: "passage": expected a string, found 5',)),
            ("", ("found none",)),
            ("\n\n", ("found none",)),
            (good.encode() + b'{"query": "x\xff", "passage": "y"}\n', (":2: invalid UTF-8 at byte 12",)),
            ("[" * 100, (":1: JSON nested deeper than 64",)),
        ):
            self.fails(self.score(self.file("p.jsonl", content)), 1, *words)

    def test_replaces_invalid_utf8_when_asked(self):
        bad = b'{"query": "x\xff", "passage": "y"}\n'
        same = '{"query": "x\ufffd", "passage": "y"}\n'.encode()
        self.assertEqual(self.score("-", "--lossy", stdin=bad).stdout, self.score("-", stdin=same).stdout)

    def test_says_which_file_is_missing(self):
        self.fails(self.score("/nowhere.jsonl"), 1, "/nowhere.jsonl: cannot open")
        self.fails(narabi("score", "--model", "/nowhere", "--input", self.file("p", self.pairs())), 1, "/nowhere: no such folder")
        self.fails(self.score(self.file("p.jsonl.gz", b"\x1f\x8b\x08\x00broken")), 1, "p.jsonl.gz")

    def test_writes_a_file_whole_or_not_at_all(self):
        target = Path(self.folder.name) / "out.jsonl"
        self.fails(self.score(self.file("p.jsonl", self.pairs(1) + "bad\n"), "--output", target), 1)
        self.assertEqual([p.name for p in target.parent.iterdir()], ["p.jsonl"])
        self.assertEqual(self.score(self.file("p.jsonl", self.pairs(2)), "--output", target).returncode, 0)
        self.assertEqual(len(lines(target.read_bytes())), 2)
        self.fails(self.score(self.file("p.jsonl", self.pairs(2)), "--output", "/nowhere/out"), 1, "/nowhere/out: cannot write")

    def test_ctrl_c_ends_with_130_and_whole_lines(self):
        process = subprocess.Popen([NARABI, "score", "--model", MODEL, "--input", self.file("p.jsonl", self.pairs(1) * 200000),
                                    "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, message = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, message)
        self.assertTrue(rest.endswith(b"\n"))
        lines(rest)

    def test_a_closed_pipe_is_quiet(self):
        process = subprocess.Popen([NARABI, "score", "--model", MODEL, "--input", self.file("p.jsonl", self.pairs(1) * 20000)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        message = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=120)
        self.assertEqual((process.returncode, message), (1, b""))


class Rerank(CommandLine):
    PASSAGES = ["銀閣寺は足利義政が建てた。", "東京は日本の首都である。", "金閣寺は足利義満が建てた。"]

    def test_orders_plain_lines_and_json_lines(self):
        plain = self.file("p.txt", "\n".join(self.PASSAGES) + "\n")
        records = self.file("p.jsonl", "".join(json.dumps({"id": f"d{i}", "text": t}) + "\n" for i, t in enumerate(self.PASSAGES)))
        first = lines(narabi("rerank", "--model", MODEL, "--query", "日本の首都は", "--passages", plain, "--json").stdout)
        second = lines(narabi("rerank", "--model", MODEL, "--query", "日本の首都は", "--passages", records, "--json").stdout)
        self.assertEqual([line["rank"] for line in first], [1, 2, 3])
        self.assertEqual(sorted(line["index"] for line in first), [0, 1, 2])
        logits = [line["logit"] for line in first]
        self.assertEqual(logits, sorted(logits, reverse=True))
        self.assertEqual([line["text"] for line in first], [self.PASSAGES[line["index"]] for line in first])
        self.assertEqual([line["id"] for line in second], [f"d{line['index']}" for line in first])
        self.assertNotIn("id", first[0])

    def test_shows_people_a_table_of_the_best(self):
        path = self.file("p.txt", "\n".join(self.PASSAGES))
        result = narabi("rerank", "--model", MODEL, "--query", "首都", "--passages", path, "--top-n", 2)
        self.assertEqual(len(result.stdout.decode().splitlines()), 3)

    def test_refuses_mixed_and_empty_files(self):
        path = self.file("p", '{"text": "x"}\nplain\n')
        self.fails(narabi("rerank", "--model", MODEL, "--query", "x", "--passages", path), 1, ":2: expected a JSON object")
        self.fails(narabi("rerank", "--model", MODEL, "--query", "x", "--passages", self.file("e", "")), 1, "expected passages, found none")
        path = self.file("p", '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}\n')
        self.fails(narabi("rerank", "--model", MODEL, "--query", "x", "--passages", path), 1, "p:2: the id a stands at", "p:1")

    def test_reranks_a_run(self):
        queries = self.file("q.tsv", "q1\t日本の首都は\nq2\t銀閣寺を建てた人\n")
        corpus = self.file("c.jsonl", "".join(json.dumps({"_id": f"d{i}", "title": "題", "text": t}) + "\n" for i, t in enumerate(self.PASSAGES)))
        run = self.file("in.run", "q1 Q0 d0 1 9 x\nq1 Q0 d1 2 8 x\nq1 Q0 d2 3 7 x\nq2 Q0 d0 1 5 x\nq2 Q0 d1 2 4 x\n")
        target = str(Path(self.folder.name) / "out.run")
        arguments = ["rerank", "--model", MODEL, "--queries", queries, "--corpus", corpus, "--run", run, "--output", target]
        result = narabi(*arguments, "--blend", 0, "--depth", 2)
        self.assertEqual((result.returncode, result.stdout), (0, b""), result.stderr.decode())
        rows = [line.split() for line in Path(target).read_text().splitlines()]
        self.assertEqual([len(row) for row in rows], [6] * 4)
        self.assertEqual({row[2] for row in rows if row[0] == "q1"}, {"d0", "d1"})
        for query in ("q1", "q2"):
            scores = [float(row[4]) for row in rows if row[0] == query]
            self.assertEqual(scores, sorted(scores, reverse=True))
        narabi(*arguments, "--blend", 1000)
        self.assertEqual([line.split()[2] for line in Path(target).read_text().splitlines()], ["d0", "d1", "d2", "d0", "d1"])

    def test_a_run_that_does_not_fit_its_files_is_refused_first(self):
        queries = self.file("q.tsv", "q1\tx\n")
        corpus = self.file("c.jsonl", '{"id": "d0", "text": "x"}\n')
        arguments = ["rerank", "--model", MODEL, "--queries", queries, "--corpus", corpus, "--output", "o", "--run"]
        self.fails(narabi(*arguments, self.file("a.run", "q1 Q0 d9 1 1 x\n")), 1, "document d9 of the run is not in")
        self.fails(narabi(*arguments, self.file("a.run", "q7 Q0 d0 1 1 x\n")), 1, "query q7 of the run is not in")
        self.fails(narabi(*arguments, self.file("a.run", "q1 Q0 d0 1 nan x\n")), 1, "a.run:1: expected a number as score, found nan")
        self.fails(narabi(*arguments, self.file("a.run", "q1 d0 1 1\n")), 1, "a.run:1: expected the six columns")


class Others(CommandLine):
    def test_tokenize_gives_the_golden_ids(self):
        golden = json.loads(Path(MODEL, "golden.jsonl").read_text().splitlines()[0])
        text = json.dumps({"query": golden["query"], "passage": golden["passage"]}) + '\n{"text": "空"}\n'
        found = lines(narabi("tokenize", "--model", MODEL, "--input", "-", stdin=text.encode()).stdout)
        self.assertEqual(found[0], {"input_ids": golden["input_ids"], "truncated": False})
        self.assertEqual((found[1]["input_ids"][0], found[1]["input_ids"][-1]), (1, 2))

    def test_tokenize_gives_token_types_where_the_model_has_them(self):
        model = ROOT / "tests/golden/bert-base-v1"
        found = lines(narabi("tokenize", "--model", model, "--input", "-", stdin=b'{"query": "a", "passage": "b"}\n').stdout)
        self.assertEqual(found[0]["token_type_ids"], [0, 0, 0, 1, 1])

    def test_embed_gives_lines_or_npy(self):
        text = '{"text": "日本の首都"}\n{"text": "東京"}\n'.encode()
        found = lines(narabi("embed", "--model", EMBEDDER, "--input", "-", "--prompt", "query", stdin=text).stdout)
        self.assertEqual([len(line["vector"]) for line in found], [32, 32])
        target = Path(self.folder.name) / "v.npy"
        self.assertEqual(narabi("embed", "--model", EMBEDDER, "--input", "-", "--prompt", "query", "--output", target, stdin=text).returncode, 0)
        data = target.read_bytes()
        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
        (length,) = struct.unpack("<H", data[8:10])
        self.assertIn(b"'shape': (2, 32)", data[10:10 + length])
        values = struct.unpack("<64f", data[10 + length:])
        for value, expected in zip(values, found[0]["vector"] + found[1]["vector"], strict=True):
            self.assertAlmostEqual(value, expected, delta=1e-7)
        self.fails(narabi("embed", "--model", EMBEDDER, "--input", "-", "--prompt", "x", stdin=text), 1, "document, query")

    def test_inspect(self):
        found = lines(narabi("inspect", MODEL, "--json").stdout)[0]
        self.assertEqual((found["architecture"], found["layers"], found["hidden"], found["vocabulary"]),
                         ("ModernBertForSequenceClassification", 6, 256, 16000))
        self.assertEqual(found["unsupported"], [])
        self.assertIn("Unigram (tokenizer.json)", narabi("inspect", MODEL).stdout.decode())

    def test_search_before_and_after(self):
        corpus = self.file("c.jsonl", "".join(json.dumps({"id": f"d{i}", "text": t}) + "\n" for i, t in enumerate(Rerank.PASSAGES)))
        before = lines(narabi("search", "--corpus", corpus, "--query", "足利義政が建てた寺", "--json").stdout)
        self.assertEqual(before[0]["id"], "d0")
        self.assertEqual(before[0]["rank"], before[0]["before"])
        after = lines(narabi("search", "--corpus", corpus, "--query", "足利義政が建てた寺", "--model", MODEL, "--json").stdout)
        self.assertEqual({line["id"] for line in after}, {line["id"] for line in before})
        for line in after:  # the starter model's narabi.json blends BM25 in
            self.assertAlmostEqual(line["score"], line["logit"] + 0.3 * line["bm25"], places=4)
        alone = lines(narabi("search", "--corpus", corpus, "--query", "足利義政が建てた寺", "--model", MODEL, "--blend", 0, "--json").stdout)
        for line in alone:
            self.assertAlmostEqual(line["score"], line["logit"], places=6)

    def test_search_writes_a_run_that_eval_reads(self):
        corpus = self.file("c.jsonl", "".join(json.dumps({"id": f"d{i}", "text": t}) + "\n" for i, t in enumerate(Rerank.PASSAGES)))
        queries = self.file("q.jsonl", '{"id": "q1", "text": "首都はどこ"}\n')
        run = str(Path(self.folder.name) / "bm25.run")
        self.assertEqual(narabi("search", "--corpus", corpus, "--queries", queries, "--output", run).returncode, 0)
        qrels = self.file("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
        found = lines(narabi("eval", "--qrels", qrels, run, "--json").stdout)[0]
        self.assertEqual((found["queries"], found["ndcg@10"], found["hit@10"]), (1, 1.0, 1.0))

    def test_eval_gives_the_published_figures(self):
        folder = ROOT / "data/jqara"
        result = narabi("eval", "--qrels", folder / "qrels.trec.xz", folder / "bm25.run.xz", "--metrics", "ndcg@10,mrr@10", "--json")
        found = lines(result.stdout)[0]
        self.assertEqual(list(found), ["run", "queries", "ndcg@10", "mrr@10"])
        self.assertAlmostEqual(found["ndcg@10"], .4580, delta=.0006)
        self.assertAlmostEqual(found["mrr@10"], .7020, delta=.0006)

    def test_eval_says_what_is_wrong(self):
        qrels = self.file("q", "q1 0 d1 1\n")
        run = self.file("r", "q1 Q0 d1 1 1 x\n")
        self.fails(narabi("eval", "--qrels", qrels, run, "--metrics", "precision@5"), 1, "metric: expected ndcg@K")
        self.fails(narabi("eval", "--qrels", self.file("b", "q1 0 d1 high\n"), run), 1, "b:1: expected a whole number as relevance, found high")
        self.fails(narabi("eval", "--qrels", qrels, self.file("d", "q1 Q0 d1 1 1 x\nq1 Q0 d1 2 1 x\n")), 1, "d:2: document d1 stands twice")

    def test_reproduce_and_bench_print_their_fields(self):
        result = narabi("reproduce", "jsquad", "--data", ROOT / "data", "--model", MODEL, "--limit", 30, "--json")
        rows = lines(result.stdout)
        self.assertEqual([row["ranking"].split(", ")[-1] for row in rows], ["words + bigrams", "logit alone", "logit + 0.3 x BM25"])
        for row in rows:
            self.assertEqual(set(row), {"ranking", "questions", "hit@1", "mrr@10", "ndcg@10", "seconds"})
        found = lines(narabi("bench", "--model", MODEL, "--pairs", 4, "--tokens", 40, "--rounds", 2, "--threads", 1, "--json").stdout)[0]
        for key in ("model", "precision", "threads", "pairs", "tokens", "seconds", "pairs_per_s", "tokens_per_s", "p50_ms", "p99_ms",
                    "load_s", "peak_rss_mb", "gemm_gops", "bound_s", "bound_fraction"):
            self.assertIn(key, found)


if __name__ == "__main__":
    unittest.main()
