#!/usr/bin/env python3
"""Writes tests/golden with the real transformers, tokenizers and sentence-transformers. See README.md.

    make_goldens.py --data DIR [NAME ...]      folders of the installed version of transformers
"""
import argparse
import json
import lzma
import shutil
import sys
from pathlib import Path

import torch
import transformers

import folders
from pairs import NASTY, all_pairs

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
VERSION = int(transformers.__version__.split(".")[0])
LAYER_PAIRS = (0, 30)


def write_lines(path: Path, records: list[dict]) -> None:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_bytes(lzma.compress(text.encode(), preset=9))


def save(name: str, data: Path) -> None:
    folder = GOLDEN / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model, tokenizer, options = folders.build(name, data, folder)
    dtype = options.get("dtype", torch.float32)
    model.to(dtype).save_pretrained(folder, max_shard_size=options.get("max_shard_size", "5GB"))
    tokenizer.save_pretrained(folder)
    if name == "xlmr-spm-only":
        (folder / "tokenizer.json").unlink(missing_ok=True)
    for extra in ("tokenizer.json",) if name.startswith("bert-") and name != "bert-tokenizer-json" else ():
        (folder / extra).unlink(missing_ok=True)
    if name == "bert-tokenizer-json":
        (folder / "vocab.txt").unlink()


def encode(tokenizer, query, passage, max_length, truncation):
    """None where the reference refuses (only_second with a query that alone does not fit).

    As a batch, as sentence-transformers calls it: tokenizer(query, "") would drop the empty side.
    """
    try:
        batch = tokenizer([query], [passage], truncation=truncation, max_length=max_length)
    except Exception as error:  # the fast tokenizers panic or raise
        if "Truncation error" not in str(error) and "truncate" not in str(error).lower():
            raise
        return None
    encoded = {key: values[0] for key, values in batch.items()}
    return encoded if len(encoded["input_ids"]) <= max_length else None


def load(name: str):
    slow = name == "xlmr-spm-only"
    tokenizer = transformers.AutoTokenizer.from_pretrained(GOLDEN / name, use_fast=not slow)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        GOLDEN / name, torch_dtype=torch.float32, attn_implementation="eager").eval()
    return tokenizer, model


@torch.no_grad()
def logit(model, encoded) -> float:
    inputs = {key: torch.tensor([value]) for key, value in encoded.items()
              if key in ("input_ids", "attention_mask", "token_type_ids")}
    return model(**inputs).logits.double().item()


def golden_pairs(name: str, pairs) -> None:
    tokenizer, model = load(name)
    cases = [(i, 512, "only_second") for i in range(len(pairs))]
    short = list(range(0, len(pairs), 9))
    cases += [(i, length, truncation) for i in short
              for length, truncation in ((32, "longest_first"), (64, "longest_first"), (64, "only_second"))]
    records, refused = [], 0
    for i, max_length, truncation in cases:
        query, passage = pairs[i]
        encoded = encode(tokenizer, query, passage, max_length, truncation)
        if encoded is None:
            refused += 1
            continue
        whole = len(tokenizer([query], [passage], truncation=False, verbose=False)["input_ids"][0])
        record = {"pair": i, "max_length": max_length, "truncation": truncation, "input_ids": encoded["input_ids"]}
        if "token_type_ids" in encoded:
            record["token_type_ids"] = encoded["token_type_ids"]
        record |= {"truncated": whole > len(encoded["input_ids"]), "logit": logit(model, encoded)}
        records.append(record)
    write_lines(GOLDEN / name / "golden.jsonl.xz", records)
    logits = torch.tensor([record["logit"] for record in records])
    print(f"{name}: {len(records)} pairs, {refused} refused by the reference, "
          f"logits {logits.mean():.2f} +- {logits.std():.2f}", flush=True)
    cross_encoder(name, pairs, records)


def cross_encoder(name: str, pairs, records) -> None:
    """sentence-transformers agrees, and says what the activation is."""
    if VERSION != 4:
        return
    from sentence_transformers import CrossEncoder

    encoder = CrossEncoder(str(GOLDEN / name), max_length=512, device="cpu",
                           tokenizer_kwargs={"use_fast": name != "xlmr-spm-only"})
    chosen = [r for r in records if r["max_length"] == 512 and not r["truncated"]][:20]
    scores = encoder.predict([pairs[r["pair"]] for r in chosen], batch_size=1).tolist()
    write_lines(GOLDEN / name / "cross_encoder.jsonl.xz",
                [{"pair": r["pair"], "score": score} for r, score in zip(chosen, scores)])


