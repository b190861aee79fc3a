#!/usr/bin/env python3
"""Feeds thousands of lines to narabi and to the real transformers/tokenizers, and reports every difference in ids.

    tools/tokenizers/run.sh diff [FOLDER...] [--lines N] [--seed S] [--every-character]

Without folders: every reranker of tests/golden, a copy of one with vocab.txt only, and the large tokenizers of
`run.sh train` where they are. Texts alone and pairs at several lengths, both truncations. Exit code 1 if anything
differs; the lines that do go to build/differential/NAME.jsonl.
"""
import argparse
import json
import lzma
import os
import random
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import transformers  # noqa: E402

transformers.logging.set_verbosity(transformers.logging.CRITICAL)  # each refused pair would be a line

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/goldens"))
from pairs import NASTY  # noqa: E402

NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
OUT = ROOT / "build/differential"
NO_LIMIT = 1_000_000
# (max_length, truncation) of pairs. The reference refuses a query that alone does not fit; such lines are left out.
LIMITS = [(512, "only_second"), (24, "only_second"), (24, "longest_first"), (65, "longest_first")]
SLOW = {"xlmr-spm-only"}


def real_texts() -> list[str]:
    with lzma.open(ROOT / "data/kyoto/kyoto-sample.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    for name in ("jsquad/jsquad-valid-v1.3.json.xz", "jaquad/jaquad-dev.json.xz"):
        for article in json.loads(lzma.open(ROOT / "data" / name, "rt", encoding="utf-8").read())["data"]:
            for paragraph in article["paragraphs"]:
                texts.append(paragraph["context"])
                texts += [qa["question"] for qa in paragraph["qas"]]
    return texts


def characters() -> list[str]:
    """All assigned characters, and one in a hundred of the unassigned and private ones."""
    return [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000
            and (unicodedata.category(chr(c)) not in ("Cn", "Co") or c % 100 == 0 or c & 0xFFFE == 0xFFFE)]


class Texts:
    """A seeded stream of texts of several kinds."""

    def __init__(self, seed: int, specials: list[str]):
        self.random = random.Random(seed)
        self.real, self.characters, self.specials = real_texts(), characters(), specials
        common = [c for c in self.characters if ord(c) < 0x3000 or 0xFE00 <= ord(c) < 0x10000]
        marks = [c for c in self.characters if unicodedata.category(c)[0] in "MC" and ord(c) < 0xE000]
        spaces = [c for c in self.characters if c.isspace() or unicodedata.category(c) in ("Zs", "Cf")]
        self.pools = [self.characters, common, marks + list("あaが漢"), spaces + list("あa1"), list("ab あ漢1\u3099\u309a\u200d\ufe0f")]

    def cut(self, text: str, longest: int = 400) -> str:
        begin = self.random.randrange(max(1, len(text)))
        return text[begin:begin + self.random.randint(1, longest)]

    def soup(self) -> str:
        pool = self.random.choice(self.pools)
        return "".join(self.random.choice(pool) for _ in range(self.random.randint(1, 60)))

    def broken(self) -> str:
        """Real text with strange characters and special tokens put in, doubled, and spaced."""
        text = list(self.cut(self.random.choice(self.real)))
        for _ in range(self.random.randint(1, 8)):
            what = self.random.choice([self.random.choice(self.characters), self.random.choice(NASTY)[:12],
                                       self.random.choice(self.specials), " ", "  ", "\u3000", "\n", self.soup()[:3]])
            text.insert(self.random.randint(0, len(text)), what)
        return "".join(text)

    def next(self) -> str:
        kind = self.random.random()
        if kind < 0.25:
            return self.cut(self.random.choice(self.real), 2000)
        if kind < 0.5:
            return self.soup()
        if kind < 0.7:
            glue = self.random.choice(["", " ", "、", "a"])
            return glue.join(self.random.choice(NASTY)[:100] for _ in range(self.random.randint(1, 5)))
        return self.broken()


def narabi(folder: Path, records: list[dict], max_length: int, truncation: str) -> list[dict]:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    command = [NARABI, "tokenize", "--model", str(folder), "--input", "-", "--max-length", str(max_length),
               "--truncation", truncation]
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def reference(tokenizer, record: dict, max_length: int, truncation: str) -> dict | None:
    """None where the reference refuses: see docs/reference-behaviour.md, only_second."""
    sides = [[record["text"]]] if "text" in record else [[record["query"]], [record["passage"]]]
    options = {} if max_length == NO_LIMIT else {"truncation": truncation, "max_length": max_length}
    try:
        encoded = {key: value[0] for key, value in tokenizer(*sides, verbose=False, **options).items()}
    except Exception as error:  # the fast tokenizers raise, or panic, on a query that does not fit
        if "truncat" not in str(error).lower():
            raise
        return None
    return encoded if len(encoded["input_ids"]) <= max_length else None


class Report:
    def __init__(self, folder: Path, name: str):
        self.folder, self.name = folder, name
        self.lines = self.ids = self.refused = 0
        self.differences = []

    def compare(self, tokenizer, records: list[dict], max_length: int, truncation: str) -> None:
        if not records:
            return
        for record, found in zip(records, narabi(self.folder, records, max_length, truncation), strict=True):
            expected = reference(tokenizer, record, max_length, truncation)
            if expected is None:
                self.refused += 1
                continue
            self.lines += 1
            self.ids += len(expected["input_ids"])
            if all(found.get(key) == expected.get(key) for key in ("input_ids", "token_type_ids")):
                continue
            self.differences.append(record | {"max_length": max_length, "truncation": truncation, "found": found,
                                              "expected": {key: expected[key] for key in expected if key != "attention_mask"}})

    def finish(self) -> str:
        OUT.mkdir(parents=True, exist_ok=True)
        path = OUT / f"{self.name}.jsonl"
        path.write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in self.differences), encoding="utf-8")
        return f"| {self.name} | {self.lines:,} | {self.ids:,} | {self.refused:,} | {len(self.differences):,} |"


