"""Loads exported folders in transformers and in sentence-transformers and compares the logits with narabi's.

    .venv-train/bin/python tools/goldens/check_export.py [NARABI]

A folder of each architecture is trained for a few steps by narabi train; narabi score --precision f32,
AutoModelForSequenceClassification and CrossEncoder score the same pairs. Fails when a logit differs by more than 1e-4,
or when transformers finds a weight missing or unknown. By hand: it needs requirements-train.txt (3 GB). What runs
in the test suite is the other direction, tests/golden/train: the names and values of the weights after ten steps.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
TOLERANCE = 1e-4


def train(narabi, name, work):
    output = work / name
    config = {"task": "rerank", "output": str(output), "device": "cpu", "precision": "f32", "batch": 6, "steps": 8,
              "model": {"from": str(GOLDEN / name)}, "optimizer": {"lr": 5e-4},
              "data": {"train": str(GOLDEN / "train/groups.jsonl"), "max_length": 96, "group_size": 0}}
    path = work / f"{name}.yaml"
    path.write_text(json.dumps(config))
    subprocess.run([narabi, "train", str(path)], check=True)
    return output


def main():
    narabi = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/narabi")
    groups = [json.loads(line) for line in (GOLDEN / "train/groups.jsonl").read_text(encoding="utf-8").splitlines()]
    pairs = [(g["query"], p) for g in groups for p in g["pos"] + g["neg"]]
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = work / "pairs.jsonl"
        source.write_text("".join(json.dumps({"query": q, "passage": p}) + "\n" for q, p in pairs))
        for name in ("bert-tokenizer-json", "xlmr-xsmall-v1", "modernbert-tiny-v2", "modernbert-mean-bias"):
            output = train(narabi, name, work)
            scored = subprocess.run([narabi, "score", "--model", str(output), "--input", str(source), "--precision", "f32",
                                     "--max-length", "256", "--json"], check=True, capture_output=True, text=True).stdout
            ours = torch.tensor([json.loads(line)["logit"] for line in scored.splitlines()])
            model, info = AutoModelForSequenceClassification.from_pretrained(output, output_loading_info=True,
                                                                            dtype=torch.float32)
            assert not info["missing_keys"] and not info["unexpected_keys"], info
            tokenizer = AutoTokenizer.from_pretrained(output)
            # transformers 5 leaves BERT's token types out unless asked; narabi gives 0 and 1.
            types = name.startswith("bert")
            with torch.no_grad():
                theirs = torch.cat([model.eval()(**tokenizer(q, p, truncation="only_second", max_length=256,
                                                             return_tensors="pt", return_token_type_ids=types)).logits[0]
                                    for q, p in pairs])
            difference = (ours - theirs).abs().max().item()
            cross = CrossEncoder(str(output), max_length=256, activation_fn=torch.nn.Identity(), device="cpu")
            by_cross = torch.tensor(cross.predict(pairs))
            cross_difference = (ours - by_cross).abs().max().item()
            print(f"{name}: transformers {difference:.1e}, CrossEncoder {cross_difference:.1e}")
            worst = max(worst, difference, cross_difference)
    if worst > TOLERANCE:
        sys.exit(f"a logit differs by {worst:.2e}, more than {TOLERANCE}")


if __name__ == "__main__":
    main()
