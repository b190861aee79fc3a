"""narabi score: the contract of its input, output and errors."""

import gzip
import lzma
import math
import os
import random
import subprocess
import unittest
from pathlib import Path

from narabi_cli import MODEL, NARABI, SECONDS, CliTest, golden_pairs, json_lines, pair_lines, zstd

PAIR = '{"query": "銀閣寺を建てた人", "passage": "足利義政が建てた。"}\n'


class Score(CliTest):
    def score(self, path, *more, **streams):
        return self.narabi("score", "--model", MODEL, "--input", path, *more, **streams)

    def fails_on(self, content, *expect):
        path = self.file("bad.jsonl", content)
        return self.fails("score", "--model", MODEL, "--input", path, expect=["bad.jsonl", *expect])

    def test_fields_and_order_and_the_logits_of_the_reference(self):
        pairs = golden_pairs(60)
        lines = self.score(self.file("pairs.jsonl", pair_lines(pairs))).json
        self.assertEqual(len(lines), len(pairs))
        for line, pair in zip(lines, pairs):
            self.assertEqual(list(line)[:4], ["logit", "score", "tokens", "truncated"])
            self.assertAlmostEqual(line["logit"], pair["logit"], delta=1e-4)
            self.assertAlmostEqual(line["score"], 1 / (1 + math.exp(-line["logit"])), delta=1e-6)
            self.assertEqual(line["tokens"], len(pair["input_ids"]))
            self.assertIs(line["truncated"], False)

    def test_json_is_accepted_and_changes_nothing(self):
        path = self.file("pairs.jsonl", PAIR)
        self.assertEqual(self.score(path, "--json").out, self.score(path).out)

    def test_stdin_and_compressed_files_give_the_same_bytes(self):
        text = pair_lines(golden_pairs(10)).encode()
        expected = self.score(self.file("pairs.jsonl", text)).bytes
        self.assertEqual(self.score("-", stdin=text).bytes, expected)
        for name, data in [("p.jsonl.gz", gzip.compress(text)), ("p.jsonl.xz", lzma.compress(text)),
                           ("p.jsonl.zst", zstd(text))]:
            with self.subTest(name):
                self.assertEqual(self.score(self.file(name, data)).bytes, expected)

    def test_no_result_depends_on_threads_order_or_neighbours(self):
        pairs = golden_pairs(50)
        expected = self.score("-", "--threads", 1, stdin=pair_lines(pairs)).out.splitlines()
        self.assertEqual(self.score("-", "--threads", 3, stdin=pair_lines(pairs)).out.splitlines(), expected)
        order = list(range(len(pairs)))
        random.Random(3).shuffle(order)
        shuffled = self.score("-", stdin=pair_lines([pairs[i] for i in order])).out.splitlines()
        self.assertEqual(shuffled, [expected[i] for i in order])
        self.assertEqual(self.score("-", stdin=pair_lines(pairs[7:8])).out.splitlines(), expected[7:8])

    def test_more_lines_than_a_chunk_come_back_in_order(self):
        pairs = [{"query": "京都", "passage": "寺" * (i % 37)} for i in range(1500)]
        lines = self.score("-", stdin=pair_lines(pairs)).json
        self.assertEqual(len(lines), len(pairs))
        self.assertEqual([lines[i] for i in range(37)] * 2, lines[37 * 30:37 * 32])

    def test_a_long_passage_is_cut_and_the_line_says_so(self):
        pair = json_lines([{"query": "京都の寺", "passage": "金閣寺は鹿苑寺という。" * 200}])
        line = self.score("-", stdin=pair).json[0]
        self.assertEqual((line["tokens"], line["truncated"]), (512, True))
        line = self.score("-", "--max-length", 16, stdin=pair).json[0]
        self.assertEqual((line["tokens"], line["truncated"]), (16, True))
        self.assertFalse(line.get("query_truncated", False))

    def test_a_query_that_alone_does_not_fit_is_cut_and_reported(self):
        pair = json_lines([{"query": "京都の寺はどこにあるか。" * 20, "passage": "東山"}])
        line = self.score("-", "--max-length", 16, stdin=pair).json[0]
        self.assertEqual((line["tokens"], line["truncated"], line["query_truncated"]), (16, True, True))

    def test_truncation_chooses_which_side_gives_way(self):
        pair = json_lines([{"query": "京都の寺はどこにあるか。" * 6, "passage": "東山にある銀閣寺と、北山にある金閣寺。" * 3}])
        second = self.score("-", "--max-length", 40, "--truncation", "only_second", stdin=pair).json[0]
        longest = self.score("-", "--max-length", 40, "--truncation", "longest_first", stdin=pair).json[0]
        self.assertEqual(second["tokens"], longest["tokens"])
        self.assertNotEqual(second["logit"], longest["logit"])

    def test_empty_sides_byte_order_marks_and_crlf_are_fine(self):
        text = b"\xef\xbb\xbf" + b'{"query": "", "passage": ""}\r\n' + PAIR.strip().encode() + b"\r\n"
        lines = self.score("-", stdin=text).json
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[1], self.score("-", stdin=PAIR).json[0])

    def test_a_last_line_without_a_line_break_counts(self):
        self.assertEqual(len(self.score("-", stdin=PAIR + PAIR.strip()).json), 2)

    def test_an_output_file_holds_the_same_bytes(self):
        path = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        out = self.folder / "scores.jsonl"
        self.assertEqual(self.score(path, "--output", out).out, "")
        self.assertEqual(out.read_bytes(), self.score(path).bytes)
        self.assert_nothing_left("pairs.jsonl", "scores.jsonl")

    def test_progress_goes_to_stderr_and_only_when_asked_for(self):
        path = self.file("pairs.jsonl", pair_lines(golden_pairs(20)))
        quiet = self.score(path)
        self.assertEqual(quiet.err, "")
        self.assertEqual(self.score(path, "--progress").bytes, quiet.bytes)


