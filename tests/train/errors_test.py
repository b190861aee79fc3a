"""Bad input ends in one line that says where, what was expected and what was found; checkpoints stay whole."""
import resource
import shutil

from common import *

MODEL = GOLDEN / "modernbert-tiny-v2"

GROUP = {"query": "京都の都はどこか", "pos": ["平安京は京都にあった。"], "neg": ["大阪城は大阪にある。", "奈良の大仏は奈良にある。"]}


class Errors(TrainTest):
    def fails(self, *parts, **changes):
        done = self.narabi("train", self.write_config(**changes), code=1)
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def groups(self, *lines):
        return self.write("groups.jsonl", "".join((line if isinstance(line, str) else json.dumps(line)) + "\n"
                                                  for line in lines))

    def test_groups_that_cannot_be_learned_from_name_file_and_line(self):
        cases = [
            (GROUP | {"pos": []}, '"pos": expected at least one passage'),
            (GROUP | {"neg": []}, '"neg": expected at least one passage'),
            (GROUP | {"neg": "one"}, '"neg": expected an array'),
            (GROUP | {"query": ""}, "the query is empty"),
            (GROUP | {"query": 3}, '"query": expected a string, found 3'),
            (GROUP | {"pos_scores": [1.0]}, "expected both"),
            (GROUP | {"pos_scores": [1.0], "neg_scores": [0.5]}, "expected an array of 2 numbers"),
            ("{\"query\": \"q\", \"pos\": [\"p\"], \"neg\": [\"a\", \"b\"], \"pos_scores\": [NaN], \"neg_scores\": [1, 2]}",
             "expected a JSON object"),
            ("not json", "expected a JSON object"),
        ]
        for bad, what in cases:
            self.fails("groups.jsonl:2: ", what, data__train=self.groups(GROUP, bad))
        listed = {"query": "q", "docs": ["a", "b"], "labels": [1, 1]}
        self.fails("groups.jsonl:1: ", "all labels are 1", data__train=self.groups(listed))
        path = self.groups(listed | {"scores": [1, 2]})
        self.fails("groups.jsonl:1: ", "all labels are 1", data__train=path)
        self.narabi("train", self.write_config(data__train=path, loss=[{"name": "mse"}], steps=1))
        self.fails("groups.jsonl:1: ", '"labels": expected a finite number, found 1e+39',
                   data__train=self.groups({"query": "q", "docs": ["a", "b"], "labels": [1e39, 0]}))
        self.fails("expected training groups, found none", data__train=self.write("none.jsonl", ""))

    def test_a_config_with_something_wrong_names_the_key(self):
        self.fails("unknown key", "learning_rate", optimizer={"learning_rate": 1})
        self.fails("optimizer.lr: expected a number", optimizer={"lr": "fast"})
        self.fails("batch: expected a whole number of 1 to 1048576, found \"0\"", batch=0)
        self.fails("loss[0].name: expected one of bce, kl", loss=[{"name": "hinge"}])
        self.fails("precision: expected one of auto, bf16, f32", precision="f16")
        self.fails("data.train: expected at least one file", data={"train": []})
        self.fails("model.from: expected a model folder", model={"config": "x.json"})
        for number in ("4294967304", "1e3", "0x10"):
            done = self.narabi("train", self.write_config(), "--set", f"data.max_length={number}", code=1)
            self.assertIn(f"--set data.max_length={number}: data.max_length: expected a whole number of 8 to ", done.stderr)
            self.assertIn(f'found "{number}"', done.stderr)
        text = Path(self.write_config()).read_text()
        done = self.narabi("train", self.write("twice.yaml", text[:-1] + ', "steps": 7}'), code=1)
        self.assertIn("twice.yaml:1: steps: comes twice", done.stderr)
        done = self.narabi("train", self.write("two.yaml", text + "\n---\nsteps: 7\n"), code=1)
        self.assertIn("two.yaml: expected one document, found 2", done.stderr)
        done = self.narabi("train", self.write_config(), "--set", "batch", code=1)
        self.assertIn("--set batch: expected KEY=VALUE", done.stderr)
        self.narabi("train", code=2)

    def test_keys_that_nothing_would_read_are_refused(self):
        self.fails("model.from: expected a model folder, or else", model={"from": str(MODEL), "config": "x.json"})
        self.fails("model.init: expected none with from", model={"from": str(MODEL), "init": "match"})
        self.fails("data.validation: expected none", task="mlm", data__validation=str(GOLDEN / "train/groups.jsonl"))
        self.fails("teacher: expected a loss that reads one", teacher=str(MODEL))
        self.fails("loss[0].temperature: read by the loss kl only, found bce", loss=[{"name": "bce", "temperature": 2}])
        self.fails("epochs: expected more than 0, or else steps or a time_limit", epochs=0, steps=0)

    def test_a_model_is_not_overwritten_by_its_pupil(self):
        model = self.path / "model"
        shutil.copytree(MODEL, model)
        before = (model / "model.safetensors").read_bytes()
        self.fails("output: expected another folder than model.from", output=model, model={"from": str(model)})
        self.fails("output: expected another folder than teacher", output=model / "../model", loss=[{"name": "kl"}],
                   teacher=str(model))
        self.assertEqual((model / "model.safetensors").read_bytes(), before)

    def test_a_teacher_without_a_head_teaches_nothing(self):
        loss = [{"name": "kl"}]
        self.fails("mlm-modernbert/config.json: architectures: expected a reranker", "ModernBertForMaskedLM", loss=loss,
                   teacher=str(GOLDEN / "train/mlm-modernbert"))

    def test_what_does_not_fit_the_model_is_said_before_the_first_step(self):
        model = {"from": str(GOLDEN / "bert-tokenizer-json")}
        self.fails("data.max_length: expected at most 512", "bert-tokenizer-json/config.json", model=model,
                   data__max_length=513)
        self.fails("data.max_length: expected at most 512", data__max_length=513, loss=[{"name": "kl"}],
                   teacher=model["from"])
        shape = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))
        small = self.write("small.json", json.dumps(shape | {"vocab_size": 300}))
        self.fails("small.json: vocab_size: expected at least", "found 300",
                   model={"config": small, "tokenizer": str(MODEL)})

    def test_labels_have_to_lie_where_the_loss_has_a_minimum(self):
        graded = {"query": "q", "docs": ["a", "b", "c"], "labels": [3, 2, 1]}
        path = self.groups({"query": "q", "docs": ["a", "b"], "labels": [1, 0]}, graded)
        self.fails("groups.jsonl:2: labels: expected 0 to 1 for the loss bce, found 3", data__train=path,
                   loss=[{"name": "bce"}])
        path = self.groups(graded | {"labels": [1, 0, -2]})
        for loss in ("softmax_ce", "lambda"):
            self.fails("groups.jsonl:1: labels: expected 0 ", f"for the loss {loss}, found -2", data__train=path,
                       loss=[{"name": loss}])
        self.narabi("train", self.write_config(data__train=path, loss=[{"name": "ranknet"}], steps=1))

    def test_a_lexical_start_needs_texts_and_a_form_that_can_hold_it(self):
        model = {"config": str(ROOT / "recipes/xsmall.json"), "tokenizer": str(ROOT / "models/narabi-xsmall")}
        start = model | {"init": "lexical"}
        self.fails("model.texts: expected text files with init: lexical, none without it", model=start)
        self.fails("model.texts: expected text files with init: lexical, none without it", model=model | {"texts": ["a"]})
        self.fails("missing.txt", model=start | {"texts": [str(self.path / "missing.txt")]})
        self.fails("model.texts: expected text, found none", model=start | {"texts": [self.write("empty.txt", "\n\n")]})
        shape = json.loads((ROOT / "recipes/xsmall.json").read_text(encoding="utf-8"))
        narrow = self.write("narrow.json", json.dumps(shape | {"num_attention_heads": 2}))
        self.fails("narrow.json", "model.init lexical: expected num_attention_heads of 4 or more, found 2",
                   model=start | {"config": narrow, "texts": [self.write("text.txt", "京都の都\n")]})

    def test_a_loss_with_a_teacher_needs_one(self):
        self.fails("a loss needs a teacher", loss=[{"name": "kl"}])
        done = self.narabi("distill", self.write_config(), code=1)
        self.assertIn("expected a term that reads a teacher", done.stderr)

    def test_a_query_that_alone_is_too_long_is_cut_and_training_goes_on(self):
        self.narabi("train", self.write_config(data__train=self.groups(GROUP | {"query": "京都" * 400}), steps=2, batch=1))

    def test_a_checkpoint_of_another_config_is_refused_unless_told(self):
        self.narabi("train", self.write_config(steps=4))
        self.fails("the checkpoint is of another config", "--restart", steps=4, optimizer={"lr": 5e-4})
        self.narabi("train", self.write_config(steps=4, optimizer={"lr": 5e-4}), "--restart")

    def test_a_damaged_checkpoint_is_named(self):
        self.narabi("train", self.write_config(steps=4))
        path = self.path / "out/training/checkpoint-4/moments.safetensors"
        path.write_bytes(path.read_bytes()[:100])
        self.fails("checkpoint-4/moments.safetensors", steps=4)

    def test_a_disk_that_is_full_leaves_the_last_checkpoint_whole(self):
        self.narabi("train", self.write_config(steps=40, stop_after=4))
        before = {path.name: path.read_bytes() for path in (self.path / "out/training/checkpoint-4").iterdir()}
        moments = len(before["moments.safetensors"])

        def no_room():  # a file may not grow over half of the moments: the write fails as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (moments // 2, moments // 2))

        done = self.narabi("train", self.write_config(steps=40, stop_after=8), code=1, preexec_fn=no_room)
        self.assertIn("safetensors", done.stderr)
        after = {path.name: path.read_bytes() for path in (self.path / "out/training/checkpoint-4").iterdir()}
        self.assertEqual(before, after)
        self.narabi("train", self.write_config(steps=40, stop_after=8))

    def test_a_learning_rate_that_blows_up_ends_with_the_step(self):
        done = self.narabi("train", self.write_config(optimizer={"lr": 1.0, "clip": 0, "warmup": 0, "schedule": "constant"},
                                                      precision="f32", steps=400,
                                                      loss=[{"name": "mse"}], data__train=self.groups(
                                                          GROUP | {"pos_scores": [3e38], "neg_scores": [-3e38, 0]})),
                           code=1)
        self.assertIn("step ", done.stderr)
        self.assertIn("is intact", done.stderr)


if __name__ == "__main__":
    unittest.main()
