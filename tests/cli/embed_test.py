"""narabi embed: vectors as JSON lines and as a NumPy file."""

import ast
import json
import lzma
import math
import shutil
import struct
import unittest

from narabi_cli import GOLDEN, CliTest, json_lines

PREFIXED = GOLDEN / "embed-ruri-v3"  # with prompts
PLAIN = GOLDEN / "embed-bge-m3"      # without


def golden_texts(folder):
    with lzma.open(folder / "embed.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_npy(path):
    """Rows of a version 1.0 float32 file, read by hand."""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    length = struct.unpack("<H", data[8:10])[0]
    assert (10 + length) % 64 == 0 and data[10 + length - 1:10 + length] == b"\n"
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    rows, columns = header["shape"]
    body = data[10 + length:]
    assert len(body) == rows * columns * 4
    return [struct.unpack_from(f"<{columns}f", body, row * columns * 4) for row in range(rows)]


class Embed(CliTest):
    def embed(self, texts, *more, model=PREFIXED):
        lines = json_lines([{"text": text} for text in texts])
        return [line["vector"] for line in
                self.narabi("embed", "--model", model, "--input", "-", *more, stdin=lines).json]

    def test_vectors_are_the_reference_s(self):
        golden = golden_texts(PREFIXED)[:40]
        for name in ("query", "document"):
            chosen = [line for line in golden if line.get("prompt") == name]
            vectors = self.embed([line["text"] for line in chosen], "--prompt", name)
            for vector, line in zip(vectors, chosen):
                self.assertLess(max(abs(a - b) for a, b in zip(vector, line["vector"])), 1e-4)

    def test_a_line_holds_a_vector_and_nothing_else(self):
        result = self.narabi("embed", "--model", PLAIN, "--input", "-", stdin='{"text": "京都"}\n')
        self.assertEqual([list(line) for line in result.json], [["vector"]])
        self.assertAlmostEqual(math.hypot(*result.json[0]["vector"]), 1, delta=1e-5)

    def test_the_prompt_changes_the_vector_where_the_folder_has_one(self):
        plain, query, document = (self.embed(["京都"], *more) for more in ([], ["--prompt", "query"],
                                                                         ["--prompt", "document"]))
        self.assertNotEqual(query, plain)
        self.assertNotEqual(query, document)

    def test_a_prompt_may_be_given_for_a_folder_that_names_none(self):
        bare = self.folder / "bare"
        shutil.copytree(PREFIXED, bare)
        prompts = json.loads((bare / "config_sentence_transformers.json").read_text())["prompts"]
        (bare / "config_sentence_transformers.json").unlink()
        for name in ["query", "document"]:
            self.assertEqual(self.embed(["京都"], "--prompt", name, f"--{name}-prompt", prompts[name], model=bare),
                             self.embed(["京都"], "--prompt", name))
        self.fails("embed", "--model", bare, "--input", "-", "--prompt", "query", stdin='{"text": "a"}\n',
                   expect=["it names none", "--query-prompt"])

    def test_a_numpy_file_holds_the_same_rows(self):
        texts = [f"京都の寺 {i}" for i in range(600)]
        path = self.folder / "vectors.npy"
        result = self.narabi("embed", "--model", PLAIN, "--input", "-", "--output", path,
                             stdin=json_lines([{"text": text} for text in texts]))
        self.assertEqual(result.out, "")
        rows = read_npy(path)
        lines = self.embed(texts, model=PLAIN)
        self.assertEqual(len(rows), len(texts))
        # Printed with the digits that give the same float back.
        self.assertEqual(rows, [struct.unpack(f"<{len(v)}f", struct.pack(f"<{len(v)}f", *v)) for v in lines])
        self.assert_nothing_left("vectors.npy")

    def test_neighbours_and_threads_do_not_change_a_vector(self):
        texts = ["京都", "銀閣寺を建てた将軍は足利義政である。" * 5, ""]
        together = self.embed(texts, "--threads", 3)
        self.assertEqual([self.embed([text], "--threads", 1)[0] for text in texts], together)

    def test_a_failure_leaves_no_file(self):
        path = self.folder / "vectors.npy"
        self.fails("embed", "--model", PLAIN, "--input", "-", "--output", path,
                   stdin='{"text": "a"}\n{"txt": "a"}\n', expect=["stdin:2", '"text"'])
        self.fails("embed", "--model", PLAIN, "--input", "-", "--output", path, stdin="", expect=["text"])
        self.fails("embed", "--model", self.folder, "--input", "-", stdin='{"text": "a"}\n', expect=[str(self.folder)])
        self.assert_nothing_left()

    def test_a_prompt_that_the_folder_does_not_name_is_an_error(self):
        self.fails("embed", "--model", PREFIXED, "--input", "-", "--prompt", "title", stdin='{"text": "a"}\n',
                   expect=["title", "query", "document"])


if __name__ == "__main__":
    unittest.main()
