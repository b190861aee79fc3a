"""What begins with #! can be started by its name, as the documents start it."""

import os
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "deploy", "examples", "recipes", "scripts", "tests", "tools")


class Executable(unittest.TestCase):
    def test_every_script_is(self):
        scripts = [path for folder in FOLDERS for pattern in ("*.py", "*.sh")
                   for path in (ROOT / folder).rglob(pattern)
                   if "node_modules" not in path.parts and path.read_bytes().startswith(b"#!")]
        self.assertIn(ROOT / "scripts/test.sh", scripts)
        self.assertEqual([], [str(path) for path in scripts if not os.access(path, os.X_OK)])


if __name__ == "__main__":
    unittest.main()
