#!/usr/bin/env python3
"""A collection of any size with the term statistics and lengths of real Japanese passages.

    tools/make_collection.py --data ../shared/data --passages 1000000 --seed 1 > collection.jsonl

The texts are Kyoto Wikipedia passages and Aozora paragraphs, cut into sentences. A passage of the collection
gets the length of a random Kyoto passage and is filled with runs of one to four consecutive sentences from random
places until it is that long (at most 400 characters are kept, whole sentences as far as possible). So words,
characters, their frequencies and their neighbours inside a sentence are real; topics mix inside a passage. The
same seed gives the same bytes.

With --queries N the second output is N queries: parts of sentences that are in the sources, a third each of
about 4, 12 and 40 characters, as TSV with ids short-*, medium-*, long-*.
"""

import argparse
import json
import lzma
import random
import re
import sys
from pathlib import Path

LONGEST = 400  # characters of a passage, as in singletongue/wikipedia-utils' c400
SENTENCE = re.compile(r"[^。！？]*[。！？]+[」』）]*|[^。！？]+$")


def sentences_of(text):
    return [part for part in SENTENCE.findall(text.strip()) if len(part.strip()) >= 2]


def read_sources(data):
    """Documents as lists of sentences, the titles, and the lengths of the Kyoto passages."""
    documents, titles, lengths = [], [], []
    with lzma.open(data / "kyoto/kyoto-passages.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            passage = json.loads(line)
            documents.append(sentences_of(passage["text"]))
            titles.append(passage["title"])
            lengths.append(len(passage["text"]))
    with lzma.open(data / "aozora/aozora.txt.xz", "rt", encoding="utf-8") as lines:
        documents.extend(sentences_of(line) for line in lines if line.strip())
    return [document for document in documents if document], titles, lengths


def make_passage(chance, documents, wanted):
    parts, length = [], 0
    while length < wanted:
        document = documents[int(chance.random() * len(documents))]
        begin = int(chance.random() * len(document))
        for sentence in document[begin:begin + 1 + int(chance.random() * 4)]:
            parts.append(sentence)
            length += len(sentence)
    return "".join(parts)[:LONGEST]


def make_queries(chance, documents, count):
    kinds = [("short", 4), ("medium", 12), ("long", 40)]
    for i in range(count):
        kind, length = kinds[i % len(kinds)]
        while True:
            document = documents[int(chance.random() * len(documents))]
            sentence = document[int(chance.random() * len(document))].replace("\t", " ")
            if len(sentence) >= length:
                break
        begin = int(chance.random() * (len(sentence) - length + 1))
        yield f"{kind}-{i // len(kinds)}\t{sentence[begin:begin + length]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with kyoto/ and aozora/")
    parser.add_argument("--passages", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=0, help="write so many queries to --queries-file")
    parser.add_argument("--queries-file", type=Path)
    options = parser.parse_args()
    if (options.queries > 0) != (options.queries_file is not None):
        parser.error("--queries N and --queries-file FILE go together")
    documents, titles, lengths = read_sources(options.data)
    if options.queries:
        lines = make_queries(random.Random(options.seed + 1), documents, options.queries)
        options.queries_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    chance = random.Random(options.seed)
    for i in range(options.passages):
        passage = {"id": f"p{i}", "title": titles[int(chance.random() * len(titles))],
                   "text": make_passage(chance, documents, lengths[int(chance.random() * len(lengths))])}
        sys.stdout.write(json.dumps(passage, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
