"""narabi tokenize: ids as the reference gives them, for pairs and texts."""

import json
import lzma
import unittest

from narabi_cli import GOLDEN, MODEL, CliTest, golden_pairs, json_lines, pair_lines

# models.md: public values of the v2 tokenizers hold for the real files only; these folders carry their own.
WITH_TYPES = GOLDEN / "bert-base-v1"


class Tokenize(CliTest):
    def tokenize(self, stdin, *more, model=MODEL):
        return self.narabi("tokenize", "--model", model, "--input", "-", *more, stdin=stdin).json

    def test_ids_of_pairs_are_the_reference_s_in_input_order(self):
        pairs = golden_pairs(200)
        path = self.file("pairs.jsonl", pair_lines(pairs))
        lines = self.narabi("tokenize", "--model", MODEL, "--input", path).json
        self.assertEqual([line["input_ids"] for line in lines], [pair["input_ids"] for pair in pairs])
        for line in lines:
            self.assertEqual(list(line)[:2], ["input_ids", "truncated"])
            self.assertNotIn("token_type_ids", line)

    def test_token_types_stand_where_the_model_has_them(self):
        pair = json_lines([{"query": "京都の寺", "passage": "東山の寺。"}])
        line = self.tokenize(pair, model=WITH_TYPES)[0]
        self.assertEqual(list(line)[:3], ["input_ids", "token_type_ids", "truncated"])
        self.assertEqual(len(line["token_type_ids"]), len(line["input_ids"]))
        short = self.tokenize('{"query": "a", "passage": "b"}\n', model=WITH_TYPES)[0]
        self.assertEqual(short["token_type_ids"], [0, 0, 0, 1, 1])
        self.assertEqual(line["token_type_ids"], sorted(line["token_type_ids"]))
        self.assertEqual(set(line["token_type_ids"]), {0, 1})

    def test_ids_of_a_golden_folder(self):
        with lzma.open(GOLDEN / "pairs.jsonl.xz", "rt", encoding="utf-8") as lines:
            pairs = [json.loads(line) for line in lines]
        text = json_lines([{"query": p["query"], "passage": p["passage"]} for p in pairs])
        self.assertEqual(len(self.tokenize(text, model=WITH_TYPES)), len(pairs))

    def test_a_text_alone_has_no_second_segment(self):
        one, pair = self.tokenize('{"text": "京都の寺"}\n{"query": "京都の寺", "passage": ""}\n')
        ids = one["input_ids"]
        self.assertEqual(pair["input_ids"][:len(ids)], ids)
        self.assertEqual(len(pair["input_ids"]), len(ids) + 2)

    def test_max_length_cuts_and_says_so(self):
        text = json_lines([{"text": "金閣寺は鹿苑寺という。" * 200}, {"text": "寺"}])
        lines = self.tokenize(text)
        self.assertEqual([(len(x["input_ids"]), x["truncated"]) for x in lines], [(512, True), (3, False)])
        self.assertEqual(len(self.tokenize(text, "--max-length", 20)[0]["input_ids"]), 20)

    def test_the_query_is_kept_and_the_passage_cut(self):
        pair = {"query": "京都の寺はどこにあるか。", "passage": "東山にある銀閣寺と、北山にある金閣寺。" * 10}
        whole = self.tokenize(json_lines([pair]))[0]["input_ids"]
        cut = self.tokenize(json_lines([pair]), "--max-length", 24)[0]
        self.assertEqual(cut["input_ids"][:23], whole[:23])
        self.assertEqual((len(cut["input_ids"]), cut["truncated"]), (24, True))

    def test_a_query_that_does_not_fit_is_reported(self):
        pair = json_lines([{"query": "京都の寺はどこにあるか。" * 20, "passage": "東山"}])
        self.assertIs(self.tokenize(pair, "--max-length", 16)[0]["query_truncated"], True)

    def test_threads_do_not_change_the_output(self):
        text = pair_lines(golden_pairs(100))
        self.assertEqual(self.tokenize(text, "--threads", 1), self.tokenize(text, "--threads", 3))

    def test_errors_name_the_line(self):
        self.fails("tokenize", "--model", MODEL, "--input", "-", stdin='{"text": "a"}\n{"txt": "a"}\n', expect=["stdin:2"])
        self.fails("tokenize", "--model", MODEL, "--input", "-", stdin='{"text": 4}\n', expect=["stdin:1", '"text"'])
        self.fails("tokenize", "--model", MODEL, "--input", "-", stdin="", expect=["text"])
        self.fails("tokenize", "--model", MODEL, "--input", "-", stdin=b'{"text": "\xff"}\n', expect=["stdin:1", "byte 10"])
        self.fails("tokenize", "--model", self.folder, "--input", "-", stdin='{"text": "a"}\n', expect=[str(self.folder)])


if __name__ == "__main__":
    unittest.main()
