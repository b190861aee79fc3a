"""narabi index and narabi search INDEX: building, upserting, deleting, filters, damage, errors."""

import gzip
import json
import os
import subprocess
import unittest

from narabi_cli import MODEL, NARABI, SANITIZED, CliTest, json_lines, kyoto, kyoto_corpus, not_under_tsan

KYOTO, PASSAGES = kyoto_corpus()
QUERY = "銀閣寺を建てた将軍は誰ですか"
SMALL = [{"id": "a", "title": "金閣寺", "text": "足利義満が北山に建てた。", "year": 1397, "tags": ["寺", "金"]},
         {"id": "b", "title": "銀閣寺", "text": "足利義政が東山に建てた。", "year": 1482, "tags": ["寺"]},
         {"id": "c", "text": "東京都の天気は晴れ。", "kind": "天気"}]


class IndexTest(CliTest):
    def setUp(self):
        super().setUp()
        self.index = self.folder / "index"

    def build(self, documents=SMALL, *more):
        corpus = self.file("corpus.jsonl", json_lines(documents))
        return self.narabi("index", self.index, "--corpus", corpus, "--json", *more).json

    def ids(self, query, *more):
        return [line["id"] for line in self.narabi("search", self.index, "--query", query, "--json", *more).json]

    def info(self):
        line, = self.narabi("index", self.index, "info", "--json").json
        return line

    def assert_well(self):
        self.assertEqual(self.narabi("index", "verify", self.index, "--json").json, [{"ok": True, "problems": []}])


