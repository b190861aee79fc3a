"""narabi inspect: every folder of the family, and folders that are none."""

import json
import shutil
import unittest

from narabi_cli import GOLDEN, MODEL, TRAINED, CliTest, not_under_tsan

FIELDS = {"architecture": str, "layers": int, "hidden": int, "intermediate": int, "heads": int, "vocabulary": int,
          "max_positions": int, "pooling": str, "tokenizer": str, "stored_as": str, "parameters": int,
          "extra_tensors": list, "unsupported": list}


class Inspect(CliTest):
    def test_json_of_the_starter_model(self):
        lines = self.narabi("inspect", TRAINED, "--json").json
        self.assertEqual(len(lines), 1)
        summary = lines[0]
        for name, kind in FIELDS.items():
            self.assertIsInstance(summary[name], kind, name)
        self.assertEqual(summary["architecture"], "ModernBertForSequenceClassification")
        self.assertEqual((summary["layers"], summary["hidden"], summary["intermediate"], summary["heads"]), (6, 256, 512, 4))
        self.assertEqual((summary["vocabulary"], summary["max_positions"], summary["pooling"]), (16000, 8192, "cls"))
        self.assertEqual(summary["parameters"], 8097537)
        self.assertEqual((summary["extra_tensors"], summary["unsupported"]), ([], []))

    def test_the_table_says_the_same_to_people(self):
        text = self.narabi("inspect", TRAINED).out
        for part in ["ModernBertForSequenceClassification", "16000", "8192", "cls", "Unigram", "f32"]:
            self.assertIn(part, text)

    @not_under_tsan
    def test_every_golden_folder_can_be_inspected_and_is_supported(self):
        folders = sorted(path.parent for name in ("golden", "embed") for path in GOLDEN.glob(f"*/{name}.jsonl.xz"))
        self.assertGreaterEqual(len(folders), 12)
        for folder in folders:
            with self.subTest(folder.name):
                summary = self.narabi("inspect", folder, "--json").json[0]
                self.assertEqual(summary["unsupported"], [])
                self.assertGreater(summary["parameters"], 0)
                self.narabi("inspect", folder)

    def test_what_is_not_supported_is_listed_with_file_and_key(self):
        folder = self.folder / "model"
        shutil.copytree(MODEL, folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["hidden_activation"] = "swish"
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        summary = self.narabi("inspect", folder, "--json").json[0]
        text = " ".join(summary["unsupported"])
        for part in ["config.json", "hidden_activation", "swish", "gelu"]:
            self.assertIn(part, text)
        self.assertIn("swish", self.narabi("inspect", folder).out)
        self.fails("score", "--model", folder, "--input", "-", stdin='{"query": "a", "passage": "b"}\n',
                   expect=["config.json", "hidden_activation", "swish", "gelu"])

    def test_folders_that_are_none_are_errors(self):
        self.fails("inspect", self.folder / "none", expect=["none"])
        self.fails("inspect", self.folder, expect=["config.json"])
        self.fails("inspect", self.file("file.txt", "x"), expect=["file.txt"])

    def test_a_folder_with_pytorch_weights_only_says_how_to_convert(self):
        folder = self.folder / "model"
        shutil.copytree(MODEL, folder)
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        self.fails("score", "--model", folder, "--input", "-", stdin='{"query": "a", "passage": "b"}\n',
                   expect=["pytorch_model.bin", "safetensors"])

    def test_corrupt_weights_and_configurations_are_errors_that_name_the_file(self):
        folder = self.folder / "model"
        shutil.copytree(MODEL, folder)
        weights = folder / "model.safetensors"
        data = weights.read_bytes()
        for cut in (0, 4, 100, len(data) // 2, len(data) - 1):
            weights.write_bytes(data[:cut])
            self.fails("inspect", folder, expect=["model.safetensors"])
        weights.write_bytes(data)
        (folder / "config.json").write_text("{", encoding="utf-8")
        self.fails("inspect", folder, expect=["config.json"])


if __name__ == "__main__":
    unittest.main()
