"""What tools/collections.py does: published collections, as their files lie on your disk, become what
`narabi reproduce` reads.

    tools/collections.py jqara     --rows test-*.parquet                                    --output DATA/jqara
    tools/collections.py jacwir    --eval eval-*.parquet --collection collection-*.parquet  --output DATA/jacwir
    tools/collections.py miracl-ja --topics topics.tsv --qrels qrels.tsv --corpus docs-*.jsonl.gz --output DATA/miracl-ja
    tools/collections.py aio       --questions dev1_questions.json dev2_questions.json \
                                   --passages passages-c400-jawiki-20230403*.parquet        --output DATA/aio

Nothing is downloaded. Output, as src/data/collection.h says: queries.jsonl, corpus*.jsonl, qrels.trec and, where
each question has its own set of passages, candidates.run. Texts stay as they are; title and text are joined by the
one who reads them. Parquet files need pyarrow (pip install pyarrow); JSON lines, packed with gzip or not, do not.
"""

import argparse
import contextlib
import gzip
import json
import os
import re
import shutil
import sys
import zlib
from pathlib import Path

ROWS_AT_A_TIME = 4096
MAY_BE_NULL = {"title", "section", "description"}
KINDS = {"label": (int, "a whole number"), "positive": (str, "an id"), "negatives": (list, "a list"),
         "answer_candidates": (list, "a list")}


class BadInput(Exception):
    pass


@contextlib.contextmanager
def about(path):
    """Whatever a reader complains of (UTF-8, gzip, pyarrow) names the file."""
    try:
        yield
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path}: {error}") from None


def parquet_rows(path, columns):
    try:
        import pyarrow.parquet
    except ImportError:
        raise BadInput(f"{path}: parquet files need pyarrow: pip install pyarrow") from None
    with about(path):
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
        if not set(columns) <= set(names):
            raise BadInput(f"{path}: expected the columns {', '.join(columns)}; found {', '.join(names)}")
        batches = file.iter_batches(ROWS_AT_A_TIME, columns=columns)
        for number, row in enumerate((row for batch in batches for row in batch.to_pylist()), 1):
            yield f"{path}: row {number}", row


def json_rows(path, columns):
    opened = gzip.open if path.endswith(".gz") else open
    with about(path), opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            with about(f"{path}:{number}"):
                row = json.loads(line)
            if not isinstance(row, dict):
                raise BadInput(f"{path}:{number}: expected an object, found {line.strip()[:60]}")
            if not set(columns) <= set(row):
                raise BadInput(f"{path}:{number}: expected the keys {', '.join(columns)}; found {', '.join(row)}")
            yield f"{path}:{number}", row


def rows(paths, columns):
    for path in paths:
        for place, row in (parquet_rows if path.endswith(".parquet") else json_rows)(path, columns):
            for column in columns:
                kind, expected = KINDS.get(column, (object, "a value"))
                if not isinstance(row[column], kind) or (row[column] is None and column not in MAY_BE_NULL):
                    found = json.dumps(row[column], default=str, ensure_ascii=False)
                    raise BadInput(f"{place}: {column}: expected {expected}, found {found[:60]}")
            yield row


class Folder:
    """Files that appear whole, all at the end; with an error none does."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.written = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.commit()
        for part in self.written.values():
            part.unlink(missing_ok=True)

    def part(self, name):
        self.written[name] = self.path / (name + ".part")
        self.written[name].unlink(missing_ok=True)  # of a run that was killed; it may be a link to an input
        return self.written[name]

    @contextlib.contextmanager
    def lines(self, name):
        with open(self.part(name), "w", encoding="utf-8") as file:
            yield lambda value: file.write(
                (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) + "\n")

    def keep(self, name, path):
        part = self.part(name)
        try:
            os.link(os.path.realpath(path), part)
        except OSError:  # another file system
            shutil.copyfile(path, part)

    def commit(self):
        for name, part in self.written.items():
            os.replace(part, self.path / name)  # does nothing where both are links to one file
            print(self.path / name, file=sys.stderr)
        for old in self.path.iterdir():  # what reproduce would read as well
            if re.fullmatch(r"corpus(-\d{3,})?\.jsonl(\.gz)?", old.name) and old.name not in self.written:
                old.unlink()


def candidate_line(query, passage, rank, size):
    """A set has no order of its own: the file's, so that it can be read again."""
    return f"{query} Q0 {passage} {rank} {size - rank + 1} set"


