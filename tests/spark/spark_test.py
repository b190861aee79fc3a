"""examples/spark/score.py in Spark's local mode, 4 partitions: equal to the single process, also when workers die."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
from narabi_cli import GOLDEN, MODEL, NARABI, CliTest, golden_pairs, json_lines  # noqa: E402

PAIRS = [{"id": i, "query": pair["query"], "passage": pair["passage"]} for i, pair in enumerate(golden_pairs(60))]

# Stands for narabi: the first time in each test it reads some lines, answers none or some, and is killed.
FLAKY = """#!/usr/bin/env bash
if mkdir "{mark}" 2>/dev/null; then
  head -n 3 | "{narabi}" "$@"
  kill -9 $$
fi
exec "{narabi}" "$@"
"""


class Spark(CliTest):
    def spark(self, output, *options, narabi=NARABI, source=None, master="local[2,3]"):
        """The lines of the output's parts, in order. local[2,3]: two at a time, a task may be tried three times."""
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
                       "PYSPARK_SUBMIT_ARGS": f"--master {master} --driver-memory 1g --conf spark.ui.enabled=false "
                                              "pyspark-shell"}
        output = self.folder / output
        done = subprocess.run([sys.executable, ROOT / "examples/spark/score.py", "--narabi", str(narabi), "--input",
                               str(source or self.file("pairs.jsonl", json_lines(PAIRS))), "--output", str(output),
                               "--partitions", "4", *options], env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.log = done.stderr
        parts = sorted(output.glob("part-*"))
        self.assertEqual(len(parts), 4)
        return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]

    def alone(self, command, objects, model):
        return self.narabi(command, "--model", model, "--input", "-", stdin=json_lines(objects)).json

    def expected(self):
        return [{**pair, "logit": result["logit"], "score": result["score"]}
                for pair, result in zip(PAIRS, self.alone("score", PAIRS, MODEL))]

    def flaky(self):
        mark = self.folder / "killed"
        script = self.folder / "narabi.sh"
        script.write_text(FLAKY.format(mark=mark, narabi=NARABI))
        script.chmod(0o755)
        return script, mark

    def test_pipe_gives_what_one_process_gives_in_its_order(self):
        self.assertEqual(self.spark("out", "--model", MODEL), self.expected())

    def test_a_killed_worker_of_a_pipe_loses_nothing(self):
        script, mark = self.flaky()
        self.assertEqual(self.spark("out", "--model", MODEL, narabi=script), self.expected())
        self.assertTrue(mark.exists())
        self.assertIn("137", self.log)  # Spark saw it die

    def test_pandas_gives_the_same_rows_also_when_a_worker_is_killed(self):
        script, mark = self.flaky()
        rows = self.spark("out", "--how", "pandas", "--model", MODEL, narabi=script)
        self.assertTrue(mark.exists())
        self.assertEqual(sorted(rows, key=lambda row: row["id"]), self.expected())

    def test_embedding(self):
        model = GOLDEN / "embed-e5-small"
        texts = [{"id": pair["id"], "text": pair["passage"]} for pair in PAIRS[:20]]
        rows = self.spark("out", "--work", "embed", "--model", str(model),
                          source=self.file("texts.jsonl", json_lines(texts)))
        self.assertEqual(rows, [{**text, **result} for text, result in zip(texts, self.alone("embed", texts, model))])


if __name__ == "__main__":
    unittest.main()
