"""What sentence-transformers puts behind Pooling: Dense, Normalize, truncate_dim, and narabi embed on the same folders."""

import json
import unittest

from packages import torch  # before the others
from narabi_cli import GOLDEN, CliTest, json_lines
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense, Normalize

TEXTS = ["京都", "金閣寺を建てたのは誰ですか。", "足利義満が室町時代に建てた寺である。" * 9, "猫" * 40, ""]


class Modules(CliTest):
    def saved(self, base, modules, **settings):
        torch.manual_seed(7)
        first = SentenceTransformer(str(GOLDEN / base), device="cpu")
        made = [module for module in first if not isinstance(module, Normalize)]
        width = first.get_embedding_dimension()
        for module in modules:
            made.append(Normalize() if module == "normalize" else Dense(width, **module))
            width = width if module == "normalize" else module["out_features"]
        folder = self.folder / f"{base}-{len(list(self.folder.iterdir()))}"
        SentenceTransformer(modules=made, device="cpu", **{"prompts": first.prompts} | settings).save(str(folder))
        return folder

    def vectors(self, folder, *options):
        lines = self.narabi("embed", "--model", folder, "--input", "-", *options,
                            stdin=json_lines([{"text": text} for text in TEXTS])).json
        return torch.tensor([line["vector"] for line in lines])

    def same(self, folder):
        theirs = torch.tensor(SentenceTransformer(str(folder), device="cpu").encode(TEXTS))
        ours = self.vectors(folder, "--precision", "f32")
        self.assertEqual(ours.shape, theirs.shape)
        self.assertGreater(theirs.std().item(), 1e-2)
        self.assertLess((ours - theirs).abs().max().item(), 1e-5)

    def test_modules_in_their_order(self):
        tanh, gelu = torch.nn.Tanh(), torch.nn.GELU()
        cases = [("embed-e5-small", [{"out_features": 33}], {}),
                 ("embed-e5-small", [{"out_features": 16, "bias": False, "activation_function": torch.nn.Identity()},
                                     "normalize"], {"truncate_dim": 8}),
                 ("embed-bge-m3", ["normalize", {"out_features": 40, "activation_function": torch.nn.ReLU()}], {}),
                 ("embed-ruri-v3", [{"out_features": 24, "activation_function": gelu},
                                    {"out_features": 12, "activation_function": torch.nn.Sigmoid()}], {}),
                 ("embed-static", [{"out_features": 20, "activation_function": tanh}, "normalize"], {}),
                 ("embed-ruri-v3", [], {"truncate_dim": 5}), ("embed-e5-base", [], {"truncate_dim": 5000})]
        for base, modules, settings in cases:
            with self.subTest(f"{base}, {modules}, {settings}"):
                self.same(self.saved(base, modules, **settings))

    def test_a_default_prompt_is_not_put_in_front_of_documents(self):
        for prompts in ({"query": "検索クエリ: ", "document": ""}, {"query": "検索クエリ: "}):
            folder = self.saved("embed-ruri-v3", ["normalize"], prompts=prompts, default_prompt_name="query")
            model = SentenceTransformer(str(folder), device="cpu")
            documents = [{"id": str(i), "text": text} for i, text in enumerate(TEXTS[:4])]
            query = "日本の首都"
            expected = model.encode_document(TEXTS[:4]) @ model.encode_query([query])[0]
            index = self.folder / f"index-{len(prompts)}"
            self.narabi("index", index, "--corpus", "-", "--embedder", folder, stdin=json_lines(documents))
            hits = self.narabi("search", index, "--query", query, "--retriever", "dense", "--exact", "--json").json
            found = {hit["id"]: hit["score"] for hit in hits}
            for i, score in enumerate(expected):
                self.assertAlmostEqual(found[str(i)], float(score), delta=2e-3)  # f16 vectors

    def test_derived_folders_keep_them(self):
        folder = self.saved("embed-ruri-v3", [{"out_features": 12}], truncate_dim=6)
        deeper, packed = self.folder / "deeper", self.folder / "packed"
        self.narabi("deepen", folder, "--layers", "13", "--output", deeper)
        self.assertLess((self.vectors(deeper) - self.vectors(folder)).abs().max().item(), 1e-5)
        self.narabi("quantize", folder, "--output", packed, "--no-calibration")
        difference = self.vectors(packed) - self.vectors(folder, "--precision", "int8")  # packed rows of the vocabulary
        self.assertLess(difference.abs().max().item(), 0.2)
        self.fails("average", folder, folder, "--output", self.folder / "mean",
                   expect=["2_Dense: weights of a module are not averaged"])

    def test_refusals(self):
        folder = self.saved("embed-e5-small", [{"out_features": 12}])
        path = folder / "2_Dense/config.json"
        config = json.loads(path.read_text())
        for change, expect in (({"in_features": 7}, ["in_features: expected ", "found 7"]),
                               ({"out_features": 13}, ["linear.weight", "13"]),
                               ({"activation_function": "my.Swish"}, ["activation_function is", "my.Swish", "torch.nn.Tanh"]),
                               ({"use_residual": True}, ["use_residual is true"]),
                               ({"module_input_name": "token_embeddings"}, ["module_input_name is"])):
            path.write_text(json.dumps(config | change))
            for command in ("embed", "inspect"):
                if command == "embed":
                    self.fails("embed", "--model", folder, "--input", "-", stdin="", expect=[str(path), *expect][1:])
                else:
                    summary, = self.narabi("inspect", folder, "--json").json
                    for part in expect:
                        self.assertIn(part, str(summary["unsupported"]))


if __name__ == "__main__":
    unittest.main()