def jqara(args, folder):
    columns = ["q_id", "question", "passage_row_id", "title", "text", "label"]
    questions, sets, seen = {}, {}, set()
    with folder.lines("corpus.jsonl") as corpus, folder.lines("qrels.trec") as qrels:
        for row in rows(args.rows, columns):
            query, passage = row["q_id"], str(row["passage_row_id"])
            questions.setdefault(query, row["question"])
            sets.setdefault(query, []).append(passage)
            qrels(f"{query} 0 {passage} {int(row['label'])}")
            if passage not in seen:
                seen.add(passage)
                corpus({"id": passage, "title": row["title"], "text": row["text"]})
    write_sets(folder, questions, sets)


def write_sets(folder, questions, sets):
    with folder.lines("queries.jsonl") as out:
        for query, text in questions.items():
            out({"id": query, "text": text})
    with folder.lines("candidates.run") as out:
        for query, passages in sets.items():
            for rank, passage in enumerate(passages, 1):
                out(candidate_line(query, passage, rank, len(passages)))


def jacwir(args, folder):
    questions, sets = {}, {}
    with folder.lines("qrels.trec") as qrels:
        for row in rows(args.eval, ["query", "positive", "negatives"]):
            query = "q_id##" + row["positive"]  # the name that the published runs and qrels use
            questions[query] = row["query"]
            sets[query] = [row["positive"], *row["negatives"]]
            for passage in sets[query]:
                qrels(f"{query} 0 {passage} {int(passage == row['positive'])}")
    wanted = {passage for passages in sets.values() for passage in passages}
    with folder.lines("corpus.jsonl") as corpus:
        for row in rows(args.collection, ["doc_id", "title", "description"]):
            if row["doc_id"] in wanted:
                wanted.discard(row["doc_id"])
                corpus({"id": row["doc_id"], "title": row["title"], "text": row["description"]})
    if wanted:
        raise BadInput(f"--collection: {len(wanted)} documents of --eval are not there, as {min(wanted)}")
    write_sets(folder, questions, sets)


def tsv(path, fields):
    with about(path), open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.rstrip("\n").split(None if fields > 2 else "\t", fields - 1)
            if len(parts) != fields:
                raise BadInput(f"{path}:{number}: expected {fields} fields, found {line.strip()[:60]!r}")
            yield parts


def miracl(args, folder):
    with folder.lines("queries.jsonl") as out:
        for query, text in tsv(args.topics, 2):
            out({"id": query, "text": text})
    with folder.lines("qrels.trec") as out:
        for query, zero, passage, relevance in tsv(args.qrels, 4):
            out(f"{query} {zero} {passage} {relevance}")
    for number, path in enumerate(sorted(args.corpus)):  # {docid, title, text}: narabi reads them as they are
        next(json_rows(path, ["docid", "title", "text"]), None)
        folder.keep(f"corpus-{number:03}.jsonl{'.gz' if path.endswith('.gz') else ''}", path)


def aio(args, folder):
    columns = ["qid", "question", "answer_entity", "answer_candidates"]
    with folder.lines("queries.jsonl") as out:
        for row in rows(args.questions, columns):
            if row["answer_entity"] not in row["answer_candidates"]:
                raise BadInput(f"{row['qid']}: answer_entity is not among answer_candidates")
            out({"id": row["qid"], "text": row["question"], "answer": row["answer_entity"],
                 "answer_candidates": row["answer_candidates"]})
    with folder.lines("corpus.jsonl") as out:
        for row in rows(args.passages, ["id", "title", "section", "text"]):
            out({"id": str(row["id"]), "title": row["title"], "section": row["section"], "text": row["text"]})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = parser.add_subparsers(dest="name", required=True, metavar="jqara|jacwir|miracl-ja|aio")
    several = {"nargs": "+", "required": True}
    forms = {
        "jqara": (jqara, {"--rows": several}),
        "jacwir": (jacwir, {"--eval": several, "--collection": several}),
        "miracl-ja": (miracl, {"--topics": {"required": True}, "--qrels": {"required": True}, "--corpus": several}),
        "aio": (aio, {"--questions": several, "--passages": several}),
    }
    for name, (convert, options) in forms.items():
        part = names.add_parser(name)
        part.set_defaults(convert=convert)
        part.add_argument("--output", required=True)
        for option, more in options.items():
            part.add_argument(option, **more)
    return parser.parse_args()


def main():
    args = arguments()
    try:
        with Folder(args.output) as folder:
            args.convert(args, folder)
    except (BadInput, OSError) as error:
        sys.exit(f"collections.py: {error}")


if __name__ == "__main__":
    main()
