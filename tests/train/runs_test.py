"""What a run does with clocks, finished runs, changed files and what lies in its output already."""
import gzip
import lzma
import shutil
import struct

from common import *

MODEL = GOLDEN / "bert-tokenizer-json"


class Runs(TrainTest):
    def train(self, *options, **changes):
        return self.narabi("train", self.write_config(**changes), *options)

    def test_without_steps_and_epochs_the_clock_says_when(self):
        done = self.train(steps=0, epochs=0, time_limit=0.03, precision="f32",
                          data__validation=str(GOLDEN / "train/groups.jsonl"))
        lines = self.metrics(self.path / "out")
        rates = [line["lr"] for line in lines if "lr" in line]
        self.assertTrue(all(0 <= rate <= 1e-3 for rate in rates), rates)
        self.assertLess(rates[-1], max(rates))
        self.assertIn(len([line for line in lines if "validation_ndcg@10" in line]), range(1, 11))
        self.assertEqual(done.stderr, "")

    def test_no_step_is_missing_from_the_log(self):
        for name, changes in (("clock", {"time_limit": 1e-4}),
                              ("patience", {"validate_every": 1, "patience": 2, "optimizer__lr": 0,
                                            "data__validation": str(GOLDEN / "train/groups.jsonl")})):
            self.train(steps=30, log_every=1000, output=self.path / name, **changes)
            self.assertEqual(len([line for line in self.metrics(self.path / name) if "loss" in line]), 1, name)

    def test_two_runs_do_not_share_a_folder(self):
        first = subprocess.Popen([NARABI, "train", self.write_config(steps=1000000, checkpoint_every=1)])
        try:
            while first.poll() is None and not list((self.path / "out/training").glob("checkpoint-*")):
                time.sleep(0.01)
            done = self.narabi("train", self.write_config(seed=9), "--restart", code=1)
            self.assertIn(f"{self.path}/out: another run is writing to this folder", done.stderr)
        finally:
            first.kill()
            first.wait()
        self.train("--restart", steps=1)  # its lock went with it

    def test_a_finished_run_says_so_and_leaves_the_model_and_its_records(self):
        self.assertEqual(self.train(steps=2).stderr, "")
        record = self.path / "out/narabi.json"
        record.write_text('{"calibration": {"scale": 1, "offset": 0}}')
        self.assertEqual(self.train(steps=2).stderr,
                         f"{self.path}/out: already finished at step 2; --restart to begin again\n")
        self.assertTrue(record.exists())
        # Of other weights its figures say nothing.
        self.train("--restart", steps=2, seed=4)
        self.assertFalse(record.exists())

    def test_an_interrupted_run_that_is_told_of_an_earlier_end_still_gives_its_model(self):
        self.train(steps=20, stop_after=4)
        (self.path / "out/model.safetensors").unlink()
        self.train(steps=20, stop_after=3)
        self.assertTrue((self.path / "out/model.safetensors").exists())

    def test_files_that_have_changed_are_noticed(self):
        data = self.write("groups.jsonl", (GOLDEN / "train/groups.jsonl").read_text(encoding="utf-8"))
        model = self.path / "model"
        shutil.copytree(MODEL, model)
        changes = {"data__train": data, "model": {"from": str(model)}, "steps": 4}
        self.train(stop_after=2, **changes)
        with open(data, "a", encoding="utf-8") as file:
            file.write(json.dumps({"query": "q", "pos": ["a"], "neg": ["b"]}) + "\n")
        self.assertIn(f"it was \"file {data} of ", self.narabi("train", self.write_config(**changes), code=1).stderr)
        self.train("--restart", stop_after=2, **changes)
        (model / "narabi.json").write_text("{}")  # no part of a run
        self.train(stop_after=3, **changes)
        shutil.copy(self.path / "out/model.safetensors", model)
        self.assertIn("model.safetensors of ", self.narabi("train", self.write_config(**changes), code=1).stderr)

    def test_a_model_that_says_the_same_of_everything_is_called_collapsed(self):
        tiny = GOLDEN / "modernbert-tiny-v2"
        done = self.train(model={"config": str(tiny / "config.json"), "tokenizer": str(tiny), "init_std": 0}, steps=1,
                          data__validation=str(GOLDEN / "train/groups.jsonl"))
        self.assertIn("step 1: warning: the logits of a group differ by", done.stderr)

    def test_a_folder_with_position_ids_is_a_start_like_any_other(self):
        model = self.path / "model"
        shutil.copytree(MODEL, model)
        path = model / "model.safetensors"
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header, body = json.loads(data[8:8 + size]), data[8 + size:]
        header["bert.embeddings.position_ids"] = {"dtype": "I64", "shape": [1, 2],
                                                  "data_offsets": [len(body), len(body) + 16]}
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + body + struct.pack("<2q", 0, 1))
        weights = []
        for name, folder in (("with", model), ("without", MODEL)):
            self.train(output=self.path / name, model={"from": str(folder)}, steps=1)
            weights.append((self.path / name / "model.safetensors").read_bytes())
        self.assertEqual(weights[0], weights[1])

    def test_packed_text_is_text(self):
        text = "".join(f"京都の{i}条から{chr(0x4e00 + i)}条まで歩いた。大阪には城がある。\n" for i in range(400)).encode()
        (self.path / "text.txt").write_bytes(text)
        (self.path / "text.txt.xz").write_bytes(lzma.compress(text))
        (self.path / "text.txt.gz").write_bytes(gzip.compress(text))
        (self.path / "crlf.txt").write_bytes(text.replace(b"\n", b"\r\n"))
        tiny = GOLDEN / "modernbert-tiny-v2"
        fresh = {"config": str(tiny / "config.json"), "tokenizer": str(tiny)}
        for task, more in (("mlm", {"model": fresh, "steps": 1}),
                           ("tokenizer", {"tokenizer": {"vocabulary": 688}})):
            made = []
            for name in ("text.txt", "text.txt.xz", "text.txt.gz", "crlf.txt"):
                output = self.path / f"{task}-{name}"
                self.narabi("train", self.write(f"{name}.yaml", json.dumps(
                    {"task": task, "output": str(output), "device": "cpu", "threads": 1, "batch": 2,
                     "data": {"train": str(self.path / name), "max_length": 32}} | more)))
                result = "model.safetensors" if task == "mlm" else "tokenizer.json"
                made.append((output / result).read_bytes())
            self.assertEqual(made, made[:1] * 4, task)


if __name__ == "__main__":
    unittest.main()
