"""narabi quantize: the gate, and what --precision auto makes of its record."""

import shutil
import unittest
from pathlib import Path

from narabi_cli import MODEL, ROOT, CliTest, golden_pairs, pair_lines

FEW = ["--questions", 10, "--depth", 10, "--data", ROOT / "data"]


class Quantize(CliTest):
    def logits(self, model, precision, path):
        lines = self.narabi("score", "--model", model, "--input", path, "--precision", precision).json
        return [line["logit"] for line in lines]

    def test_the_gate_prints_what_changes(self):
        for precision in ["int8", "bf16"]:
            line, = self.narabi("quantize", MODEL, "--check", "--precision", precision, *FEW, "--json").json
            self.assertEqual(line["pairs"], 100)
            self.assertTrue(line["held"])
            self.assertGreaterEqual(line["kendall_tau"], 0.98)
            self.assertGreater(line["max_difference"], 0)
            self.assertGreaterEqual(line["max_difference"], line["mean_difference"])

    def test_the_text_is_for_people(self):
        self.assertIn("the gate holds", self.narabi("quantize", MODEL, "--check", *FEW).out)

    def test_every_precision_gives_logits_of_its_own_close_to_f32(self):
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(10)))
        f32, bf16, int8 = (self.logits(MODEL, precision, pairs) for precision in ["f32", "bf16", "int8"])
        for other, most in [(bf16, 0.1), (int8, 0.3)]:
            worst = max(abs(a - b) for a, b in zip(f32, other))
            self.assertGreater(worst, 0)
            self.assertLess(worst, most)

    def test_auto_follows_the_record_of_the_gate(self):
        folder = Path(self.folder) / "recorded"
        shutil.copytree(MODEL, folder)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "f32", pairs))
        (folder / "narabi.json").write_text('{"precision": {"int8": {"held": true}}}')
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "int8", pairs))

    def test_needs_to_be_told_what_to_do(self):
        self.wrong_usage("quantize", MODEL, expect=["--check"])


if __name__ == "__main__":
    unittest.main()
