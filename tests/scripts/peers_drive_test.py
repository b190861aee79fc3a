"""bench/peers/drive.py with workers that only pretend: it interleaves, resumes, and picks the best batch size."""
import argparse
import os
import sys
import tempfile
import unittest
from pathlib import Path

SCRATCH = tempfile.TemporaryDirectory()
os.environ["NARABI_PEERS_OUT"] = SCRATCH.name
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench/peers"))
import drive  # noqa: E402

ASKED = []


class Pretender:
    """Batches of 4 are the fastest; ONNX Runtime int8 cannot be loaded."""

    start_s = 0.1

    def __init__(self, engine, model, cores):
        self.engine = engine
        self.ready = engine != "onnxruntime-int8"
        self.log = argparse.Namespace(name=os.devnull)
        if not self.ready:
            path = Path(SCRATCH.name) / "log"
            path.write_text("warning\nno such kernel\n")
            self.log.name = str(path)

    def timed(self, request):
        if self.engine == "openvino-int8":
            self.log.name = str(Path(SCRATCH.name) / "log")
            raise RuntimeError("ended")
        ASKED.append((self.engine, request["workload"], request["batch"], request["pairs"]))
        return {"seconds": 0.01 * abs(request["batch"] - 4) + 0.01, "each": [0.01], "logits": [1.0]}

    def stop(self):
        pass


class Drive(unittest.TestCase):
    def setUp(self):
        ASKED.clear()
        drive.RESULTS.unlink(missing_ok=True)
        drive.Worker, drive.PAUSE_S = Pretender, 0
        (Path(SCRATCH.name) / "tiny-v2").mkdir(exist_ok=True)

    def driver(self, engines, **more):
        options = dict(models=["tiny-v2"], engines=engines, workloads=["uniform", "single"], rounds=2, seconds=None,
                       again=False, quick=False, cores=[0, 1])
        driver = drive.Driver(argparse.Namespace(**(options | more)))
        driver.machine_rate = lambda model, number: True
        return driver

    def test_rounds_take_turns_at_the_best_batch_size_found(self):
        self.assertTrue(self.driver(["torch-f32", "torch-bf16"]).run())
        uniform = [asked for asked in ASKED if asked[1] == "uniform" and asked[3] > 40 or asked[3] == drive.SEARCH_PAIRS]
        self.assertEqual(uniform[:4], [("torch-f32", "uniform", batch, drive.SEARCH_PAIRS) for batch in drive.BATCHES])
        self.assertEqual(uniform[8:], [("torch-f32", "uniform", 4, 100), ("torch-bf16", "uniform", 4, 100)] * 2)
        self.assertEqual({asked[2] for asked in uniform[8:]}, {4})
        # One pair at a time is over the pairs of "uniform", each a batch.
        singles = self.driver(["torch-f32"]).results.all(kind="round", workload="single")
        self.assertEqual({record["batch"] for record in singles}, {1})

    def test_what_has_been_measured_is_not_measured_again(self):
        self.assertTrue(self.driver(["torch-f32"]).run())
        before = len(ASKED)
        self.assertTrue(self.driver(["torch-f32"]).run())
        self.assertEqual(len(ASKED), before)
        self.assertTrue(self.driver(["torch-f32"], rounds=3).run())
        self.assertEqual(len(ASKED), before + 2)

    def test_measuring_again_forgets_the_models_chosen(self):
        self.assertTrue(self.driver(["torch-f32"]).run())
        before = len(ASKED)
        self.assertTrue(self.driver(["torch-f32"], again=True).run())
        self.assertEqual(len(ASKED), 2 * before)

    def test_a_run_without_time_left_stops_and_says_so(self):
        self.assertFalse(self.driver(["torch-f32"], seconds=0.001).run())
        self.assertEqual(ASKED, [])

    def test_an_engine_that_does_not_load_is_reported_and_left_out(self):
        self.assertTrue(self.driver(["torch-f32", "onnxruntime-int8"]).run())
        self.assertEqual({asked[0] for asked in ASKED}, {"torch-f32"})
        failed = drive.Results().all(kind="failed")
        self.assertEqual([(f["engine"], f["reason"]) for f in failed], [("onnxruntime-int8", "no such kernel")])

    def test_an_engine_that_ends_is_reported_and_the_others_go_on(self):
        (Path(SCRATCH.name) / "log").write_text("killed\n")
        self.assertTrue(self.driver(["openvino-int8", "torch-f32"]).run())
        self.assertEqual([f["engine"] for f in drive.Results().all(kind="failed")], ["openvino-int8"])
        self.assertEqual({asked[0] for asked in ASKED}, {"torch-f32"})


if __name__ == "__main__":
    unittest.main()
