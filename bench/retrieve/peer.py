"""One other engine as a process: peer.py ENGINE FOLDER CORPUS builds an index, or opens the one that FOLDER.json says is
there, and says {"build_s", "bytes"}; then each line of stdin, {"terms": [...], "k": N}, is answered by {"ms", "ids"}. ms is the search alone, one thread."""

import json
import shutil
import sqlite3
import sys
import time
from pathlib import Path

from terms import terms


def documents(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            yield document["id"], terms(" ".join(filter(None, [document.get("title"), document["text"]])))


class Fts5:
    """SQLite's own full-text index; rank is bm25() with k1 1.2 and b 0.75."""

    def __init__(self, folder):
        self.folder = folder

    def open(self):
        self.base = sqlite3.connect(self.folder / "fts5.sqlite")

    def build(self, corpus):
        self.open()
        self.base.execute("PRAGMA journal_mode = OFF")
        self.base.execute("PRAGMA synchronous = OFF")
        self.base.execute("CREATE VIRTUAL TABLE passages USING fts5(id UNINDEXED, text, "
                          "tokenize = 'unicode61 remove_diacritics 0', detail = full)")
        self.base.executemany("INSERT INTO passages VALUES (?, ?)",
                              ((id_, " ".join(words)) for id_, words in documents(corpus)))
        self.base.commit()
        self.base.execute("INSERT INTO passages(passages) VALUES ('optimize')")
        self.base.commit()

    def prepare(self, words):
        return " OR ".join(f'"{word}"' for word in words)

    def search(self, query, k):
        return [row[0] for row in self.base.execute(
            "SELECT id FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?", (query, k))]


class Xapian:
    def __init__(self, folder):
        import xapian
        self.xapian, self.folder = xapian, folder

    def build(self, corpus):
        raw = str(self.folder / "raw")
        base = self.xapian.WritableDatabase(raw, self.xapian.DB_CREATE_OR_OVERWRITE)
        for id_, words in documents(corpus):
            document = self.xapian.Document()
            document.set_data(id_)
            for word in words:
                document.add_term(word)
            base.add_document(document)
        base.commit()
        base.close()
        self.xapian.Database(raw).compact(str(self.folder / "compact"))
        shutil.rmtree(raw)

    def open(self):
        self.enquire = self.xapian.Enquire(self.xapian.Database(str(self.folder / "compact")))
        self.enquire.set_weighting_scheme(self.xapian.BM25Weight(1.2, 0, 1000, 0.75, 0.5))

    def prepare(self, words):
        return self.xapian.Query(self.xapian.Query.OP_OR, words)

    def search(self, query, k):
        self.enquire.set_query(query)
        return [match.document.get_data().decode() for match in self.enquire.get_mset(0, k)]


class Tantivy:
    def __init__(self, folder):
        import tantivy
        self.tantivy, self.folder = tantivy, folder
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        builder.add_text_field("text", tokenizer_name="whitespace", index_option="freq")
        self.schema = builder.build()

    def build(self, corpus):
        index = self.tantivy.Index(self.schema, path=str(self.folder))
        writer = index.writer(heap_size=1_000_000_000, num_threads=2)
        for id_, words in documents(corpus):
            writer.add_document(self.tantivy.Document(id=[id_], text=[" ".join(words)]))
        writer.commit()
        writer.wait_merging_threads()

    def open(self):
        self.searcher = self.tantivy.Index.open(str(self.folder)).searcher()

    def prepare(self, words):
        tantivy = self.tantivy
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, tantivy.Query.term_query(self.schema, "text", word, index_option="freq"))
             for word in words])

    def search(self, query, k):
        hits = self.searcher.search(query, k, count=False).hits
        return [self.searcher.doc(address)["id"][0] for _, address in hits]


ENGINES = {"fts5": Fts5, "xapian": Xapian, "tantivy": Tantivy}


def main():
    engine, folder, corpus = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    built = folder.with_suffix(".json")
    if not built.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        start = time.perf_counter()
        ENGINES[engine](folder).build(corpus)
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        built.write_text(json.dumps({"build_s": seconds, "bytes": size}))
    print(built.read_text(), flush=True)
    index = ENGINES[engine](folder)
    index.open()
    for line in sys.stdin:
        asked = json.loads(line)
        query = index.prepare(asked["terms"])
        start = time.perf_counter()
        ids = index.search(query, asked["k"])
        print(json.dumps({"ms": (time.perf_counter() - start) * 1e3, "ids": ids}), flush=True)


if __name__ == "__main__":
    main()
