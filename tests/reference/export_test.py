"""The folders that narabi train and deepen write, and those that ship, in transformers and sentence-transformers: narabi's
logits.

The other direction, the names and values of the weights after ten steps, is tests/golden/train.
"""
import json
import subprocess
import unittest

from packages import torch  # before the others
from narabi_cli import GOLDEN, NARABI, ROOT, CliTest
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer

GROUPS = GOLDEN / "train/groups.jsonl"
TOKENS = 256
TOLERANCE = 1e-4


def pairs():
    groups = [json.loads(line) for line in GROUPS.read_text(encoding="utf-8").splitlines()]
    return [(group["query"], passage) for group in groups for passage in group["pos"] + group["neg"]]


class Export(CliTest):
    def trained(self, name):
        output = self.folder / name
        config = {"task": "rerank", "output": str(output), "device": "cpu", "precision": "f32", "batch": 6, "steps": 8,
                  "model": {"from": str(GOLDEN / name)}, "optimizer": {"lr": 5e-4},
                  "data": {"train": str(GROUPS), "max_length": 96, "group_size": 0}}
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(config))
        subprocess.run([NARABI, "train", path], check=True, capture_output=True)
        return output

    def logits(self, model):
        source = self.folder / "pairs.jsonl"
        source.write_text("".join(json.dumps({"query": query, "passage": passage}) + "\n" for query, passage in pairs()))
        lines = self.narabi("score", "--model", model, "--input", source, "--precision", "f32", "--max-length",
                            str(TOKENS)).json
        return torch.tensor([line["logit"] for line in lines])

    def by_transformers(self, folder):
        model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True,
                                                                         dtype=torch.float32)
        self.assertFalse(info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"], info)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        # transformers 5 leaves BERT's token types out unless asked; narabi gives 0 and 1.
        types = model.config.model_type == "bert"
        with torch.no_grad():
            return torch.cat([model.eval()(**tokenizer(query, passage, truncation="only_second", max_length=TOKENS,
                                                       return_tensors="pt", return_token_type_ids=types)).logits[0]
                              for query, passage in pairs()])

    def by_cross_encoder(self, folder):
        model = CrossEncoder(str(folder), max_length=TOKENS, activation_fn=torch.nn.Identity(), device="cpu",
                             model_kwargs={"dtype": torch.float32})
        return torch.tensor(model.predict(pairs()))

    def same(self, folder):
        ours = self.logits(folder)
        self.assertGreater(ours.std().item(), 100 * TOLERANCE)  # logits that tell nothing apart would prove nothing
        for reference in (self.by_transformers, self.by_cross_encoder):
            difference = (ours - reference(folder)).abs().max().item()
            print(f"{folder.name}, {reference.__name__}: {difference:.1e}")
            self.assertLess(difference, TOLERANCE, folder)

    def test_trained(self):
        for name in ("bert-tokenizer-json", "xlmr-xsmall-v1", "modernbert-tiny-v2", "modernbert-mean-bias"):
            with self.subTest(name):
                self.same(self.trained(name))

    def test_shipped(self):
        for name in ("narabi-tiny", "narabi-xsmall"):
            with self.subTest(name):
                self.same(ROOT / "models" / name)

    def test_deepened(self):
        for model, layers in ((ROOT / "models/narabi-xsmall", 9), (GOLDEN / "modernbert-tiny-v2", 6),
                              (GOLDEN / "modernbert-xsmall-v2", 13), (GOLDEN / "modernbert-mean-bias", 8)):
            with self.subTest(model.name):
                deeper = self.folder / "deeper" / model.name
                self.narabi("deepen", model, "--layers", str(layers), "--output", deeper)
                self.same(deeper)


if __name__ == "__main__":
    unittest.main()
