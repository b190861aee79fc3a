"""The runner of the READMEs itself: what it takes and what it refuses."""

import tempfile
import unittest
from pathlib import Path

import console_blocks


class ConsoleBlocks(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "README.md"
            path.write_text(text, encoding="utf-8")
            return console_blocks.check_file(path)

    def block(self, *lines):
        return "text\n<!-- test -->\n```console\n" + "\n".join(lines) + "\n```\nmore\n"

    def test_commands_and_their_output_pass(self):
        self.assertEqual(self.check(self.block("$ printf 'a\\nb 1.2 ms\\nc\\n'", "a", "b ... ms", "c")), (1, []))
        self.assertEqual(self.check(self.block("$ seq 9", "2", "...", "9", "$ echo \\", "x", "x")), (2, []))

    def test_blocks_without_the_mark_are_left_alone(self):
        self.assertEqual(self.check("```console\n$ false\n```\n"), (0, []))

    def test_a_failing_command_fails(self):
        commands, failures = self.check(self.block("$ echo no >&2; exit 3"))
        self.assertEqual(commands, 1)
        self.assertIn("exit code 3: no", failures[0])
        self.assertEqual(len(self.check(self.block("$ false | cat"))[1]), 1)

    def test_other_output_fails(self):
        self.assertEqual(len(self.check(self.block("$ echo a", "b"))[1]), 1)
        self.assertEqual(len(self.check(self.block("$ seq 9", "2", "4"))[1]), 1)
        self.assertEqual(len(self.check(self.block("$ echo a", "a", "b"))[1]), 1)

    def test_what_another_file_has_shown_is_not_run_again(self):
        with tempfile.TemporaryDirectory() as folder:
            count, path, seen = Path(folder) / "count", Path(folder) / "README.md", set()
            path.write_text(self.block(f"$ echo run >> {count}"), encoding="utf-8")
            self.assertEqual([console_blocks.check_file(path, seen) for _ in range(2)], [(1, [])] * 2)
            self.assertEqual(count.read_text(), "run\n")


if __name__ == "__main__":
    unittest.main()
