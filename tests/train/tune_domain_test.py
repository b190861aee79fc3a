"""narabi tune-domain with clicks: what is learned, what is judged, and what a repeated click is."""
import signal

from common import *

MODEL = GOLDEN / "modernbert-tiny-v2"
ARTICLES, PASSAGES = 24, 3


class TuneDomain(TrainTest):
    def setUp(self):
        super().setUp()
        self.documents = [{"id": f"{a}-{p}", "title": f"第{a}章", "text": f"第{a}章の第{p}節は{a * 7 + p}番の寺の話である。"}
                          for a in range(ARTICLES) for p in range(PASSAGES)]
        self.corpus = self.write("corpus.jsonl", "".join(json.dumps(d) + "\n" for d in self.documents))

    def tune(self, clicks, *more, output=None):
        return [NARABI, "tune-domain", "--corpus", self.corpus, "--clicks",
                self.write("clicks.tsv", "".join(f"{query}\t{document}\n" for query, document in clicks) + "\n"), "--model",
                str(MODEL), "--output", str(output or self.path / "out"), "--held-out", "0.4", "--json", "--set", "device=cpu",
                "--set", "precision=f32", "--set", "data.max_length=64", *more]

    def groups(self, name):
        with open(self.path / "out" / name, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_a_document_is_one_answer_and_no_article_is_on_both_sides(self):
        clicks = []
        for a in range(ARTICLES):  # each query leads to two articles, its first document three times
            clicks += [(f"{a}番の話", f"{a}-0")] * 3 + [(f"{a}番の話", f"{(a * 5 + 1) % ARTICLES}-1")]
        done = self.narabi(*self.tune(clicks, "--set", "steps=1")[1:])
        self.assertRegex(done.stderr, r"left out \d+ queries that lead to held-out articles")
        learned, judged = self.groups("groups.jsonl"), self.groups("held-out.jsonl")
        self.assertTrue(learned and judged)
        articles = []
        for groups in (learned, judged):
            for group in groups:
                self.assertEqual(len(group["pos"]), len(set(group["pos"])))
            articles.append({passage.split("の第")[0] for group in groups for passage in group["pos"]})
        self.assertFalse(articles[0] & articles[1])

    def test_the_trainer_ends_with_the_one_who_started_it(self):
        clicks = [(f"{a}番の話", f"{a}-0") for a in range(ARTICLES)]
        with subprocess.Popen(self.tune(clicks, "--set", "steps=1000000", "--set", "checkpoint_every=1"),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not list((self.path / "out/training").glob("checkpoint-*")):
                time.sleep(0.01)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            self.assertEqual(len(children), 1)
            process.send_signal(signal.SIGKILL)
            process.wait()
        trainer = Path(f"/proc/{children[0]}/comm")
        for _ in range(1000):
            if not trainer.exists() or trainer.read_text().strip() != "narabi-train":
                return
            time.sleep(0.02)
        self.fail("narabi-train goes on")

    def test_the_model_is_not_its_own_output(self):
        done = self.narabi(*self.tune([("q", "0-0")], output=MODEL)[1:], code=1)
        self.assertIn("--output: expected another folder than --model", done.stderr)

    def test_what_it_sets_itself_is_not_set_by_others(self):
        for setting in ("output=x", "task=mlm", "model.from=x", "data.train=x", "model={from: x}"):
            done = self.narabi(*self.tune([("q", "0-0")], "--set", setting)[1:], code=1)
            self.assertIn(f"--set {setting}: tune-domain sets this itself", done.stderr)
        missing = [str(self.path / "none") if word == str(MODEL) else word for word in self.tune([("q", "0-0")])]
        self.assertIn("none/config.json", self.narabi(*missing[1:], code=1).stderr)
        self.assertFalse((self.path / "out").exists())


if __name__ == "__main__":
    unittest.main()
