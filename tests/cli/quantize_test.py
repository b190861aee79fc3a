"""narabi quantize: the gate, the packed folder, and what --precision auto makes of its record."""

import json
import shutil
import unittest
from pathlib import Path

from narabi_cli import GOLDEN, ROOT, SANITIZED, CliTest, golden_pairs, not_under_tsan, pair_lines, shipped_data
from narabi_cli import TRAINED as MODEL  # rounding is judged on weights that mean something

SHARP = ROOT / "models/narabi-xsmall"  # its attention suffers from int8
SMALL = GOLDEN / "modernbert-tiny-v2"  # random weights, loaded at once
TINY = ROOT / "models/narabi-tiny"  # as well, and from bf16

FEWEST = ["--questions", 5, "--depth", 5, "--data", shipped_data()]
# Under sanitizers engine/calibration_test.cc calibrates; 320 pairs more would look at the same code.
WRITE = ["--write", "--no-calibration"] if SANITIZED else ["--write"]
FEW = FEWEST if SANITIZED else ["--questions", 10, "--depth", 10, "--data", shipped_data()]


class Quantize(CliTest):
    def logits(self, model, precision, path):
        lines = self.narabi("score", "--model", model, "--input", path, "--precision", precision).json
        return [line["logit"] for line in lines]

    def test_the_gate_prints_what_changes(self):
        for model, precision, most_change in [(MODEL, "int8", 0.003), (TINY, "bf16", 0.001)]:
            line, = self.narabi("quantize", model, "--check", "--precision", precision, *FEW, "--json").json
            self.assertEqual(line["pairs"], FEW[1] * FEW[3])
            self.assertTrue(line["held"])
            self.assertGreaterEqual(line["kendall_tau"], 0.98)
            self.assertLessEqual(abs(line["ndcg_change"]), most_change)
            self.assertGreater(line["max_difference"], 0)
            self.assertGreaterEqual(line["max_difference"], line["mean_difference"])
        self.assertLessEqual(line["max_difference"], 0.03)  # bf16

    def test_bf16_is_held_by_every_logit(self):
        model = Path(self.folder) / "plain"
        shutil.copytree(TINY, model)
        (model / "narabi.json").unlink()  # the layers that stay in f32
        line, = self.run_narabi("quantize", model, "--check", "--precision", "bf16", *FEW, "--json").json
        self.assertGreater(line["max_difference"], 0.03)
        self.assertFalse(line["held"])

    @not_under_tsan
    def test_the_text_is_for_people(self):
        self.assertIn("the gate holds", self.narabi("quantize", MODEL, "--check", *FEW).out)

    @not_under_tsan
    def test_every_precision_gives_logits_of_its_own_close_to_f32(self):
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(10)))
        f32, bf16, int8 = (self.logits(MODEL, precision, pairs) for precision in ["f32", "bf16", "int8"])
        for other, most in [(bf16, 0.1), (int8, 0.3)]:
            worst = max(abs(a - b) for a, b in zip(f32, other))
            self.assertGreater(worst, 0)
            self.assertLess(worst, most)

    @not_under_tsan
    def test_auto_follows_the_record_of_the_gate(self):
        folder = Path(self.folder) / "recorded"
        shutil.copytree(MODEL, folder)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "f32", pairs))
        (folder / "narabi.json").write_text('{"precision": {"int8": {"held": true}}}')
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "int8", pairs))

    @not_under_tsan
    def test_write_records_the_gate_for_auto(self):
        folder = Path(self.folder) / "written"
        shutil.copytree(MODEL, folder)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        self.narabi("quantize", folder, "--check", *WRITE, *FEWEST)
        record = json.loads((folder / "narabi.json").read_text())
        self.assertTrue(record["precision"]["int8"]["held"])
        self.assertEqual(record["precision"]["int8"]["pairs"], 25)
        self.assertEqual(record["blend"], {"bm25": 0.3})
        self.assertEqual(self.logits(folder, "auto", pairs), self.logits(MODEL, "int8", pairs))

    @unittest.skipIf(SANITIZED, "engine/calibration_test.cc calibrates under sanitizers")
    def test_write_records_the_layers_that_stay_wider(self):
        folder = Path(self.folder) / "sharp"
        shutil.copytree(SHARP, folder)
        (folder / "narabi.json").unlink()
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(20)))
        f32, plain = self.logits(folder, "f32", pairs), self.logits(folder, "int8", pairs)
        line, = self.narabi("quantize", folder, "--check", "--write", *FEWEST, "--json").json
        self.assertLess(line["calibration_tau_before"], 0.985)
        self.assertGreaterEqual(line["calibration_tau"], 0.985)
        record = json.loads((folder / "narabi.json").read_text())["precision"]["int8"]
        for precision in ["bf16", "f32"]:
            self.assertEqual(len(record.get(precision, [])), line["linear_layers_" + precision])
        mixed = self.logits(folder, "int8", pairs)
        error = [sum(abs(a - b) for a, b in zip(f32, other)) for other in (plain, mixed)]
        self.assertLess(error[1], 0.5 * error[0])
        self.assertEqual(record["held"], line["held"])
        self.run_narabi("quantize", folder, "--check", "--write", "--no-calibration", *FEWEST)  # holds or not
        record = json.loads((folder / "narabi.json").read_text())["precision"]["int8"]
        self.assertEqual({"bf16", "f32"} & set(record), set())
        self.assertEqual(self.logits(folder, "int8", pairs), plain)

    @not_under_tsan
    def test_without_the_text_the_recorded_layers_stay(self):
        folder = Path(self.folder) / "kept"
        shutil.copytree(SHARP, folder)
        record = json.loads((folder / "narabi.json").read_text())["precision"]["int8"]
        data = Path(self.folder) / "data"
        (data / "jsquad").mkdir(parents=True)
        (data / "jsquad/jsquad-valid-v1.3.json.xz").symlink_to(shipped_data() / "jsquad/jsquad-valid-v1.3.json.xz")
        self.run_narabi("quantize", folder, "--check", "--write", *FEWEST[:4], "--data", data)  # holds or not
        found = json.loads((folder / "narabi.json").read_text())["precision"]["int8"]
        self.assertEqual((found["bf16"], found["f32"], found["pairs"]), (record["bf16"], record["f32"], 25))
        packed = Path(self.folder) / "packed"
        self.narabi("quantize", folder, "--output", packed, "--data", self.folder)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(5)))
        both = [self.logits(model, "int8", pairs) for model in (folder, packed)]
        self.assertLess(max(abs(a - b) for a, b in zip(*both)), 0.5)

    def test_a_check_that_cannot_be_made_leaves_the_record(self):
        folder = Path(self.folder) / "untouched"
        shutil.copytree(SHARP, folder)
        before = (folder / "narabi.json").read_bytes()
        self.fails("quantize", folder, "--check", "--write", "--data", self.folder, expect=["jsquad"])
        self.assertEqual((folder / "narabi.json").read_bytes(), before)

    def test_a_check_that_cannot_be_made_leaves_no_packed_folder(self):
        packed = Path(self.folder) / "packed"
        for model, options, expect in [(SMALL, [*FEWEST[:4], "--data", self.folder], "jsquad"),
                                       (GOLDEN / "embed-ruri-v3", FEWEST, "ForSequenceClassification")]:
            self.fails("quantize", model, "--output", packed, "--check", "--no-calibration", *options, expect=[expect])
            self.assertFalse(packed.exists())

    def test_another_models_folder_is_not_written_over(self):
        other = Path(self.folder) / "other"
        shutil.copytree(GOLDEN / "modernbert-small-v2", other)
        before = {path.name: path.read_bytes() for path in other.iterdir()}
        self.fails("quantize", SMALL, "--output", other, "--no-calibration",
                   expect=[f"{other}: expected a new or an empty folder, found "])
        self.assertEqual({path.name: path.read_bytes() for path in other.iterdir()}, before)

    def test_the_packed_form_of_the_same_weights_is_written_again(self):
        packed = Path(self.folder) / "packed"
        pack = ["quantize", SMALL, "--no-calibration", "--output", packed]
        self.narabi(*pack)
        before = {path.name: path.read_bytes() for path in packed.iterdir()}
        for missing in [[], ["narabi.json"], ["narabi.json", "tokenizer.narabi"]]:  # which come last
            for name in missing:
                (packed / name).unlink()
            self.narabi(*pack)
            self.assertEqual({path.name: path.read_bytes() for path in packed.iterdir()}, before)
        self.fails("quantize", GOLDEN / "modernbert-small-v2", "--no-calibration", "--output", packed,
                   expect=[f"{packed}: expected a new or an empty folder, or the packed form of the weights in ",
                           "found that of others (narabi.json: packed.source)"])
        self.assertEqual({path.name: path.read_bytes() for path in packed.iterdir()}, before)

    def test_layers_that_the_model_lacks_are_an_error(self):
        folder = Path(self.folder) / "lacks"
        shutil.copytree(SHARP, folder)
        (folder / "narabi.json").write_text('{"precision": {"int8": {"f32": ["model.layers.9.attn.Wqkv"]}}}')
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(1)))
        self.fails("score", "--model", folder, "--input", pairs, "--precision", "int8",
                   expect=["model.layers.9.attn.Wqkv", "expected a layer of the model"])

    def packed(self, *options, calibrate=not SANITIZED):
        folder = Path(self.folder) / "packed"
        line, = self.narabi("quantize", MODEL, "--output", folder, "--json", *options,
                            *([] if calibrate else ["--no-calibration"])).json
        return folder, line

    @not_under_tsan
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
            self.assertGreaterEqual(line["calibration_tau_before"], 0.985)
            self.assertEqual(line["linear_layers_bf16"], 0)

    @not_under_tsan
    def test_calibration_is_left_out_where_asked_or_without_its_text(self):
        for data, calibrate in [(shipped_data(), False), (self.folder, True)]:
            _, line = self.packed("--data", data, calibrate=calibrate)
            self.assertFalse(line["calibrated"])
            self.assertNotIn("calibration_tau", line)

    @not_under_tsan
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
        folder, _ = self.packed(calibrate=False)
        pairs = self.file("pairs.jsonl", pair_lines(golden_pairs(2)))
        expected = self.logits(MODEL, "int8", pairs)
        for isa in ["scalar", "avx2", "avx512", "vnni", "bf16", "amx"]:
            result = self.run_narabi("score", "--model", folder, "--input", pairs, env={"NARABI_ISA": isa})
            if result.code != 0:  # this machine lacks it: only then
                self.assertNotEqual(isa, "scalar")
                self.assertIn(f"NARABI_ISA={isa}", result.err)
                continue
            found = [line["logit"] for line in result.json]
            self.assertLess(max(abs(a - b) for a, b in zip(expected, found)), 0.25, isa)

    @not_under_tsan
    def test_a_folder_that_does_not_fit_is_refused(self):
        folder, _ = self.packed(calibrate=False)
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