class ScoreErrors(CliTest):
    fails_on = Score.fails_on

    def test_invalid_utf8_names_file_line_and_offset(self):
        bad = PAIR.encode() + b'{"query": "\xe4\xba\xac\xff", "passage": "x"}\n'
        self.fails_on(bad, ":2:", "UTF-8", "byte 14", "--lossy")

    def test_lossy_replaces_invalid_utf8(self):
        bad = '{"query": "京'.encode() + b"\xff" + '都", "passage": "寺"}\n'.encode()
        lossy = self.narabi("score", "--model", MODEL, "--input", self.file("bad.jsonl", bad), "--lossy")
        replaced = self.narabi("score", "--model", MODEL, "--input", "-", stdin='{"query": "京�都", "passage": "寺"}\n')
        self.assertEqual(lossy.out, replaced.out)

    def test_a_line_that_is_no_json_names_file_and_line(self):
        self.fails_on(PAIR + "query\tpassage\n", ":2:")
        self.fails_on(PAIR + '{"query": "a", "passage": \n', ":2:")
        self.fails_on(PAIR + '["a", "b"]\n', ":2:")
        self.fails_on(PAIR + "3\n", ":2:")
        self.fails_on("[" * 100_000 + "\n", ":1:")

    def test_a_lone_surrogate_is_no_text(self):
        self.fails_on('{"query": "\\ud800", "passage": "b"}\n', ":1:")

    def test_missing_keys_and_wrong_types_are_named(self):
        self.fails_on('{"query": "a"}\n', ":1:", '"passage"')
        self.fails_on('{"passage": "a"}\n', ":1:", '"query"')
        self.fails_on('{"query": "a", "passage": 3}\n', ":1:", '"passage"', "string")
        self.fails_on('{"query": null, "passage": "b"}\n', ":1:", '"query"')

    def test_an_empty_input_is_an_error(self):
        self.fails_on("", "query", "passage")
        self.fails_on("\n", "query", "passage")
        self.fails("score", "--model", MODEL, "--input", "-", expect=["query", "passage"])

    def test_missing_files_and_folders_are_named(self):
        self.fails("score", "--model", MODEL, "--input", self.folder / "none.jsonl", expect=["none.jsonl"])
        path = self.file("pairs.jsonl", PAIR)
        self.fails("score", "--model", self.folder / "no-model", "--input", path, expect=["no-model"])
        self.fails("score", "--model", self.folder, "--input", path, expect=[str(self.folder)])
        self.fails("score", "--model", MODEL, "--input", self.folder, expect=[str(self.folder)])

    def test_corrupt_compression_is_named(self):
        data = gzip.compress(PAIR.encode() * 100)
        for name, content in [("p.gz", data[:-20]), ("p.xz", b"no xz at all"), ("p.zst", zstd(PAIR.encode())[:-5])]:
            with self.subTest(name):
                self.fails("score", "--model", MODEL, "--input", self.file(name, content), expect=[name])

    def test_more_tokens_than_the_model_has_positions_is_an_error(self):
        self.fails("score", "--model", MODEL, "--input", "-", "--max-length", 100_000, stdin=PAIR,
                   expect=["8192", "100000"])

    def test_a_failure_leaves_no_output_file_and_an_older_one_as_it_was(self):
        path = self.file("bad.jsonl", PAIR * 300 + "oops\n")
        out = self.file("scores.jsonl", "older\n")
        self.fails("score", "--model", MODEL, "--input", path, "--output", out, expect=[":301:"])
        self.assertEqual(Path(out).read_text(encoding="utf-8"), "older\n")
        self.assert_nothing_left("bad.jsonl", "scores.jsonl")

    def test_an_output_that_cannot_be_written_is_named(self):
        missing = self.folder / "none" / "scores.jsonl"
        self.fails("score", "--model", MODEL, "--input", "-", "--output", missing, stdin=PAIR, expect=["none"])

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_full_disk_behind_stdout_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([NARABI, "score", "--model", MODEL, "--input", "-"], input=PAIR.encode(),
                                  stdout=full, stderr=subprocess.PIPE, timeout=SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"\Anarabi: [^\n]*write[^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main()
