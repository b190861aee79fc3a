"""narabi calibrate: probabilities out of logits, in narabi.json and in the weights."""

import json
import math
import shutil
import unittest

from narabi_cli import MODEL, CliTest, golden_pairs, json_lines, pair_lines


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Calibrate(CliTest):
    def setUp(self):
        """Three questions with four passages, of which the two with the highest logits are relevant."""
        super().setUp()
        pairs = golden_pairs(12)
        for i, pair in enumerate(pairs):
            pair["query"] = pairs[i - i % 4]["query"]
        self.pairs = self.file("pairs.jsonl", pair_lines(pairs))
        self.before = self.logits(MODEL)
        groups = []
        for begin in range(0, 12, 4):
            own = self.before[begin:begin + 4]
            groups.append({"query": pairs[begin]["query"], "docs": [pair["passage"] for pair in pairs[begin:begin + 4]],
                           "labels": [int(logit >= sorted(own)[2]) for logit in own]})
        self.groups = self.file("groups.jsonl", json_lines(groups))

    def logits(self, model):
        lines = self.narabi("score", "--model", model, "--input", self.pairs, "--precision", "f32").json
        return [line["logit"] for line in lines]

    def calibrate(self, *arguments):
        return self.narabi("calibrate", *arguments, "--groups", self.groups, "--precision", "f32")

    def test_every_pair_stands_in_a_bin(self):
        line, = self.calibrate(MODEL, "--json").json
        self.assertEqual((line["questions"], line["pairs"]), (3, 12))
        self.assertGreater(line["scale"], 0)
        for bins in [line["bins"], line["bins_calibrated"]]:
            self.assertEqual(sum(one["pairs"] for one in bins), 12)
            self.assertEqual(sum(one["relevant"] for one in bins), line["relevant"])
        self.assertIn("calibration error", self.calibrate(MODEL).out)
        piped, = self.narabi("calibrate", MODEL, "--groups", "-", "--precision", "f32", "--json",
                             stdin=open(self.groups, "rb").read()).json
        self.assertEqual(piped, line)

    def test_write_records_it_and_nothing_else(self):
        folder = self.folder / "model"
        shutil.copytree(MODEL, folder)
        (folder / "narabi.json").write_text('{"blend": {"bm25": 0.5}}')
        line, = self.calibrate(folder, "--json", "--write").json
        record = json.loads((folder / "narabi.json").read_text())
        self.assertEqual(record, {"blend": {"bm25": 0.5},
                                  "calibration": {"scale": line["scale"], "offset": line["offset"]}})
        self.assertEqual(self.logits(folder), self.before)

    def test_output_holds_it_in_the_weights(self):
        folder = self.folder / "calibrated"
        line, = self.calibrate(MODEL, "--json", "--output", folder).json
        rest = json.loads((folder / "narabi.json").read_text())["calibration"]
        scale = line["scale"] / rest["scale"]
        self.assertEqual(math.log2(scale), round(math.log2(scale)))
        after = self.logits(folder)
        for old, new in zip(self.before, after):
            self.assertAlmostEqual(new - scale * old, after[0] - scale * self.before[0], places=4)
            self.assertAlmostEqual(sigmoid(rest["scale"] * new + rest["offset"]),
                                   sigmoid(line["scale"] * old + line["offset"]), places=4)

    def test_questions_are_dealt_to_the_halves_across_files(self):
        lines = open(self.groups, encoding="utf-8").read().splitlines(keepends=True)
        one, other = (self.file(f"{i}.jsonl", lines[i]) for i in range(2))
        line, = self.narabi("calibrate", MODEL, "--groups", one, other, "--precision", "f32", "--json").json
        self.assertEqual((line["questions"], line["pairs"]), (2, 8))
        # The same question again is in the same half: nothing is left to judge it by.
        self.fails("calibrate", MODEL, "--groups", one, one, "--precision", "f32", expect=["one half of the questions"])

    def test_bad_input_is_named(self):
        self.wrong_usage("calibrate", MODEL, "--groups", self.groups, "--write", "--output", "x", expect=["--write"])
        self.wrong_usage("calibrate", MODEL, "--groups", self.groups, "--limit", -3, expect=["--limit"])
        self.fails("calibrate", MODEL, "--groups", "missing.jsonl", expect=["missing.jsonl"])
        # What cannot be written is said before anything is scored.
        self.fails("calibrate", MODEL, "--groups", "missing.jsonl", "--output", MODEL, expect=["another folder"])
        self.fails("calibrate", MODEL, "--groups", self.groups, "--limit", 1, expect=["two questions"])
        self.fails("calibrate", MODEL, "--groups", self.groups, "--output", self.folder, expect=["empty folder"])
        self.fails("calibrate", MODEL, "--groups", "missing.jsonl", "--output", self.groups, expect=["found a file"])
        plain = self.folder / "plain"
        shutil.copytree(MODEL, plain)
        config = json.loads((plain / "config.json").read_text())
        config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
        (plain / "config.json").write_text(json.dumps(config))
        self.fails("calibrate", plain, "--groups", self.groups, "--output", self.folder / "x", expect=["Identity", "--write"])
        lines = json_lines([{"query": "q", "docs": ["a", "b"], "labels": [1, 0]},
                            {"query": "q", "docs": ["a", "b"], "labels": [0, 0], "scores": [1, 2]}])
        self.fails("calibrate", MODEL, "--groups", self.file("teacher.jsonl", lines), expect=["teacher.jsonl:2", "equal"])
        unknown = self.file("unknown.jsonl", json_lines([{"query": "q", "docs": ["a", "b"], "labels": [1, 1]}]))
        self.fails("calibrate", MODEL, "--groups", unknown, expect=["unknown.jsonl:1"])


if __name__ == "__main__":
    unittest.main()
