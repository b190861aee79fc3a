"""Writes golden.jsonl of the models that ship, by transformers and by sentence-transformers.

    .venv-golden4/bin/python tools/goldens/make_model_goldens.py models/narabi-xsmall

The 200 pairs are those of models/prototype-modernbert-6l/golden.jsonl (JSQuAD validation). Each line: the ids of
AutoTokenizer and the f32 logit of AutoModelForSequenceClassification; CrossEncoder has to give the same to 1e-5.
"""
import json
import sys
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
PAIRS = ROOT / "models/prototype-modernbert-6l/golden.jsonl"
TOLERANCE = 1e-5


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pairs = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    for folder in map(Path, sys.argv[1:]):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True,
                                                                        dtype=torch.float32)
        assert not info["missing_keys"] and not info["unexpected_keys"], info
        cross = CrossEncoder(str(folder), max_length=512, activation_fn=torch.nn.Identity(), device="cpu",
                             model_kwargs={"dtype": torch.float32})
        by_cross = cross.predict([(pair["query"], pair["passage"]) for pair in pairs], batch_size=1)
        lines, worst = [], 0.0
        for pair, other in zip(pairs, by_cross):
            inputs = tokenizer(pair["query"], pair["passage"], truncation="only_second", max_length=512,
                               return_tensors="pt", return_token_type_ids=False)
            with torch.no_grad():
                logit = model.eval()(**inputs).logits.item()
            worst = max(worst, abs(logit - float(other)))
            lines.append(json.dumps({"query": pair["query"], "passage": pair["passage"],
                                     "input_ids": inputs["input_ids"][0].tolist(), "logit": logit},
                                    ensure_ascii=False) + "\n")
        if worst > TOLERANCE:
            sys.exit(f"{folder}: CrossEncoder differs by {worst:.2e}, more than {TOLERANCE}")
        (folder / "golden.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{folder}: {len(lines)} pairs, CrossEncoder within {worst:.1e}")


if __name__ == "__main__":
    main()
