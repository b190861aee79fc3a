"""narabi eval: tables and JSON over qrels and runs."""

import math
import unittest

from narabi_cli import ROOT, CliTest

QRELS = "q1 0 a 1\nq1 0 b 0\nq1 0 c 1\nq2 0 a 1\n"
RUN = "q1 Q0 b 1 3.0 x\nq1 Q0 a 2 2.0 x\nq2 Q0 a 1 9 x\nq2 Q0 b 2 8 x\n"


class Eval(CliTest):
    def setUp(self):
        super().setUp()
        self.qrels = self.file("qrels", QRELS)
        self.run = self.file("x.run", RUN)

    def test_json_has_the_default_metrics(self):
        line, = self.narabi("eval", "--qrels", self.qrels, self.run, "--json").json
        self.assertEqual(list(line)[:2], ["run", "queries"])
        self.assertEqual((line["run"], line["queries"]), (self.run, 2))
        ideal = 1 + 1 / math.log2(3)
        self.assertAlmostEqual(line["ndcg@10"], ((1 / math.log2(3)) / ideal + 1) / 2)
        self.assertAlmostEqual(line["mrr@10"], (1 / 2 + 1) / 2)
        self.assertAlmostEqual(line["map@10"], (1 / 2 / 2 + 1) / 2)
        self.assertAlmostEqual(line["recall@100"], (1 / 2 + 1) / 2)
        self.assertAlmostEqual(line["hit@10"], 1)

    def test_metrics_are_chosen_and_come_in_that_order(self):
        line, = self.narabi("eval", "--qrels", self.qrels, self.run, "--json", "--metrics", "hit@1,ndcg@3").json
        self.assertEqual(list(line)[2:], ["hit@1", "ndcg@3"])
        self.assertEqual(line["hit@1"], 0.5)

    def test_several_runs_are_lines_in_the_order_given(self):
        other = self.file("y.run", "q1 Q0 a 1 1 y\nq2 Q0 a 1 1 y\n")
        lines = self.narabi("eval", "--qrels", self.qrels, other, self.run, "--json").json
        self.assertEqual([line["run"] for line in lines], [other, self.run])

    def test_per_query_gives_a_line_a_query(self):
        lines = self.narabi("eval", "--qrels", self.qrels, self.run, "--json", "--per-query", "--metrics", "mrr@10").json
        per_query = {line["query"]: line["mrr@10"] for line in lines if "query" in line}
        self.assertEqual(per_query, {"q1": 0.5, "q2": 1})

    def test_compare_adds_paired_tests_against_the_first_run(self):
        better = self.file("y.run", "q1 Q0 a 1 2 y\nq1 Q0 c 2 1 y\nq2 Q0 a 1 1 y\n")
        command = ["eval", "--qrels", self.qrels, self.run, better, "--metrics", "mrr@10,hit@1", "--compare"]
        lines = [line for line in self.narabi(*command, "--json").json if "baseline" in line]
        self.assertEqual([(line["baseline"], line["run"], line["metric"]) for line in lines],
                         [(self.run, better, "mrr@10"), (self.run, better, "hit@1")])
        self.assertEqual([line["difference"] for line in lines], [0.25, 0.5])
        for line in lines:
            self.assertEqual(line["queries"], 2)
            self.assertTrue(0 < line["p_randomisation"] <= 1 and 0 <= line["p_t"] <= 1)
            self.assertEqual((line["wins"], line["losses"]), (1, 0))
            self.assertEqual(line["p_t_holm"], min(1, 2 * line["p_t"]))  # both have the same p
        self.assertEqual(self.narabi(*command, "--seed", 3).out, self.narabi(*command, "--seed", 3).out)
        self.wrong_usage("eval", "--qrels", self.qrels, self.run, "--compare", expect=["--compare"])

    def test_the_table_names_runs_and_metrics(self):
        text = self.narabi("eval", "--qrels", self.qrels, self.run).out
        for part in ["x.run", "ndcg@10", "mrr@10", "0.75"]:
            self.assertIn(part, text)

    def test_beir_qrels_and_the_published_figures(self):
        beir = self.file("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tc\t1\nq2\ta\t1\n")
        self.assertEqual(self.narabi("eval", "--qrels", beir, self.run, "--json").out,
                         self.narabi("eval", "--qrels", self.qrels, self.run, "--json").out)
        data = ROOT / "data/jqara"
        line, = self.narabi("eval", "--qrels", data / "qrels.trec.xz", data / "bm25.run.xz", "--json").json
        self.assertEqual(line["queries"], 1667)
        self.assertAlmostEqual(line["ndcg@10"], 0.458, delta=6e-4)
        self.assertAlmostEqual(line["mrr@10"], 0.702, delta=6e-4)

    def test_the_ids_of_beir_may_hold_spaces(self):
        header = "query-id\tcorpus-id\tscore\n"
        run = self.file("a.run", "q1 Q0 a 1 1 x\nq1 Q0 b 2 1 x\n")
        for text in [header + "q1\tdoc a\t1\nq1\tb\t1\n", "q1\tdoc a\t1 \t\r\n\nq1 0 b 1\t\t\n"]:
            line, = self.narabi("eval", "--qrels", self.file("spaces.tsv", text), run, "--metrics", "recall@10,hit@1",
                                "--json").json
            self.assertEqual((line["recall@10"], line["hit@1"]), (0.5, 0), text)  # nobody judged "a"
        for line, found in [("q1 doc a 1", "4 columns"), ("q1\tdoc a 1", "2 columns"), ("q1\t\t1", "an empty one"),
                            ("q1\t0\ta\t1", "4 columns")]:
            self.fails("eval", "--qrels", self.file("bad.tsv", header + line + "\n"), run,
                       expect=[f"bad.tsv:2: expected the three columns of BEIR's header, found {found}\n"])

    def test_bad_files_and_metrics_are_named(self):
        self.fails("eval", "--qrels", self.folder / "none", self.run, expect=["none"])
        self.fails("eval", "--qrels", self.qrels, self.folder / "none.run", expect=["none.run"])
        self.fails("eval", "--qrels", self.qrels, self.file("bad.run", RUN + "q1 Q0\n"), expect=["bad.run:5"])
        self.fails("eval", "--qrels", self.file("bad.qrels", "q1 0 a yes\n"), self.run, expect=["bad.qrels:1"])
        self.fails("eval", "--qrels", self.file("empty", ""), self.run, expect=["empty"])
        for metric in ["ndcg", "ndcg@0", "speed@10", "ndcg@x"]:
            result = self.run_narabi("eval", "--qrels", self.qrels, self.run, "--metrics", metric)
            self.assertIn(result.code, (1, 2))
            self.assertIn(metric, result.err)


if __name__ == "__main__":
    unittest.main()
