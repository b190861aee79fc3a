"""tests/golden/train: what transformers and PyTorch give for the first ten steps of a fine-tuning.

    .venv-train/bin/python tools/goldens/make_train_goldens.py      (requirements-train.txt; a minute)

For each of the folders in NAMES: groups.jsonl of 6 groups of 4 passages, all of them in every step (padded to the
longest), softmax cross-entropy + 0.25 x binary cross-entropy, AdamW, cosine schedule with warm-up, clipping, f32.
Written are loss, learning rate and gradient norm of every step, and of the weights after step 1 and step 10 some
values of each tensor (SAMPLES evenly spaced ones, the sum and the norm). Adam's epsilon is 1e-5: with 1e-8 a
gradient that is zero but for rounding (that of a key's bias) becomes a step of lr, in any implementation.

mlm-*: a small folder of each architecture with its masked-language-model head, ids, places and wanted ids, and
the loss and gradient of transformers.
"""
import json
import lzma
import random
from pathlib import Path

import torch
from transformers import (AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer, BertConfig,
                          ModernBertConfig, XLMRobertaConfig, get_cosine_schedule_with_warmup)

import folders

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
NAMES = ["bert-tokenizer-json", "xlmr-xsmall-v1", "modernbert-tiny-v2", "modernbert-mean-bias"]
STEPS, SAMPLES, MAX_LENGTH = 10, 48, 96
LR, EPSILON, DECAY, CLIP = 5e-4, 1e-5, 0.01, 1.0
WARMUP = {"modernbert-mean-bias": 0.2}  # elsewhere none, so that the first step moves the weights


def make_groups() -> list[dict]:
    with lzma.open(GOLDEN / "pairs.jsonl.xz", "rt", encoding="utf-8") as file:
        pairs = [json.loads(line) for line in file]
    pairs = [p for p in pairs if 5 < len(p["query"]) < 60 and 20 < len(p["passage"]) < 300]
    random.Random(5).shuffle(pairs)
    groups = []
    for i in range(6):
        own, others = pairs[4 * i], pairs[4 * i + 1:4 * i + 4]
        groups.append({"query": own["query"], "pos": [own["passage"]], "neg": [p["passage"] for p in others]})
    return groups


def losses(logits: torch.Tensor) -> torch.Tensor:
    """logits: [groups, passages], the positive first; the mean over the groups."""
    labels = torch.zeros_like(logits)
    labels[:, 0] = 1
    cross_entropy = torch.nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
    return cross_entropy + 0.25 * torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)


def sample(tensor: torch.Tensor) -> dict:
    flat = tensor.detach().double().flatten()
    at = [int(i * (len(flat) - 1) / (SAMPLES - 1)) for i in range(SAMPLES)] if len(flat) > SAMPLES else range(len(flat))
    return {"values": [float(f"{flat[i].item():.9g}") for i in at], "sum": flat.sum().item(), "norm": flat.norm().item()}


def fine_tune(name: str, groups: list[dict]) -> dict:
    folder = GOLDEN / name
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    queries = [g["query"] for g in groups for _ in g["pos"] + g["neg"]]
    passages = [p for g in groups for p in g["pos"] + g["neg"]]
    batch = tokenizer(queries, passages, truncation="only_second", max_length=MAX_LENGTH, padding=True, return_tensors="pt",
                      return_token_type_ids=name.startswith("bert"))
    decayed = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim != 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": rest, "weight_decay": 0.0}],
                                  lr=LR, eps=EPSILON)
    schedule = get_cosine_schedule_with_warmup(optimizer, int(WARMUP.get(name, 0) * STEPS), STEPS)
    steps, weights = [], {}
    for step in range(1, STEPS + 1):
        loss = losses(model(**batch).logits.view(len(groups), -1))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        steps.append({"loss": loss.item(), "grad_norm": norm.item(), "lr": schedule.get_last_lr()[0]})
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step in (1, STEPS):
            weights[str(step)] = {key: sample(value) for key, value in model.state_dict().items()
                                  if "position_ids" not in key}
    return {"folder": name, "warmup": WARMUP.get(name, 0), "tokens": int(batch["attention_mask"].sum()), "steps": steps, "weights": weights}


def masked_lm(kind: str) -> None:
    small = dict(vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    config = {"bert": BertConfig(**small, max_position_embeddings=64),
              "xlmr": XLMRobertaConfig(**small, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1),
              "modernbert": ModernBertConfig(**small, max_position_embeddings=64, local_attention=8, pad_token_id=3,
                                             global_attn_every_n_layers=2)}[kind]
    model = AutoModelForMaskedLM.from_config(config, attn_implementation="eager").eval()
    folders.randomise(model, 7, head=("dense",))
    model.tie_weights()
    generator = torch.Generator().manual_seed(9)
    lengths = [11, 24, 24, 17]
    ids = [torch.randint(5, 300, (n,), generator=generator) for n in lengths]
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=config.pad_token_id)
    attention = torch.tensor([[int(i < n) for i in range(max(lengths))] for n in lengths])
    places = [[1, 4], [0, 20], [7], [3, 16]]
    wanted = [[int(x) for x in torch.randint(5, 300, (len(p),), generator=generator)] for p in places]
    logits = model(input_ids=padded, attention_mask=attention).logits
    rows = torch.cat([logits[i][p] for i, p in enumerate(places)])
    loss = torch.nn.functional.cross_entropy(rows, torch.tensor(sum(wanted, [])), reduction="sum")
    loss.backward()
    folder = GOLDEN / "train" / f"mlm-{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    gradients = {key: sample(value.grad) for key, value in model.named_parameters() if value.grad is not None}
    (folder / "golden.json").write_text(json.dumps(
        {"ids": [x.tolist() for x in ids], "places": places, "wanted": wanted, "loss": loss.item(),
         "gradients": gradients}) + "\n")


def main() -> None:
    torch.set_num_threads(1)
    out = GOLDEN / "train"
    out.mkdir(exist_ok=True)
    groups = make_groups()
    (out / "groups.jsonl").write_text("".join(json.dumps(g, ensure_ascii=False) + "\n" for g in groups), encoding="utf-8")
    for name in NAMES:
        result = fine_tune(name, groups)
        with lzma.open(out / f"{name}.json.xz", "wt") as file:
            json.dump(result, file)
        print(name, result["tokens"], [f"{s['loss']:.5f}/{s['grad_norm']:.4f}" for s in result["steps"]])
    for kind in ("bert", "xlmr", "modernbert"):
        masked_lm(kind)


if __name__ == "__main__":
    main()
