"""narabi-train from outside: the small golden folders, a config, a run."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
TRAINER = str(Path(NARABI).parent / "narabi-train")


def config(output, **changes):
    """YAML is a superset of JSON."""
    values = {
        "task": "rerank", "output": str(output), "device": "cpu", "precision": "bf16", "threads": 2, "seed": 3,
        "model": {"from": str(GOLDEN / "modernbert-tiny-v2")},
        "data": {"train": str(GOLDEN / "train/groups.jsonl"), "max_length": 96, "group_size": 3},
        "optimizer": {"lr": 1e-3, "warmup": 0.1}, "dropout": 0.1, "batch": 4, "steps": 20,
        "micro_batch_tokens": 400, "checkpoint_every": 2, "log_every": 1,
    }
    for key, value in changes.items():
        where = values
        *path, last = key.split("__")
        for part in path:
            where = where.setdefault(part, {})
        where[last] = value
    return values


class TrainTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)

    def write(self, name, text):
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def write_config(self, name="config.yaml", **changes):
        return self.write(name, json.dumps(config(changes.pop("output", self.path / "out"), **changes)))

    def narabi(self, *arguments, code=0, **more):
        done = subprocess.run([NARABI, *map(str, arguments)], capture_output=True, text=True, timeout=600, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def metrics(self, output):
        with open(Path(output) / "training/metrics.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