def vocab_txt_copy() -> Path:
    """tests/golden/bert-tokenizer-json as a folder that has vocab.txt and no tokenizer.json."""
    source, folder = ROOT / "tests/golden/bert-tokenizer-json", OUT / "folders/bert-vocab-txt"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    vocabulary = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (folder / "vocab.txt").write_text("".join(t + "\n" for t in sorted(vocabulary, key=vocabulary.get)), encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True}))
    return folder


def default_folders() -> list[Path]:
    golden = [path.parent for path in sorted((ROOT / "tests/golden").glob("*/golden.jsonl.xz"))]
    large = [ROOT / "build/bench/tokenizers" / name for name in ("xlmr", "modernbert", "bert-japanese")]
    folders = golden + [vocab_txt_copy(), ROOT / "models/prototype-modernbert-6l"] + [path for path in large if path.exists()]
    different = {}  # several golden models share a tokenizer
    for folder in folders:
        names = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "tokenizer_config.json")
        different.setdefault(tuple((folder / n).read_bytes() for n in names if (folder / n).exists()), folder)
    return list(different.values())


def load(folder: Path):
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, use_fast=folder.name not in SLOW)
    except ValueError:  # a class of transformers 5, whose tokenizer.json is all there is to it
        return transformers.PreTrainedTokenizerFast.from_pretrained(folder)


def run(folder: Path, arguments) -> Report:
    tokenizer = load(folder)
    report = Report(folder, folder.name)
    texts = Texts(arguments.seed, list(tokenizer.all_special_tokens) + ["<s>", "[SEP]", "<mask>"])
    report.compare(tokenizer, [{"text": texts.next()} for _ in range(arguments.lines)], NO_LIMIT, "only_second")
    for max_length, truncation in LIMITS:
        pairs = [{"query": texts.next()[:60], "passage": texts.next()} for _ in range(arguments.lines // 4)]
        report.compare(tokenizer, pairs, max_length, truncation)
    if arguments.every_character:
        every = [{"text": form} for c in texts.characters for form in (c, f"あ{c}漢", f"a{c} b")]
        for begin in range(0, len(every), 50_000):
            report.compare(tokenizer, every[begin:begin + 50_000], NO_LIMIT, "only_second")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--lines", type=int, default=4000, help="texts of a folder, and as many pairs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-character", action="store_true", help="also each character that Unicode has, in three contexts")
    arguments = parser.parse_args()
    print(f"transformers {transformers.__version__}, Unicode {unicodedata.unidata_version} here, seed {arguments.seed}")
    print("| tokenizer | lines | ids | refused by the reference | different |\n|---|---|---|---|---|")
    different = 0
    for folder in arguments.folders or default_folders():
        started = time.time()
        report = run(folder, arguments)
        print(report.finish(), flush=True)
        print(f"{folder}: {time.time() - started:.0f} s", file=sys.stderr)
        for difference in report.differences[:3]:
            print(json.dumps(difference, ensure_ascii=False)[:1500], file=sys.stderr)
        different += len(report.differences)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
