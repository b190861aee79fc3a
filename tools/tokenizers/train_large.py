#!/usr/bin/env python3
"""Tokenizer folders of real size for the speed benchmark and the differential run: XLM-R's form with up to
250,000 pieces, ModernBERT-Ja's form with 102,400, Japanese BERT with 32,768 word pieces.

    tools/tokenizers/run.sh train --text FILE... [--vocabulary N] [--only NAME] OUT

FILE: plain text or JSON lines with "text", also .xz. Takes minutes; the folders hold tokenizer files only.
"""
import argparse
import json
import lzma
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "goldens"))
import tokenizers_ja  # noqa: E402

SIZES = {"xlmr": 250000, "modernbert": 102400, "bert-japanese": 32768}


def read(path: Path):
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if line:
                yield json.loads(line)["text"] if line.startswith("{") else line


def train(texts: list[str], target: Path, size: int, **options) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(target.with_suffix("")), model_type="unigram",
        vocab_size=size, character_coverage=0.9995, num_threads=2, hard_vocab_limit=False, minloglevel=1,
        seed_sentencepiece_size=max(1_000_000, 4 * size), num_sub_iterations=1, max_sentence_length=8192, **options)
    target.with_suffix(".vocab").unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    parser.add_argument("--characters", type=int, default=20_000_000, help="of text that is read")
    parser.add_argument("--only", choices=SIZES, action="append")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    texts = []
    for path in arguments.text:
        share = arguments.characters // len(arguments.text)
        for text in read(path):
            texts.append(text)
            share -= len(text)
            if share < 0:
                break
    print(f"{len(texts)} lines, {sum(map(len, texts))} characters", flush=True)
    # The small trainers of the golden files, with real sizes and this text.
    tokenizers_ja.texts = lambda data, count=0: texts[:count] if count else texts
    for name in arguments.only or SIZES:
        folder = arguments.out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tokenizers_ja.VOCABULARY = SIZES[name]
        tokenizers_ja.train_sentencepiece = lambda data, target, **options: train(texts, target, SIZES[name], **options)
        if name == "xlmr":
            from transformers import XLMRobertaTokenizerFast

            tokenizers_ja.xlm_roberta(None, folder).save_pretrained(folder)
            XLMRobertaTokenizerFast.from_pretrained(folder).save_pretrained(folder)
        elif name == "modernbert":
            tokenizers_ja.modern_ja(None, folder, llama_form=True).save_pretrained(folder)
        else:
            tokenizers_ja.bert_japanese(None, folder, "unidic_lite", False, False).save_pretrained(folder)
        print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
