"""narabi deepen: more layers, the same scores."""

import json
import shutil
import unittest
from pathlib import Path

from narabi_cli import GOLDEN, CliTest, json_lines

PAIRS = json_lines([{"query": "京都の都", "passage": "平安京は京都にあった。" * n} for n in (1, 3, 40)])
TEXTS = json_lines([{"text": "京都の都"}, {"text": "大阪城。" * 30}])


class Deepen(CliTest):
    def deepen(self, model, layers):
        output = Path(self.folder) / f"{Path(model).name}-{layers}"
        made, = self.narabi("deepen", model, "--layers", str(layers), "--output", output, "--json").json
        self.assertEqual(made, {"output": str(output), "model": str(model), "layers": layers})
        config = json.loads((output / "config.json").read_text())
        self.assertEqual(config["num_hidden_layers"], layers)
        return output

    def logits(self, model):
        return [line["logit"] for line in self.narabi("score", "--model", model, "--input", "-", "--precision", "f32",
                                                      stdin=PAIRS).json]

    def same(self, ours, theirs):
        for one, other in zip(ours, theirs, strict=True):
            self.assertAlmostEqual(one, other, delta=1e-6)

    def test_scores_stay(self):
        # Layers of one kind; global and local ones by turns of 3 in the older style of config.json, in the newer, of 2
        # with biases. The first layer's copy needs the norm that the first layer has not got.
        for name, counts in (("modernbert-tiny-v2", (6, 12)), ("modernbert-xsmall-v2", (13,)), ("modernbert-mean-bias", (6, 8))):
            for layers in counts:
                with self.subTest(f"{name}, {layers}"):
                    self.same(self.logits(self.deepen(GOLDEN / name, layers)), self.logits(GOLDEN / name))

    def test_vectors_stay(self):
        deeper = self.deepen(GOLDEN / "embed-ruri-v3", 16)
        vectors = [[line["vector"] for line in self.narabi("embed", "--model", model, "--input", "-", "--precision", "f32",
                                                           stdin=TEXTS).json] for model in (deeper, GOLDEN / "embed-ruri-v3")]
        for one, other in zip(*vectors, strict=True):
            self.same(one, other)

    def test_refusals(self):
        tiny = GOLDEN / "modernbert-tiny-v2"
        output = Path(self.folder) / "no"
        for layers in (2, 4, 5):
            self.fails("deepen", tiny, "--layers", str(layers), "--output", output,
                       expect=["layers: expected 3 + a multiple of 3", f"found {layers}"])
        self.fails("deepen", tiny, "--layers", "100002", "--output", output, expect=["layers: expected at most "])
        self.fails("deepen", GOLDEN / "bert-base-v1", "--layers", "14", "--output", output,
                   expect=['model_type is "bert"', "modernbert"])
        model = Path(self.folder) / "model"
        shutil.copytree(tiny, model)
        self.fails("deepen", model, "--layers", "6", "--output", model, expect=["expected another folder"])
        self.assertFalse(output.exists())


if __name__ == "__main__":
    unittest.main()
