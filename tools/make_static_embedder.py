#!/usr/bin/env python3
"""A static embedder (a sentence-transformers folder) from the token embeddings of a reranker folder.

    tools/make_static_embedder.py models/narabi-xsmall /tmp/static-xsmall

A text's vector is the mean of its tokens' rows, each weighted by a / (a + p), where p is the token's probability in
the folder's Unigram tokenizer, after the mean row and the rows' first principal direction are taken out (smooth
inverse frequency: Arora, Liang and Ma, ICLR 2017). No text is read and nothing is trained: for measuring indexes of
millions of vectors (docs/retrieval.md), where an encoder would take a day. Needs numpy and safetensors.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy
from safetensors.numpy import load_file, save_file

SMOOTHING = 1e-3  # a: between 1e-3 and 1e-4 in the paper


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder with model.safetensors and a Unigram tokenizer.json")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()

    tensors = load_file(options.model / "model.safetensors")
    names = [name for name in tensors if name.endswith(("tok_embeddings.weight", "word_embeddings.weight"))]
    if len(names) != 1:
        parser.error(f"{options.model}: expected one table of token embeddings, found {len(names)}: {names}")
    table = tensors[names[0]].astype(numpy.float64)
    tokenizer = json.loads((options.model / "tokenizer.json").read_text(encoding="utf-8"))
    if tokenizer["model"]["type"] != "Unigram":
        parser.error(f"{options.model}/tokenizer.json: model.type: expected Unigram, found {tokenizer['model']['type']}")
    pieces = tokenizer["model"]["vocab"]
    probability = numpy.zeros(len(table))
    probability[:len(pieces)] = numpy.exp([score for _, score in pieces])
    special = [token["id"] for token in tokenizer["added_tokens"] if token["special"]]
    probability[special] = 0
    probability /= probability.sum()

    table -= probability @ table
    weighted = table * numpy.sqrt(probability)[:, None]
    direction = numpy.linalg.eigh(weighted.T @ weighted)[1][:, -1]
    table -= numpy.outer(table @ direction, direction)
    table *= (SMOOTHING / (SMOOTHING + probability))[:, None]
    table[special] = 0

    options.output.mkdir(parents=True, exist_ok=True)
    save_file({"embedding.weight": table.astype(numpy.float32)}, options.output / "model.safetensors")
    shutil.copyfile(options.model / "tokenizer.json", options.output / "tokenizer.json")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
               {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}]
    (options.output / "1_Normalize").mkdir(exist_ok=True)
    (options.output / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    config = {"model_type": "SentenceTransformer", "prompts": {"query": "", "document": ""},
              "default_prompt_name": None, "similarity_fn_name": "cosine"}
    (options.output / "config_sentence_transformers.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
