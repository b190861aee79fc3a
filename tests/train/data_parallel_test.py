"""Two processes over gloo, each with half of the batch, beside one process with all of it: 20 steps in f32."""
import socket

from common import *
from model_files import read_safetensors


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class DataParallel(TrainTest):
    def run_both(self, path, size):
        port = str(free_port())
        processes = []
        for rank in range(size):
            world = {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            processes.append(subprocess.Popen([NARABI, "train", path], env=os.environ | world,
                                              stderr=subprocess.PIPE, text=True))
        errors = [process.communicate(timeout=600)[1] for process in processes]
        self.assertEqual([process.returncode for process in processes], [0] * size, errors)

    def test_losses_norms_and_weights_are_those_of_one_process(self):
        # A group a micro-batch here and there, whose gradients are added in double precision: the same to the bit,
        # although a key's bias has a gradient of rounding alone and Adam makes full steps of it.
        same = {"precision": "f32", "dropout": 0, "threads": 1, "batch": 6, "micro_batch_tokens": 1,
                "optimizer": {"lr": 1e-3},
                "data__validation": str(GOLDEN / "train/groups.jsonl"), "validate_every": 10}
        for folder in ("bert-tokenizer-json", "modernbert-mean-bias"):
            one, two = self.path / f"one-{folder}", self.path / f"two-{folder}"
            model = {"model": {"from": str(GOLDEN / folder)}}
            self.narabi("train", self.write_config(output=one, **same, **model))
            self.run_both(self.write_config(output=two, **same, **model), 2)
            steps = [[line for line in self.metrics(output) if "loss" in line] for output in (one, two)]
            self.assertEqual(len(steps[1]), 20)
            for a, b in zip(*steps):
                self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-6, msg=f"{folder} step {a['step']}")
                self.assertAlmostEqual(a["grad_norm"], b["grad_norm"], delta=1e-6)
            first, second = (read_safetensors(output / "model.safetensors") for output in (one, two))
            self.assertEqual(first.keys(), second.keys())
            worst = max(abs(a - b) for name in first for a, b in zip(first[name], second[name]))
            self.assertEqual(worst, 0, folder)

    def test_a_process_that_comes_alone_or_with_nonsense_says_so(self):
        path = self.write_config()
        for world, expected in ((dict(WORLD_SIZE="2", RANK="2"), "RANK: expected a number of 0 to 1, found \"2\""),
                                (dict(WORLD_SIZE="two"), "WORLD_SIZE: expected a number"),
                                (dict(WORLD_SIZE="2", RANK="0"), "MASTER_ADDR: expected a host")):
            done = self.narabi("train", path, code=1, env=os.environ | world)
            self.assertIn(expected, done.stderr)


if __name__ == "__main__":
    unittest.main()
