"""narabi average, and folders as transformers wrote them for years: with the buffer position_ids (I64) in them."""

import json
import shutil
import struct
import unittest
from pathlib import Path

from narabi_cli import GOLDEN, CliTest, json_lines

PAIRS = json_lines([{"query": "京都の都", "passage": "平安京は京都にあった。"}, {"query": "城", "passage": "大阪城。"}])
TEXTS = json_lines([{"text": "京都の都"}, {"text": "大阪城。"}])


def add_position_ids(folder, name):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    header[name] = {"dtype": "I64", "shape": [1, 512], "data_offsets": [len(body), len(body) + 8 * 512]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body + struct.pack("<512q", *range(512)))


class Average(CliTest):
    def copy(self, name, position_ids=None):
        folder = Path(self.folder) / name
        shutil.copytree(GOLDEN / name, folder)
        if position_ids:
            add_position_ids(folder, position_ids)
        return folder

    def score(self, model):
        return [line["logit"] for line in self.narabi("score", "--model", model, "--input", "-", "--json", stdin=PAIRS).json]

    def embed(self, model):
        return [line["vector"] for line in self.narabi("embed", "--model", model, "--input", "-", stdin=TEXTS).json]

    def test_rerankers_with_position_ids_are_read_everywhere_as_without(self):
        for name, tensor in [("bert-tokenizer-json", "bert.embeddings.position_ids"),
                             ("xlmr-xsmall-v1", "roberta.embeddings.position_ids")]:
            model = self.copy(name, tensor)
            logits = self.score(GOLDEN / name)
            self.assertEqual(self.score(model), logits)
            summary, = self.narabi("inspect", model, "--json").json
            self.assertEqual((summary["stored_as"], summary["extra_tensors"]), ("f32", [tensor]))
            packed = [Path(self.folder) / f"{name}-{i}" for i in range(2)]
            for source, output in zip([model, GOLDEN / name], packed):
                self.narabi("quantize", source, "--output", output, "--no-calibration")
            self.assertEqual(self.score(packed[0]), self.score(packed[1]))
            mean = Path(self.folder) / f"{name}-mean"
            self.narabi("average", model, GOLDEN / name, "--output", mean)
            self.assertEqual(self.score(mean), logits)
            self.fails("average", *packed, "--output", mean / "x",
                       expect=["packed by narabi quantize; expected the folder it was made of"])

    def test_embedders_stay_embedders_with_their_pooling(self):
        model = self.copy("embed-e5-small", "embeddings.position_ids")
        vectors = self.embed(GOLDEN / "embed-e5-small")
        self.assertEqual(self.embed(model), vectors)
        mean = Path(self.folder) / "mean"
        made, = self.narabi("average", GOLDEN / "embed-e5-small", model, "--output", mean, "--json").json
        self.assertEqual(made, {"output": str(mean), "models": [str(GOLDEN / "embed-e5-small"), str(model)]})
        self.assertEqual(self.embed(mean), vectors)

    def test_other_models_are_refused_with_key_and_values(self):
        other = self.copy("bert-tokenizer-json")
        config = json.loads((other / "config.json").read_text())
        (other / "config.json").write_text(json.dumps(config | {"num_attention_heads": 6}))
        self.fails("average", GOLDEN / "bert-tokenizer-json", other, "--output", other / "x",
                   expect=[f"{other}/config.json: num_attention_heads: expected {config['num_attention_heads']} as in "
                           f"{GOLDEN}/bert-tokenizer-json, found 6"])
        self.assertFalse((other / "x").exists())


if __name__ == "__main__":
    unittest.main()
