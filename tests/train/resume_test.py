"""A run that is killed or interrupted goes on to the very weights of an undisturbed one."""
import random
import signal

from common import *

KILLS = 20
STEPS = 300


def newest_state(output):
    folders = sorted((output / "training").glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    return (folders[-1] / "weights.safetensors").read_bytes(), (folders[-1] / "moments.safetensors").read_bytes()


class Resume(TrainTest):
    def undisturbed(self, **changes):
        output = self.path / "undisturbed"
        self.narabi("train", self.write_config("undisturbed.yaml", output=output, **changes))
        return output

    def test_killed_at_twenty_random_moments_it_ends_with_the_same_weights(self):
        # f32 takes a third of bf16's time on so small a model; the two others keep bf16.
        changes = {"data__validation": str(GOLDEN / "train/groups.jsonl"), "validate_every": 50, "precision": "f32"}
        reference = self.undisturbed(steps=STEPS, **changes)
        output = self.path / "out"
        command = [NARABI, "train", self.write_config(steps=STEPS, **changes)]
        chance = random.Random(11)
        kills = []
        while len(kills) < KILLS:
            begin = self.step(output)
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                # From the moment of its first new checkpoint on: anywhere, also while one is being written.
                while process.poll() is None and self.step(output) == begin:
                    time.sleep(0.002)
                time.sleep(chance.uniform(0, 0.05))
                process.kill()
                code = process.wait()
            if code == 0:
                break
            self.assertEqual(code, -signal.SIGKILL)
            kills.append(self.step(output))
        self.assertEqual(len(kills), KILLS, f"it was done after {kills}: more steps are needed")
        self.assertLess(kills[-1], STEPS)
        self.narabi(*command[1:])
        self.assertEqual(newest_state(output), newest_state(reference))
        self.assertEqual((output / "model.safetensors").read_bytes(), (reference / "model.safetensors").read_bytes())
        losses = [[(line["step"], line.get("loss"), line.get("validation_ndcg@10")) for line in self.metrics(folder)]
                  for folder in (output, reference)]
        self.assertEqual(losses[0], losses[1])

    @staticmethod
    def step(output):
        names = [p.name.split("-")[1] for p in (output / "training").glob("checkpoint-*")]
        return max((int(name) for name in names if name.isdigit()), default=0)

    def test_ctrl_c_saves_and_says_130_and_the_same_command_goes_on(self):
        reference = self.undisturbed(steps=80)
        output = self.path / "out"
        command = [NARABI, "train", self.write_config(steps=80, checkpoint_every=10)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            while process.poll() is None and not (output / "training/checkpoint-10").exists():
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            process.communicate()
        self.assertEqual(process.returncode, 130)
        self.narabi(*command[1:])
        self.assertEqual(newest_state(output)[0], newest_state(reference)[0])

    def test_auto_is_the_precision_that_the_cpu_is_faster_in(self):
        cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        isa = os.environ.get("NARABI_ISA", "amx")
        amd = "AuthenticAMD" in cpu and "avx512_bf16" in cpu and isa in ("bf16", "amx")
        # The kernel may keep the tiles that the CPU has.
        score = [NARABI, "score", "--model", GOLDEN / "modernbert-tiny-v2", "--input", "-"]
        tiles = isa == "amx" and "amx_bf16" in cpu and not subprocess.run(
            score, input=b'{"query": "a", "passage": "b"}', capture_output=True, env={**os.environ, "NARABI_ISA": "amx"}).returncode
        said = "bf16 on cpu" if amd or tiles else "f32 on cpu"
        done = self.narabi("train", self.write_config(precision="auto", steps=1), "--progress")
        self.assertIn(said, done.stderr)

    def test_one_thread_and_two_give_the_same_weights(self):
        reference = self.undisturbed(threads=1)
        self.narabi("train", self.write_config(threads=2))
        self.assertEqual(newest_state(self.path / "out"), newest_state(reference))


if __name__ == "__main__":
    unittest.main()