@torch.no_grad()
def golden_layers(name: str, pairs) -> None:
    from safetensors.torch import save_file

    tokenizer, model = load(name)
    tensors = {}
    for index, i in enumerate(LAYER_PAIRS):
        encoded = tokenizer(*pairs[i], truncation="only_second", max_length=512, return_tensors="pt")
        base = model.base_model
        outputs = {}
        layers = base.encoder.layer if hasattr(base, "encoder") else base.layers
        hooks = [base.embeddings.register_forward_hook(lambda m, a, out: outputs.update(embeddings=out))]
        for number, layer in enumerate(layers):
            hooks.append(layer.register_forward_hook(
                lambda m, a, out, number=number: outputs.update({f"layer.{number}": out[0] if isinstance(out, tuple) else out})))
        if hasattr(base, "final_norm"):
            hooks.append(base.final_norm.register_forward_hook(lambda m, a, out: outputs.update(final_norm=out)))
        value = model(**encoded).logits
        for hook in hooks:
            hook.remove()
        tensors[f"{index}.input_ids"] = encoded["input_ids"][0].float()
        if "token_type_ids" in encoded:
            tensors[f"{index}.token_type_ids"] = encoded["token_type_ids"][0].float()
        tensors[f"{index}.logit"] = value[0]
        tensors |= {f"{index}.{key}": tensor[0].contiguous() for key, tensor in outputs.items()}
    save_file(tensors, GOLDEN / name / "layers.safetensors")


def save_embedder(name: str, data: Path) -> None:
    from sentence_transformers import SentenceTransformer, models

    folder = GOLDEN / name
    if name == "embed-static":
        from tokenizers import Tokenizer

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tokenizer = Tokenizer.from_file(str(GOLDEN / "xlmr-xsmall-v1/tokenizer.json"))
        weights = torch.randn((tokenizer.get_vocab_size(), 64), generator=torch.Generator().manual_seed(5))
        SentenceTransformer(modules=[models.StaticEmbedding(tokenizer, embedding_weights=weights.numpy())]).save(
            str(folder), create_model_card=False)
        return
    save(name, data)
    scratch = GOLDEN / (name + ".transformer")
    shutil.rmtree(scratch, ignore_errors=True)
    folder.rename(scratch)
    transformer = models.Transformer(str(scratch), max_seq_length=512)
    mode = "cls" if name == "embed-bge-m3" else "mean"
    prompts = {"embed-ruri-v3": {"query": "検索クエリ: ", "document": "検索文書: "},
               "embed-e5-small": {"query": "query: ", "document": "passage: "},
               "embed-e5-base": {"query": "query: ", "document": "passage: "}}.get(name)
    model = SentenceTransformer(
        modules=[transformer, models.Pooling(transformer.get_word_embedding_dimension(), pooling_mode=mode),
                 models.Normalize()], prompts=prompts)
    model.save(str(folder), create_model_card=False)
    shutil.rmtree(scratch)


def golden_vectors(name: str, pairs) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(GOLDEN / name), device="cpu")
    prompts = ["query", "document"] if model.prompts and model.prompts.get("query") else [None]
    texts = [passage for _, passage in pairs[:20]] + [text for text in NASTY if 0 < len(text) < 200][::3]
    records = []
    for i, text in enumerate(texts):
        prompt = prompts[i % len(prompts)]
        vector = model.encode([text], prompt_name=prompt, batch_size=1)[0]
        records.append({"text": text, "prompt": prompt, "vector": [float(f"{x:.8g}") for x in vector.tolist()]})
    write_lines(GOLDEN / name / "embed.jsonl.xz", records)
    print(f"{name}: {len(records)} vectors of {len(records[0]['vector'])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    names = options.names or (folders.RERANKERS + folders.EMBEDDERS if VERSION == 4 else folders.VERSION_5)
    pairs = all_pairs(options.data)
    write_lines(GOLDEN / "pairs.jsonl.xz", [{"query": query, "passage": passage} for query, passage in pairs])
    for name in names:
        if name in folders.EMBEDDERS:
            save_embedder(name, options.data)
            golden_vectors(name, pairs)
            continue
        save(name, options.data)
        golden_pairs(name, pairs)
        if name in folders.WITH_LAYERS:
            golden_layers(name, pairs)


if __name__ == "__main__":
    sys.exit(main())
