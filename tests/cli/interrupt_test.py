"""Ctrl-C (exit code 130, whole lines, no unfinished file) and a reader of stdout that goes away."""

import json
import signal
import subprocess
import threading
import time
import unittest

from narabi_cli import MODEL, SECONDS, CliTest

PAIR = '{"query": "銀閣寺を建てた人", "passage": "足利義政が建てた。"}\n'.encode()


def feed(process):
    """Writes pairs until the process has gone."""
    try:
        while True:
            process.stdin.write(PAIR * 100)
            process.stdin.flush()
    except (BrokenPipeError, ValueError):
        pass


def close_quietly(stream):
    """Its reader may be gone with bytes still on the way."""
    try:
        stream.close()
    except BrokenPipeError:
        pass


class Interrupt(CliTest):
    def start_score(self, *more):
        process = self.start("score", "--model", MODEL, "--input", "-", *more, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(close_quietly, process.stdin)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def test_lines_so_far_are_whole_and_the_exit_code_is_130(self):
        process = self.start_score()
        threading.Thread(target=feed, args=[process], daemon=True).start()
        first = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        self.assertEqual(process.wait(timeout=SECONDS), 130)
        self.assertTrue(rest == b"" or rest.endswith(b"\n"))
        lines = [json.loads(line) for line in first + rest.splitlines()]
        self.assertEqual({line["logit"] for line in lines}, {lines[0]["logit"]})
        self.assertNotIn(b"Traceback", process.stderr.read())

    def test_it_works_while_waiting_for_input(self):
        process = self.start_score()
        time.sleep(1.5)  # the model is loaded, stdin silent
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=20), 130)

    def test_no_unfinished_output_file_is_left(self):
        process = self.start_score("--output", str(self.folder / "scores.jsonl"))
        feeder = threading.Thread(target=feed, args=[process], daemon=True)
        feeder.start()
        deadline = time.monotonic() + SECONDS
        while not list(self.folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(list(self.folder.iterdir()), "the unfinished file never appeared")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=SECONDS), 130)
        self.assert_nothing_left()


class ReaderGone(CliTest):
    def test_a_closed_pipe_ends_the_work_without_a_word(self):
        process = self.start("score", "--model", MODEL, "--input", "-", stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threading.Thread(target=feed, args=[process], daemon=True).start()
        self.addCleanup(close_quietly, process.stdin)
        process.stdout.readline()
        process.stdout.close()
        code = process.wait(timeout=SECONDS)
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual(err, b"")
        self.assertIn(code, (0, 1, 141))


if __name__ == "__main__":
    unittest.main()
