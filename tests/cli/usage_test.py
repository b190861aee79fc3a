"""Help, version and wrong usage, for every command."""

import unittest
from pathlib import Path

from narabi_cli import COMMANDS, MODEL, CliTest


class Usage(CliTest):
    def test_version_is_one_line(self):
        self.assertRegex(self.narabi("--version").out, r"\A(narabi )?\d+\.\d+\.\d+\n\Z")

    def test_help_names_every_command(self):
        text = self.narabi("--help").out
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)^ +{command} ", command)

    def test_every_command_explains_itself_with_examples(self):
        for command in COMMANDS:
            with self.subTest(command):
                result = self.narabi(command, "--help")
                self.assertIn("Example", result.out)
                self.assertRegex(result.out, rf"(?m)^ .*narabi {command} ")
                self.assertEqual(result.err, "")

    def test_no_command_or_an_unknown_one_is_wrong_usage(self):
        self.wrong_usage()
        self.wrong_usage("sort")
        self.wrong_usage("--fast")

    def test_a_missing_flag_is_wrong_usage_and_named(self):
        self.wrong_usage("score", "--model", MODEL, expect=["--input"])
        self.wrong_usage("score", "--input", "pairs.jsonl", expect=["--model"])
        self.wrong_usage("tokenize", "--model", MODEL, expect=["--input"])
        self.wrong_usage("embed", "--model", MODEL, expect=["--input"])
        self.wrong_usage("inspect")
        self.wrong_usage("eval", "some.run", expect=["--qrels"])
        self.wrong_usage("eval", "--qrels", "some.qrels")
        self.wrong_usage("reproduce")
        self.wrong_usage("bench", expect=["--model"])

    def test_an_output_that_is_an_input_is_refused_and_stays(self):
        path = self.file("input", "大切な文\n")
        link = self.folder / "link"
        link.symlink_to(path)
        run = ["--queries", self.folder / "q", "--corpus", self.folder / "c"]
        for command in [["score", "--input", path], ["tokenize", "--input", path], ["embed", "--input", path],
                        ["rerank", *run, "--run", path], ["rerank", *run[:2], "--corpus", path, "--run", "x"],
                        ["rerank", "--queries", path, *run[2:], "--run", "x"], ["search", *run[:2], "--corpus", path],
                        ["search", "--queries", path, *run[2:]]]:
            for output in [path, link]:
                with self.subTest(f"{command} {output}"):
                    self.fails(*command, "--model", MODEL, "--output", output,
                               expect=[f"--output {output}: expected another file than the input's, which would be lost"])
        with open(path, "rb") as stdin:
            score = self.start("score", "--model", MODEL, "--input", "-", "--output", path, stdin=stdin, stderr=-1)
            self.assertIn(b"expected another file", score.communicate()[1])
        self.assertEqual(Path(path).read_text(encoding="utf-8"), "大切な文\n")

    def test_flags_that_do_not_exist_are_wrong_usage(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.wrong_usage(command, "--no-such-flag")

    def test_values_that_make_no_sense_are_wrong_usage_and_named(self):
        base = ["score", "--model", MODEL, "--input", "-"]
        for flag, value in [("--threads", "0"), ("--threads", "-1"), ("--threads", "many"), ("--max-length", "0"),
                            ("--max-length", "x"), ("--truncation", "first"), ("--precision", "f8"),
                            ("--device", "tpu")]:
            with self.subTest(f"{flag} {value}"):
                self.wrong_usage(*base, flag, value, expect=[flag])

    def test_what_is_not_built_yet_says_what_is(self):
        for flag, value, choice in [("--device", "cuda", "cpu")]:
            with self.subTest(f"{flag} {value}"):
                result = self.run_narabi("score", "--model", MODEL, "--input", "-", flag, value)
                self.assertIn(result.code, (1, 2))
                self.assertIn(value, result.err)
                self.assertIn(choice, result.err)

    def test_an_empty_model_name_is_an_error(self):
        result = self.run_narabi("score", "--model", "", "--input", "-", stdin='{"query":"a","passage":"b"}\n')
        self.assertIn(result.code, (1, 2))


if __name__ == "__main__":
    unittest.main()
