"""narabi mine: what becomes a passage, and what the scores of a group are made of."""

import json
import unittest
from pathlib import Path

from narabi_cli import GOLDEN, MODEL, CliTest, json_lines

OTHER = str(GOLDEN / "modernbert-xsmall-v2")
ARTICLES = {"銀閣寺": ["銀閣寺は京都の東山にある寺院である。足利義政が建てた山荘に始まる。", "銀閣は二層の楼閣である。"],
            "金閣寺": ["金閣寺は京都の北山にある寺院である。足利義満が建てた山荘に始まる。", "金閣は三層の楼閣である。"],
            "平等院": ["平等院は宇治にある寺院である。藤原頼通が開いた。", "鳳凰堂は宇治の阿弥陀堂である。"]}
QUESTIONS = {"銀閣寺": [("銀閣寺はどこにありますか", 0, "東山"), ("東山の山荘を建てたのは誰ですか", 0, "足利義政")],
             "金閣寺": [("北山の寺院を建てたのは誰ですか", 0, "足利義満"), ("金閣は何層の楼閣ですか", 1, "三層")],
             "平等院": [("宇治の寺院を開いたのは誰ですか", 0, "藤原頼通"), ("宇治の阿弥陀堂は何ですか", 1, "鳳凰堂")]}


def squad():
    data = []
    for title, paragraphs in ARTICLES.items():
        asked = [[] for _ in paragraphs]
        for text, paragraph, answer in QUESTIONS[title]:
            start = paragraphs[paragraph].index(answer)
            asked[paragraph].append({"id": text, "question": text, "answers": [{"text": answer, "answer_start": start}]})
        data.append({"title": title, "paragraphs": [{"context": context, "qas": questions}
                                                    for context, questions in zip(paragraphs, asked)]})
    return json.dumps({"data": data}, ensure_ascii=False)


class Mine(CliTest):
    def groups(self, *options):
        path = self.file("squad.json", squad())
        return self.narabi("mine", "--squad", path, "--negatives", 3, "--range-max", 3, *options).json

    def scores(self, *options):
        """(query, passage) -> score; every group has all of BM25's three best and a passage of the article."""
        return {(group["query"], passage): score for group in self.groups("--same-article", 1, "--keep-answers", *options)
                for side in ["pos", "neg"] for passage, score in zip(group[side], group[f"{side}_scores"])}

    def test_several_models_give_the_mean_of_their_logits(self):
        first, second = self.scores("--model", MODEL), self.scores("--model", OTHER)
        both = self.scores("--model", MODEL, "--model", OTHER)
        self.assertEqual(both.keys(), first.keys())
        for key, score in both.items():
            self.assertAlmostEqual(score, (first[key] + second[key]) / 2, places=4)

    def test_bm25_is_added_by_its_weight(self):
        plain, once, twice = (self.scores("--model", MODEL, "--bm25-weight", weight) for weight in [0, 1, 2])
        self.assertEqual(plain.keys(), twice.keys())
        for key, score in plain.items():
            (self.assertGreater if "山" in key[0] and "山" in key[1] else self.assertGreaterEqual)(once[key], score)
            self.assertAlmostEqual(twice[key] - score, 2 * (once[key] - score), places=3)
        first_of = {}
        for group in self.groups("--model", MODEL, "--bm25-weight", 1000):
            first_of[group["query"]] = group["neg"]
        for group in self.groups():  # the order that BM25 has alone
            self.assertEqual(first_of[group["query"]], group["neg"])

    def test_paragraphs_are_cut_and_titled(self):
        groups = self.groups("--titles", "--passage-length", 22)
        positives = {group["query"]: group["pos"] for group in groups}
        self.assertEqual(positives["銀閣寺はどこにありますか"], ["銀閣寺 銀閣寺は京都の東山にある寺院である。"])
        self.assertEqual(positives["東山の山荘を建てたのは誰ですか"], ["銀閣寺 足利義政が建てた山荘に始まる。"])
        self.assertEqual(positives["金閣は何層の楼閣ですか"], ["金閣寺 金閣は三層の楼閣である。"])
        self.assertTrue(all(passage.split()[0] in ARTICLES for group in groups for passage in group["neg"]))

    def test_a_limit_is_spread_over_the_articles(self):
        self.assertEqual([group["query"] for group in self.groups("--limit", 3)],
                         [QUESTIONS[title][0][0] for title in ARTICLES])

    def test_a_limit_just_below_all_keeps_questions_whole(self):
        every = {group["query"]: group["pos"] for group in self.groups()}
        kept = {group["query"]: group["pos"] for group in self.groups("--limit", 5)}
        self.assertEqual(len(kept), 5)
        self.assertEqual(kept, {query: every[query] for query in kept})

    def test_a_copy_of_a_positive_is_no_negative(self):
        texts = ["銀閣寺は京都の東山にある。"] * 2 + ["金閣寺は京都の北山にある。", "平等院は宇治にある。"]
        corpus = self.file("corpus.jsonl", json_lines({"id": str(i), "text": text} for i, text in enumerate(texts)))
        group, = self.narabi("mine", "--corpus", corpus, "--queries", self.file("queries.tsv", "q\t東山の寺\n"), "--qrels",
                             self.file("qrels", "q 0 0 1\n"), "--random", 3).json
        self.assertEqual(group["pos"], texts[:1])
        self.assertEqual(set(group["neg"]), set(texts[2:]))

    def test_no_input_is_written_over(self):
        corpus = self.file("corpus.jsonl", json_lines({"id": str(i), "text": f"{i}番の寺は京都にある。"} for i in range(3)))
        inputs = {"--corpus": corpus, "--queries": self.file("queries.tsv", "q\t寺\n"),
                  "--qrels": self.file("qrels", "q 0 0 1\n"), "--run": self.file("x.run", "q Q0 1 1 1 x\n")}
        command = ["mine", *(word for pair in inputs.items() for word in pair)]
        for output in [*inputs.values(), Path(self.folder) / "." / "x.run"]:
            before = Path(output).read_bytes()
            self.fails(*command, "--output", output, expect=["--output", "expected another file than the input's"])
            self.assertEqual(Path(output).read_bytes(), before)
        squad_file = self.file("squad.json", squad())
        self.fails("mine", "--squad", squad_file, "--output", squad_file, expect=["expected another file"])
        for _ in range(2):  # one's own earlier output
            self.narabi(*command, "--output", Path(self.folder) / "groups.jsonl")

    def test_a_range_without_a_rank_is_refused(self):
        path = self.file("squad.json", squad())
        for ranks in [["--range-min", 50, "--range-max", 30], ["--range-min", 30]]:
            self.wrong_usage("mine", "--squad", path, *ranks,
                             expect=[f"--range-min: expected less than --range-max, 30, found {ranks[1]}"])

    def test_options_that_would_do_nothing_are_refused(self):
        path = self.file("squad.json", squad())
        corpus = self.file("corpus.jsonl", '{"id": "1", "text": "文"}\n')
        for options in (["--corpus", corpus, "--synthesize", "cloze", "--titles"], ["--squad", path, "--bm25-weight", 1]):
            self.wrong_usage("mine", *options)


if __name__ == "__main__":
    unittest.main()
