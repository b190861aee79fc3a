"""narabi bench: the fields that scripts rely on."""

import unittest

from narabi_cli import MODEL, CliTest

FIELDS = ["model", "precision", "threads", "pairs", "tokens", "seconds", "pairs_per_s", "tokens_per_s", "p50_ms", "p99_ms",
          "load_s", "peak_rss_mb", "gemm_gops", "bound_s", "bound_fraction"]


class Bench(CliTest):
    def test_json_holds_every_field(self):
        line, = self.narabi("bench", "--model", MODEL, "--pairs", 4, "--tokens", 32, "--threads", 1, "--json").json
        for name in FIELDS:
            self.assertIn(name, line)
        self.assertEqual((line["pairs"], line["threads"], line["precision"]), (4, 1, "f32"))
        self.assertGreater(line["pairs_per_s"], 0)
        self.assertGreaterEqual(line["p99_ms"], line["p50_ms"])

    def test_the_text_is_for_people(self):
        self.assertIn("pairs/s", self.narabi("bench", "--model", MODEL, "--pairs", 4, "--tokens", "mixed", "--threads", 1).out)

    def test_pairs_are_cut_at_the_length_asked_for(self):
        for tokens, most, said in [(60, 20, "20"), (20, 60, "20"), ("mixed", 20, "mixed, at most 20")]:
            line, = self.narabi("bench", "--model", MODEL, "--pairs", 2, "--tokens", tokens, "--max-length", most,
                                "--rounds", 1, "--threads", 1, "--json").json
            self.assertEqual(line["tokens"], said)
            self.assertAlmostEqual(line["tokens_per_s"] * line["seconds"], 2 * 20, places=6)

    def test_a_request_of_ones_own(self):
        passages = self.file("passages.txt", "京都の寺です。\n\n東京の会社です。\n")
        line, = self.narabi("bench", "--model", MODEL, "--passages", passages, "--query", "寺", "--rounds", 3,
                            "--threads", 1, "--json").json
        self.assertEqual((line["pairs"], line["tokens"]), (2, str(passages)))
        text = self.narabi("bench", "--model", MODEL, "--passages", passages, "--rounds", 1, "--threads", 1).out
        self.assertIn(f"2 pairs of {passages}\n", text)
        self.fails("bench", "--model", MODEL, "--passages", self.file("empty.txt", ""), expect=["expected passages"])

    def test_lengths_that_make_no_sense_are_errors(self):
        for tokens in ["long", "200abc", "7", "8.5", "4294967304", "99999999999"]:
            self.wrong_usage("bench", "--model", MODEL, "--tokens", tokens,
                             expect=["--tokens: expected mixed or a whole number from 8 to 2147483647, found " + tokens])
        self.fails("bench", "--model", MODEL, "--tokens", 2147483647,
                   expect=["--tokens: expected at most ", f"(the positions of {MODEL}), found 2147483647"])
        self.wrong_usage("bench", "--model", MODEL, "--pairs", 0, expect=["--pairs: expected a number of at least 1, found 0\n"])


if __name__ == "__main__":
    unittest.main()
