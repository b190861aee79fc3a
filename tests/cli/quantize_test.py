"""narabi quantize: the gate, and the packed int8 folder."""

import json
import shutil
import unittest
from pathlib import Path

from narabi_cli import MODEL, CliTest, golden_pairs, pair_lines

FEW = ["--questions", 4, "--depth", 6]


class Quantize(CliTest):
    def logits(self, model, precision, path):
        lines = self.narabi("score", "--model", model, "--input", path, "--precision", precision).json
        return [line["logit"] for line in lines]

    def test_the_gate_prints_what_changes(self):
        for precision in ["int8", "bf16"]:
            line, = self.narabi("quantize", MODEL, "--check", "--precision", precision, *FEW, "--json").json
            self.assertEqual(line["pairs"], 24)
            self.assertTrue(line["held"])
            self.assertGreaterEqual(line["kendall_tau"], 0.98)
            self.assertGreater(line["max_difference"], 0)
            self.assertGreaterEqual(line["max_difference"], line["mean_difference"])

    def test_the_text_is_for_people(self):
        self.assertIn("the gate holds", self.narabi("quantize", MODEL, "--check", *FEW).out)

    def test_the_packed_folder_gives_the_logits_of_int8_and_refuses_f32(self):
        folder = Path(self.folder) / "packed"
        self.narabi("quantize", MODEL, "--output", folder, *FEW)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(20)))
        expected = self.logits(MODEL, "int8", pairs)
        self.assertEqual(self.logits(folder, "int8", pairs), expected)
        self.assertEqual(self.logits(folder, "auto", pairs), expected)
        self.fails("score", "--model", folder, "--input", pairs, "--precision", "f32", expect=["narabi.json", "int8"])
        record = json.loads((folder / "narabi.json").read_text())
        self.assertTrue(record["precision"]["int8"]["held"])
        self.assertEqual(record["blend"], {"bm25": 0.3})
        packed = (folder / "model.safetensors").stat().st_size
        self.assertLess(packed, (Path(MODEL) / "model.safetensors").stat().st_size)

    def test_auto_follows_the_record_of_the_gate(self):
        folder = Path(self.folder) / "recorded"
        shutil.copytree(MODEL, folder)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "f32", pairs))
        (folder / "narabi.json").write_text('{"precision": {"int8": {"held": true}}}')
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "int8", pairs))

    def test_damage_to_packed_weights_is_an_error(self):
        folder = Path(self.folder) / "damaged"
        self.narabi("quantize", MODEL, "--output", folder, *FEW)
        path = folder / "model.safetensors"
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(1)))
        whole = path.read_bytes()
        for old, new in [(b"Wqkv.part.key", b"Wqkv.part.kex"), (b".scales", b".scalex")]:
            path.write_bytes(whole.replace(old, new, 1))
            self.fails("score", "--model", folder, "--input", pairs, expect=["packed."])

    def test_needs_to_be_told_what_to_do(self):
        self.fails("quantize", MODEL, expect=["--output", "--check"])


if __name__ == "__main__":
    unittest.main()
