#!/usr/bin/env python3
"""Writes data/kyoto/kyoto-sample.jsonl.xz: whole articles of the Kyoto passages, chosen with a seed.

    tools/make_sample.py [--data ../shared/data] [--passages 3000]

The articles named in KEEP (which the demo asks about) are always in; the rest are drawn at random.
Texts: Japanese-English Bilingual Corpus of Wikipedia's Kyoto Articles (NICT), CC BY-SA 3.0.
"""
import argparse
import json
import lzma
import os
import random
from pathlib import Path

KEEP = {"金閣寺", "鹿苑寺", "清水寺", "平等院", "紫式部", "源氏物語", "祇園祭", "龍安寺", "伏見稲荷大社", "銀閣寺", "慈照寺", "二条城"}


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("NARABI_DATA", root / "../shared/data")))
    parser.add_argument("--passages", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    articles: dict[str, list[dict]] = {}
    with lzma.open(options.data / "kyoto/kyoto-passages.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            passage = json.loads(line)
            articles.setdefault(passage["id"].rsplit("-", 1)[0], []).append(passage)

    order = list(articles)
    random.Random(options.seed).shuffle(order)
    order.sort(key=lambda article: articles[article][0]["title"] not in KEEP)
    chosen, count = set(), 0
    for article in order:
        if count >= options.passages:
            break
        chosen.add(article)
        count += len(articles[article])

    target = root / "data/kyoto/kyoto-sample.jsonl.xz"
    with lzma.open(target, "wt", encoding="utf-8", preset=9) as out:
        for article, passages in articles.items():
            if article in chosen:
                for passage in passages:
                    out.write(json.dumps(passage, ensure_ascii=False) + "\n")
    print(f"{target.relative_to(root)}: {count} passages of {len(chosen)} articles")


if __name__ == "__main__":
    main()