class Building(IndexTest):
    def test_commits_are_acknowledged_and_counted(self):
        documents = kyoto(50)
        lines = self.build(documents, "--batch", 20)
        self.assertEqual([line["committed"] for line in lines[:-1]], [20, 40, 50])
        self.assertEqual((lines[-1]["documents"], lines[-1]["skipped"]), (50, 0))
        self.assertGreaterEqual(lines[-1]["seconds"], 0)
        info = self.info()
        self.assertEqual((info["documents"], info["segments"]), (50, 3))
        self.assertGreater(info["bytes"], 1000)
        self.assert_well()

    def test_scores_are_those_of_the_index_in_memory_however_it_is_cut(self):
        memory = self.narabi("search", "--corpus", KYOTO, "--query", QUERY, "--json", "--top-n", 50).json
        self.narabi("index", self.index, "--corpus", KYOTO, "--batch", PASSAGES * 2 // 15)  # 8 segments
        for step in ["many segments", "one segment"]:
            lines = self.narabi("search", self.index, "--query", QUERY, "--json", "--top-n", 50).json
            self.assertEqual([line["id"] for line in lines], [line["id"] for line in memory], step)
            for ours, theirs in zip(lines, memory):
                # In memory, MeCab reads title and text as one sentence: single words differ.
                self.assertAlmostEqual(ours["score"], theirs["score"], delta=0.01)
            self.narabi("index", self.index, "compact")
        self.assertEqual(self.info()["segments"], 1)

    def test_a_document_of_the_same_id_is_replaced(self):
        self.build()
        lines = self.build([{"id": "a", "text": "名古屋城の金鯱"}, {"id": "d", "text": "新しい文書"}])
        self.assertEqual((lines[-1]["documents"], lines[-1]["updated"], lines[-1]["added"]), (4, 1, 1))
        self.assertEqual(self.ids("名古屋城"), ["a"])
        self.assertNotIn("a", self.ids("足利義満"))
        self.assert_well()
        self.narabi("index", self.index, "compact")
        self.assertNotIn("a", self.ids("足利義満"))
        self.assert_well()

    def test_the_last_of_an_id_counts_and_unchanged_documents_are_left_alone(self):
        lines = self.build([{"id": "a", "text": "京都"}, {"id": "a", "text": "大阪"}])
        self.assertEqual(lines[-1]["documents"], 1)
        self.assertEqual((self.ids("大阪"), self.ids("京都")), (["a"], []))
        generation = self.info()["generation"]
        self.assertEqual(self.build([{"id": "a", "text": "大阪"}])[-1]["unchanged"], 1)
        self.assertEqual(self.info()["generation"], generation)

    def test_layouts_tsv_plain_beir_and_miracl(self):
        beir = self.file("beir.jsonl", '{"_id": "x1", "title": "", "text": "祇園祭の山鉾"}\n')
        miracl = self.file("miracl.jsonl", '{"docid": "5#0", "title": "葵祭", "text": "五月の祭"}\n')
        tsv = self.file("passages.tsv", "id\ttext\ttitle\n7\t時代祭の行列\t時代祭\n")
        plain = self.file("lines.txt", "大文字の送り火\n\n鞍馬の火祭\n")
        self.narabi("index", self.index, "--corpus", beir, miracl, tsv, plain)
        self.assertEqual(self.ids("山鉾"), ["x1"])
        self.assertEqual(self.ids("葵祭")[0], "5#0")
        self.assertEqual(self.ids("時代祭")[0], "7")
        self.assertEqual(self.ids("鞍馬"), ["lines.txt:3"])
        self.assertEqual(self.ids("passages", "--filter", "id = 7"), [])

    def test_bad_lines_stop_or_are_skipped_and_counted(self):
        corpus = self.file("bad.jsonl", '{"id": "1", "text": "京都"}\nnot json\n{"id": "2"}\n{"id": "3", "text": "奈良"}\n')
        self.fails("index", self.index, "--corpus", corpus, expect=["bad.jsonl:2", "JSON"])
        result = self.narabi("index", self.index, "--corpus", corpus, "--bad-lines", "skip", "--json")
        self.assertEqual((result.json[-1]["documents"], result.json[-1]["skipped"]), (2, 2))
        self.assertIn("bad.jsonl:2", result.err)
        self.assertIn("bad.jsonl:3", result.err)

    def test_a_compressed_corpus_cut_short_ends_the_work_whatever_bad_lines_do(self):
        whole = gzip.compress(json_lines(kyoto(300)).encode())
        corpus = self.file("cut.jsonl.gz", whole[:len(whole) // 2])
        for flags in [[], ["--bad-lines", "skip"]]:
            self.fails("index", self.index, "--corpus", corpus, *flags, expect=["cut.jsonl.gz: gzip data ends too early"])

    def test_a_document_that_is_too_long_for_mecab_is_indexed(self):
        self.build([{"id": "numbers", "text": "583.127," * 30000}, {"id": "spaces", "text": "東京" + " " * 70000 + "京都"}],
                   "--words-only")
        self.assertEqual((self.ids("583"), self.ids("京都")), (["numbers"], ["spaces"]))
        queries = self.file("q.tsv", "q1\t" + "583.127," * 30000 + "\nq2\t東京\n")
        lines = self.narabi("search", self.index, "--queries", queries, "--json").json
        self.assertEqual([line["id"] for line in lines], ["numbers", "spaces"])

    def test_invalid_utf8_names_line_and_offset(self):
        corpus = self.file("bytes.jsonl", b'{"id": "1", "text": "a"}\n{"id": "2", "text": "\xff"}\n')
        self.fails("index", self.index, "--corpus", corpus, expect=["bytes.jsonl:2"])
        lines = self.narabi("index", self.index, "--corpus", corpus, "--json", "--bad-lines", "skip").json
        self.assertEqual((lines[-1]["documents"], lines[-1]["skipped"]), (1, 1))
        self.assertEqual(self.narabi("index", self.index, "--corpus", corpus, "--json", "--lossy").json[-1]["documents"], 2)

    def test_settings_are_stored_and_a_difference_is_refused(self):
        self.build(SMALL, "--title-weight", 3, "--k1", 0.9)
        self.assertEqual((self.info()["title_weight"], self.info()["k1"]), (3, 0.9))
        self.build([{"id": "d", "text": "追加"}])
        corpus = self.file("more.jsonl", json_lines(SMALL))
        self.fails("index", self.index, "--corpus", corpus, "--title-weight", 2, expect=["title_weight", "3", "2"])

    def test_a_title_counts_as_often_as_its_weight(self):
        scores = []
        for weight in [1, 4]:
            self.index = self.folder / f"weight-{weight}"
            self.build(SMALL, "--title-weight", weight)
            scores.append(self.narabi("search", self.index, "--query", "銀閣寺", "--json").json[0]["score"])
        self.assertLess(scores[0], scores[1])


class Changing(IndexTest):
    def test_delete_by_argument_and_by_file(self):
        self.build()
        lines = self.narabi("index", "delete", self.index, "a", "none", "--json").json
        self.assertEqual(lines[0], {"committed": 2})
        self.assertEqual((lines[-1]["documents"], lines[-1]["deleted"], lines[-1]["missing"]), (2, 1, 1))
        self.narabi("index", self.index, "delete", "--ids", self.file("ids.txt", "b\n"))
        self.assertEqual(self.ids("足利"), [])
        self.assertEqual(self.info()["deleted"], 2)
        self.narabi("index", "compact", self.index)
        self.assertEqual((self.info()["documents"], self.info()["deleted"]), (1, 0))
        self.assert_well()

    def test_everything_can_be_deleted(self):
        self.build()
        self.narabi("index", "delete", self.index, "a", "b", "c")
        self.assertEqual(self.ids("足利"), [])
        self.narabi("index", "compact", self.index)
        self.assertEqual((self.info()["documents"], self.info()["segments"]), (0, 0))
        self.assert_well()
        self.build()
        self.assertEqual(self.ids("天気"), ["c"])

    def test_rebuild_gives_the_same_answers(self):
        self.build(kyoto(300), "--batch", 100)
        before = self.narabi("search", self.index, "--query", QUERY, "--json").out
        self.narabi("index", self.index, "rebuild")
        self.assertEqual(self.narabi("search", self.index, "--query", QUERY, "--json").out, before)
        self.assert_well()


class Searching(IndexTest):
    def test_filters(self):
        self.build()
        for expression, expected in [("year >= 1400", ["b"]), ("tags = 金", ["a"]), ("kind exists", []),
                                     ('title = "金閣寺" or year = 1482', ["a", "b"]), ("year in (1397, 3)", ["a"]),
                                     ("not (year > 1400)", ["a"]), ("year != 1397", ["b"]), ("id = b and tags = 寺", ["b"])]:
            self.assertEqual(sorted(self.ids("足利", "--filter", expression)), expected, expression)
        for expression in ["year >", "= 3", "(year = 1", "year = 1 2", 'year = "1', "year in ()", "not", "year ! 3"]:
            self.fails("search", self.index, "--query", "足利", "--filter", expression, expect=["filter", "expected"])

    def test_numbers_and_texts_are_told_apart(self):
        self.build([{"id": "007", "text": "京都の寺", "year": "1850", "name": "x", "level": [3, "9"]},
                    {"id": "7", "text": "京都の寺", "year": 1995, "name": "nan", "level": [8]},
                    {"id": "1e3", "text": "京都の寺", "year": 1990.5, "name": "Infinity", "level": None}])
        for expression, expected in [("year >= 1990", ["1e3", "7"]), ("year < 1991", ["1e3"]), ('year >= "1"', ["007"]),
                                     ("year = 1850", []), ('year = "1850"', ["007"]), ("year > x", []),
                                     ("year <= x", ["007"]), ("level > 4", ["7"]), ("level > '4'", ["007"]),
                                     ("level in (3, 8)", ["007", "7"]), ("id = 007", ["007"]), ("id = 7", ["7"]),
                                     ("id in (7, 1e3)", ["1e3", "7"]), ("id = 1000", []), ("id < 1", ["007"]),
                                     ("name = nan", ["7"]), ("name = Infinity", ["1e3"]), ("name != nan", ["007", "1e3"])]:
            self.assertEqual(sorted(self.ids("京都", "--filter", expression)), expected, expression)

    def test_metadata_and_a_snippet_come_back(self):
        long = "前置き。" * 100 + "銀閣寺を建てたのは足利義政である。" + "後書き。" * 100
        self.build([{"id": "x", "text": long, "year": 1482}])
        line, = self.narabi("search", self.index, "--query", QUERY, "--json").json
        self.assertEqual(line["metadata"], {"year": 1482})
        self.assertIn("銀閣寺を建てた", line["snippet"])
        self.assertLess(len(line["snippet"]), 130)

    def test_a_run_and_the_reranker(self):
        self.narabi("index", self.index, "--corpus", KYOTO)
        queries = self.file("q.tsv", "q1\t銀閣寺\n")
        out = self.folder / "out.run"
        self.narabi("search", self.index, "--queries", queries, "--output", out, "--candidates", 20)
        self.assertEqual(len(out.read_text(encoding="utf-8").splitlines()), 20)
        lines = self.narabi("search", self.index, "--query", QUERY, "--model", MODEL, "--candidates", 10, "--json").json
        memory = self.narabi("search", "--corpus", KYOTO, "--query", QUERY, "--model", MODEL, "--candidates", 10, "--json").json
        self.assertEqual([line["id"] for line in lines], [line["id"] for line in memory])

    def test_explain_adds_up(self):
        self.build()
        hit = self.narabi("search", self.index, "--query", "足利義政", "--json").json[0]
        parts = self.narabi("index", self.index, "explain", "--query", "足利義政", "--json").json
        self.assertEqual({part["id"] for part in parts}, {hit["id"]})
        self.assertAlmostEqual(sum(part["score"] for part in parts), hit["score"], delta=1e-3)
        self.fails("index", self.index, "explain", "--query", "寺", "--id", "none", expect=["none"])


class Damage(IndexTest):
    @not_under_tsan
    def test_flipped_bytes_are_found_never_crash_and_rebuild_repairs(self):
        self.build(kyoto(400), "--batch", 200)
        segment = sorted((self.index / "segments").iterdir())[0]
        good = segment.read_bytes()
        step = max(1, len(good) // (6 if SANITIZED else 24))
        for at in [0, 9, 100, *range(150, len(good), step), len(good) - 1]:
            segment.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1:])
            result = self.run_narabi("index", "verify", self.index)
            self.assertEqual(result.code, 1, f"byte {at}")
            self.assertIn(segment.name, result.out + result.err)
            for query in [QUERY, "京都 天皇 の 寺"]:
                self.assertIn(self.run_narabi("search", self.index, "--query", query).code, (0, 1), f"byte {at}")
        self.narabi("index", "rebuild", self.index)
        self.assert_well()

    def test_a_segment_cut_short_or_gone_is_named(self):
        self.build()
        segment, = (self.index / "segments").iterdir()
        segment.write_bytes(segment.read_bytes()[:-1])
        self.fails("search", self.index, "--query", "寺", expect=[segment.name, "rebuild"])
        segment.unlink()
        self.fails("search", self.index, "--query", "寺", expect=[segment.name])
        self.narabi("index", "rebuild", self.index)
        self.assert_well()
        self.assertEqual(self.ids("天気"), ["c"])

    def test_what_a_crash_left_behind_is_dropped(self):
        self.build()
        (self.index / "segments/lexical-99.seg").write_bytes(b"half")
        (self.index / "segments/lexical-98.seg.tmp.1").write_bytes(b"half")
        self.build([{"id": "d", "text": "追加"}])
        self.assertEqual([name for name in os.listdir(self.index / "segments") if "9" in name], [])

    def test_no_index_and_other_files_are_named(self):
        self.fails("search", self.folder / "none", "--query", "寺", expect=["none", "narabi index"])
        self.fails("index", "info", self.folder / "none", expect=["none"])
        corpus = self.file("corpus.jsonl", json_lines(SMALL))
        self.fails("index", self.folder, "--corpus", corpus, expect=["empty folder"])
        self.fails("index", corpus, "--corpus", corpus, expect=["folder"])
        self.build()
        (self.index / "store.sqlite").write_bytes(b"this is no database at all" * 100)
        self.fails("search", self.index, "--query", "寺", expect=["store.sqlite"])

    def test_a_second_writer_is_refused_while_readers_are_not(self):
        self.build()
        writer = self.start("index", self.index, "--corpus", "-", "--batch", 1, "--json", stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
        writer.stdin.write(json_lines([{"id": str(i), "text": "待つ"} for i in range(3)]).encode())
        writer.stdin.flush()
        self.assertEqual(json.loads(writer.stdout.readline()), {"committed": 4})
        self.fails("index", self.index, "delete", "a", expect=["another process"])
        self.assertEqual(self.ids("天気"), ["c"])
        writer.communicate()
        self.assertEqual(writer.returncode, 0)
        self.assertEqual(self.info()["documents"], 6)

    def test_wrong_usage(self):
        self.wrong_usage("index")
        self.wrong_usage("index", self.index)
        self.wrong_usage("index", "delete", self.index)
        self.build()
        self.wrong_usage("index", self.index, "--corpus", self.folder / "none", "info", expect=["--corpus", "info"])
        self.wrong_usage("index", self.index, "--k1", 2, "rebuild", expect=["--k1", "rebuild"])
        self.narabi("index", self.index, "--threads", 1, "rebuild")
        self.wrong_usage("search", self.index)
        self.wrong_usage("search", "--corpus", KYOTO, "--filter", "a = 1", "--query", "寺")


if __name__ == "__main__":
    unittest.main()
