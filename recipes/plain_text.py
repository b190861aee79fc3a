#!/usr/bin/env python3
"""plain_text.py corpus FILE | squad FILE ARTICLES: the text of a data set, a paragraph a line, on stdout."""
import json
import lzma
import sys


def lines(kind, path, articles):
    with lzma.open(path, "rt", encoding="utf-8") as file:
        if kind == "corpus":
            for line in file:
                passage = json.loads(line)
                yield (passage.get("title", "") + " " + passage["text"]).strip()
            return
        for article in json.load(file)["data"][:articles]:
            for paragraph in article["paragraphs"]:
                yield paragraph["context"]
                yield from (question["question"] for question in paragraph["qas"])


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("corpus", "squad"):
        sys.exit(__doc__)
    articles = int(sys.argv[3]) if len(sys.argv) > 3 else None
    for line in lines(sys.argv[1], sys.argv[2], articles):
        print(" ".join(line.split()))


if __name__ == "__main__":
    main()
