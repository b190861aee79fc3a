"""The table of bench/retrieve/run.sh, as Markdown on stdout. What it measures stands there."""

import argparse
import json
import lzma
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from terms import terms

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "build/bench-retrieve"
KINDS = ["short", "medium", "long"]
K = 100
NAMES = {"narabi": "narabi, characters and pairs", "narabi-words": "narabi, words too (default)",
         "fts5": "SQLite FTS5", "xapian": "Xapian", "tantivy": "Tantivy"}


class Narabi:
    """ms is the search in the postings; the query's analysis is not in it, as with the others."""

    def __init__(self, folder, corpus, settings):
        self.folder = folder
        self.narabi = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
        built = folder.with_suffix(".json")
        if not built.exists():
            shutil.rmtree(folder, ignore_errors=True)
            start = time.perf_counter()
            subprocess.run([self.narabi, "index", folder, "--corpus", corpus, "--compact", *settings], check=True,
                           stdout=subprocess.DEVNULL)
            seconds = time.perf_counter() - start
            size = sum(path.stat().st_size for path in (folder / "segments").iterdir())
            built.write_text(json.dumps({"build_s": seconds, "bytes": size}))
        built = json.loads(built.read_text())
        self.build_s, self.bytes = built["build_s"], built["bytes"]

    def ask(self, queries, k):
        """A process of its own, which the queries pass through twice, as with the peers; the second time counts."""
        file = self.folder.parent / "asked.jsonl"
        file.write_text("".join(json.dumps({"id": f"{turn} {i}", "text": text}) + "\n"
                                for turn in ("first", "second") for i, text in enumerate(queries)))
        done = subprocess.run([self.narabi, "search", self.folder, "--queries", file, "--candidates", str(k), "--top-n",
                               str(k), "--json", "--times"], check=True, capture_output=True, text=True)
        answers = [{"ms": 0.0, "ids": []} for _ in queries]
        for line in map(json.loads, done.stdout.splitlines()):
            turn, number = line["query_id"].split()
            if turn == "second":
                answers[int(number)]["ms"] = line["ms"]["bm25"]
                answers[int(number)]["ids"].append(line["id"])
        return answers


class Peer:
    def __init__(self, engine, folder, corpus):
        python = "/usr/bin/python3" if engine == "xapian" else sys.executable  # Debian's package is for Debian's python
        self.process = subprocess.Popen([python, HERE / "peer.py", engine, folder, corpus], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        built = self.answer()
        self.build_s, self.bytes = built["build_s"], built["bytes"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} has ended")
        return json.loads(line)

    def ask(self, queries, k):
        for _ in range(2):  # the second time counts
            answers = []
            for query in queries:
                print(json.dumps({"terms": terms(query, query=True), "k": k}), file=self.process.stdin, flush=True)
                answers.append(self.answer())
        return answers

    def __del__(self):
        self.process.stdin.close()
        self.process.wait()


def start(engine, folder, corpus):
    if engine.startswith("narabi"):
        return Narabi(folder, corpus, ["--bigrams-only"] if engine == "narabi" else [])
    return Peer(engine, folder, corpus)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def collection(args):
    corpus, queries = WORK / f"collection-{args.passages}.jsonl", WORK / f"queries-{args.passages}.tsv"
    if not queries.exists():
        data = os.environ.get("NARABI_DATA", str(ROOT.parent / "shared/data"))
        part = corpus.with_suffix(".part")
        with open(part, "w", encoding="utf-8") as out:
            subprocess.run([sys.executable, ROOT / "tools/make_collection.py", "--data", data, "--passages",
                            str(args.passages), "--seed", "1", "--queries", "600", "--queries-file", queries], check=True,
                           stdout=out)
        part.rename(corpus)
    by_kind = {kind: [] for kind in KINDS}
    for line in queries.read_text(encoding="utf-8").splitlines():
        id_, text = line.split("\t")
        by_kind[id_.split("-")[0]].append(text)
    return corpus, {kind: texts[:args.queries] for kind, texts in by_kind.items()}


def jsquad():
    """Paragraphs as a corpus, and questions with the paragraph that answers each."""
    with lzma.open(ROOT / "data/jsquad/jsquad-valid-v1.3.json.xz", "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    corpus = WORK / "jsquad.jsonl"
    with open(corpus, "w", encoding="utf-8") as out:
        for i, paragraph in enumerate(paragraphs):
            print(json.dumps({"id": str(i), "text": paragraph["context"].replace(" [SEP] ", " ", 1)}), file=out)
    return corpus, [(qa["question"], str(i)) for i, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]]


def ndcg(engine, corpus, questions):
    folder = WORK / f"jsquad-{engine}"
    folder.with_suffix(".json").unlink(missing_ok=True)  # never of an older narabi
    index = start(engine, folder, corpus)
    gains = []
    for answer, (_, wanted) in zip(index.ask([question for question, _ in questions], 10), questions):
        gains.append(1 / math.log2(2 + answer["ids"].index(wanted)) if wanted in answer["ids"] else 0)
    return sum(gains) / len(gains)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=20, help="of each length")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", default="narabi-words,narabi,fts5,xapian,tantivy")
    args = parser.parse_args()
    engines = args.engines.split(",")
    WORK.mkdir(parents=True, exist_ok=True)
    corpus, queries = collection(args)
    built = {}
    for engine in engines:
        print(f"building: {engine}", file=sys.stderr)
        built[engine] = start(engine, WORK / f"{engine}-{args.passages}", corpus)
    times = {engine: {kind: [] for kind in KINDS} for engine in engines}
    for round_ in range(-1, args.rounds):  # the first round warms up
        for kind in KINDS:
            for engine in engines:
                asked = queries[kind] if round_ >= 0 else queries[kind][:3]
                answers = built[engine].ask(asked, K)
                if round_ >= 0:
                    times[engine][kind].append([answer["ms"] for answer in answers])
    squad, questions = jsquad()
    print(f"{args.passages} passages, {args.queries} queries of each length, {args.rounds} rounds\n")
    print("| engine | build s | postings MB | " + " | ".join(f"{kind} p50 / p99 ms" for kind in KINDS) +
          " | JSQuAD nDCG@10 |")
    print("|---|" + "---:|" * (len(KINDS) + 3))
    for engine in engines:
        row = [NAMES[engine], f"{built[engine].build_s:.0f}", f"{built[engine].bytes / 1e6:.0f}"]
        for kind in KINDS:
            best = [percentile(column, 0.5) for column in zip(*times[engine][kind])]  # median over the rounds
            row.append(f"{percentile(best, 0.5):.2f} / {percentile(best, 0.99):.2f}")
        row.append(f"{ndcg(engine, squad, questions):.4f}")
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
