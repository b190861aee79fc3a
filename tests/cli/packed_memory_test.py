"""Peak memory of a packed model of xsmall-v1's size (250,002 x 384), with texts that touch every page of it."""

import json
import os
import random
import subprocess
import unittest

from narabi_cli import NARABI, CliTest

MOST_MB = 180
FIRST_FILLER = 20_000  # pieces "\u2603<index>" from about 16,000 on, see bench/random_folder.cc


def texts(pairs, tokens):
    chance = random.Random(1)
    for _ in range(pairs):
        passage = "".join(f"\u2603{chance.randrange(FIRST_FILLER, 250_000)}" for _ in range(tokens))
        yield json.dumps({"query": "京都の寺", "passage": passage}, ensure_ascii=False) + "\n"


class PackedMemory(CliTest):
    def peak_mb(self, *args):
        """Of one command, from start to end; file pages that it maps and touches are counted."""
        child = subprocess.Popen([NARABI, *map(str, args)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0)
        return usage.ru_maxrss / 1024

    def test_peak_memory(self):
        model, packed = self.folder / "xsmall-v1", self.folder / "packed"
        subprocess.run([os.environ["RANDOM_FOLDER"], "xsmall-v1", str(model)], check=True)
        self.narabi("quantize", model, "--output", packed, "--no-calibration")
        pairs = self.file("pairs.jsonl", "".join(texts(150, 120)))
        peak = self.peak_mb("score", "--model", packed, "--input", pairs, "--threads", 2)
        bench, = self.narabi("bench", "--model", packed, "--pairs", 10, "--rounds", 1, "--threads", 2, "--json").json
        print(f"peak {peak:.0f} MB over the whole vocabulary; bench: {bench['peak_rss_mb']:.0f} MB, "
              f"load {bench['load_s'] * 1e3:.0f} ms, of it the tokenizer "
              f"{(bench['load_s'] - bench['load_model_s']) * 1e3:.0f} ms")
        self.assertGreater(peak, 100)  # the vocabulary's rows have been touched
        self.assertLessEqual(peak, MOST_MB)
        self.assertLessEqual(bench["peak_rss_mb"], MOST_MB)


if __name__ == "__main__":
    unittest.main()
