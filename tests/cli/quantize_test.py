"""narabi quantize: the gate, the packed folder, and what --precision auto makes of its record."""

import json
import shutil
import unittest
from pathlib import Path

from narabi_cli import MODEL, ROOT, SANITIZED, CliTest, golden_pairs, pair_lines

FEWEST = ["--questions", 5, "--depth", 5, "--data", ROOT / "data"]
FEW = FEWEST if SANITIZED else ["--questions", 10, "--depth", 10, "--data", ROOT / "data"]


class Quantize(CliTest):
    def logits(self, model, precision, path):
        lines = self.narabi("score", "--model", model, "--input", path, "--precision", precision).json
        return [line["logit"] for line in lines]

    def test_the_gate_prints_what_changes(self):
        for precision in ["int8", "bf16"]:
            line, = self.narabi("quantize", MODEL, "--check", "--precision", precision, *FEW, "--json").json
            self.assertEqual(line["pairs"], FEW[1] * FEW[3])
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

    def test_write_records_the_gate_for_auto(self):
        folder = Path(self.folder) / "written"
        shutil.copytree(MODEL, folder)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        self.narabi("quantize", folder, "--check", "--write", *FEWEST)
        record = json.loads((folder / "narabi.json").read_text())
        self.assertTrue(record["precision"]["int8"]["held"])
        self.assertEqual(record["precision"]["int8"]["pairs"], 25)
        self.assertEqual(record["blend"], {"bm25": 0.3})
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "int8", pairs))

    def packed(self, *options, calibrate=not SANITIZED):
        """Under sanitizers engine/calibration_test.cc calibrates; 128 pairs more would look at the same code."""
        folder = Path(self.folder) / "packed"
        line, = self.narabi("quantize", MODEL, "--output", folder, "--json", *options,
                            *([] if calibrate else ["--no-calibration"])).json
        return folder, line

    def test_the_packed_folder_keeps_the_order_and_records_it(self):
        folder, line = self.packed(*FEWEST, "--check")
        self.assertTrue(line["held"])
        self.assertTrue(line["tokenizer_compiled"])
        self.assertLess(line["bytes"], 0.6 * line["source_bytes"])
        self.assertEqual(line["bytes"], (folder / "model.safetensors").stat().st_size)
        record = json.loads((folder / "narabi.json").read_text())
        self.assertEqual(record["precision"]["int8"]["kendall_tau"], line["kendall_tau"])
        self.assertEqual(record["packed"]["version"], 1)
        self.assertEqual(record["blend"], {"bm25": 0.3})
        self.assertEqual(line["calibrated"], not SANITIZED)
        if line["calibrated"]:
            self.assertGreaterEqual(line["calibration_tau_int8"], 0.985)
            self.assertEqual(line["linear_layers_bf16"], 0)

    def test_calibration_is_left_out_where_asked_or_without_its_text(self):
        for data, calibrate in [(ROOT / "data", False), (self.folder, True)]:
            _, line = self.packed("--data", data, calibrate=calibrate)
            self.assertFalse(line["calibrated"])
            self.assertNotIn("calibration_tau", line)

    def test_every_command_takes_the_packed_folder(self):
        folder, line = self.packed(calibrate=False)
        self.assertNotIn("held", line)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(20)))
        expected = self.logits(MODEL, "int8", pairs)
        found = self.logits(folder, "auto", pairs)
        self.assertLess(max(abs(a - b) for a, b in zip(expected, found)), 0.25)
        ids = [[line["input_ids"] for line in self.narabi("tokenize", "--model", model, "--input", pairs).json]
               for model in (MODEL, folder)]
        self.assertEqual(ids[0], ids[1])
        passages = self.file("passages.txt", "寺の秋\n会社の製品\n京都の紅葉\n")
        orders = [[line["index"] for line in self.narabi("rerank", "--model", model, "--query", "京都の寺", "--passages",
                                                         passages, "--precision", "int8", "--json").json]
                  for model in (MODEL, folder)]
        self.assertEqual(orders[0], orders[1])
        summary, = self.narabi("inspect", folder, "--json").json
        self.assertIn("compiled", summary["tokenizer"])
        self.assertEqual(summary["unsupported"], [])
        bench, = self.narabi("bench", "--model", folder, "--pairs", 4, "--rounds", 1, "--json").json
        self.assertEqual(bench["precision"], "int8")

    def test_the_packed_form_is_that_of_every_instruction_set(self):
        folder, _ = self.packed()
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(2)))
        expected = self.logits(MODEL, "int8", pairs)
        for isa in ["scalar", "avx2", "avx512", "vnni"]:
            result = self.run_narabi("score", "--model", folder, "--input", pairs, env={"NARABI_ISA": isa})
            if result.code != 0:  # this machine lacks it: only then
                self.assertNotEqual(isa, "scalar")
                self.assertIn(f"NARABI_ISA={isa}", result.err)
                continue
            found = [line["logit"] for line in result.json]
            self.assertLess(max(abs(a - b) for a, b in zip(expected, found)), 0.25, isa)

    def test_a_folder_that_does_not_fit_is_refused(self):
        folder, _ = self.packed()
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(1)))

        def refused(*expect, precision="auto"):
            self.fails("score", "--model", folder, "--input", pairs, "--precision", precision, expect=list(expect))

        refused("narabi.json", "packed", "int8 or auto", precision="f32")
        self.fails("quantize", folder, "--output", Path(self.folder) / "again", expect=["expected weights in floats"])
        self.fails("quantize", MODEL, "--output", MODEL, expect=["expected another folder"])
        weights = folder / "model.safetensors"
        whole = weights.read_bytes()
        weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        refused("model.safetensors: checksum", "packed.weights")
        weights.write_bytes(whole[:-100])
        refused("model.safetensors")
        weights.write_bytes(whole)
        tokenizer = folder / "tokenizer.narabi"
        compiled = bytearray(tokenizer.read_bytes())
        compiled[500] ^= 1
        tokenizer.write_bytes(compiled)
        refused("tokenizer.narabi: checksum")
        tokenizer.unlink()  # tokenizer.json lies beside it
        self.logits(folder, "int8", pairs)
        (folder / "narabi.json").unlink()
        refused("narabi.json: packed: expected the stamp")

    def test_needs_to_be_told_what_to_do(self):
        self.wrong_usage("quantize", MODEL, expect=["--check"])
        self.wrong_usage("quantize", MODEL, "--check", "--precision", "bf16", "--output", "x", expect=["--output"])


if __name__ == "__main__":
    unittest.main()
