"""tools/ that make or place data say what they were not given, in a line."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Tools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def refused(self, *command, expect):
        done = subprocess.run([sys.executable, ROOT / "tools" / command[0], *command[1:]], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn(expect, done.stderr)

    def test_queries_want_a_file_and_a_file_wants_queries(self):
        for options in (["--queries", "6"], ["--queries-file", self.folder + "/queries.tsv"]):
            self.refused("make_collection.py", "--data", self.folder, "--passages", "1", *options,
                         expect="--queries N and --queries-file FILE go together")

    def test_a_folder_of_something_else_is_named(self):
        for what in ("jaquad", "jsquad", "kyoto", "aozora"):
            self.refused("place_data.py", what, self.folder, "--data", self.folder, expect=self.folder)


if __name__ == "__main__":
    unittest.main()
