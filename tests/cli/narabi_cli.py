"""What the black-box tests of the command line share. Debian's python3 alone, no packages.

Environment: NARABI is the binary (default: build/release/narabi). NARABI_SANITIZED is address or thread where it is a
sanitizer's build, ten times slower: then the volume of some tests is smaller, and the model a small one of random
weights, which takes a tenth of a second to load and not two. What a sanitizer looks for is in the first hundred
passages or nowhere; the figures of the whole sample, and whether the order makes sense, are checked by the release
build.
"""

import atexit
import functools
import itertools
import json
import lzma
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
GOLDEN = ROOT / "tests/golden"
COMMANDS = ["score", "rerank", "tokenize", "embed", "inspect", "index", "search", "eval", "reproduce", "serve", "bench",
            "quantize", "calibrate"]
SANITIZED = os.environ.get("NARABI_SANITIZED", "")
TRAINED = str(ROOT / "models/prototype-modernbert-6l")
MODEL = str(GOLDEN / "modernbert-tiny-v2") if SANITIZED else TRAINED
not_under_tsan = unittest.skipIf(SANITIZED == "thread", "long, and its threads run in other tests too: ASan runs it")
SECONDS = 300  # a sanitizer build on a busy machine is slow


def default_interrupt():
    """A shell's background job ignores Ctrl-C; what we start must not inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def golden_pairs(count):
    """The first pairs with what the reference made of them with MODEL: query, passage, input_ids, logit. Of a
    sanitizer's build at most 12."""
    if not SANITIZED:
        with open(Path(MODEL) / "golden.jsonl", encoding="utf-8") as lines:
            return [json.loads(line) for line in itertools.islice(lines, count)]
    with lzma.open(GOLDEN / "pairs.jsonl.xz", "rt", encoding="utf-8") as pairs, \
            lzma.open(Path(MODEL) / "golden.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [{**json.loads(pair), **json.loads(line)}
                for pair, line in itertools.islice(zip(pairs, lines), min(count, 12))]


def pair_lines(pairs):
    return "".join(json.dumps({"query": p["query"], "passage": p["passage"]}, ensure_ascii=False) + "\n"
                   for p in pairs)


def json_lines(objects):
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in objects)


def kyoto(count):
    """The first passages of the sample: id, title, text; of a sanitizer's build only the beginnings of the texts."""
    with lzma.open(ROOT / "data/kyoto/kyoto-sample.jsonl.xz", "rt", encoding="utf-8") as lines:
        passages = [json.loads(line) for _, line in zip(range(count), lines)]
    if SANITIZED:
        for passage in passages:
            passage["text"] = passage["text"][:80]
    return passages


def folder_until_exit():
    folder = tempfile.mkdtemp(prefix="narabi-data-")
    atexit.register(shutil.rmtree, folder)
    return Path(folder)


def kyoto_corpus():
    """(path, passages): the sample; of a sanitizer's build its first 450 passages."""
    whole = ROOT / "data/kyoto/kyoto-sample.jsonl.xz"
    if not SANITIZED:
        return whole, 3000
    path = folder_until_exit() / "kyoto-sample.jsonl.xz"
    path.write_bytes(lzma.compress(json_lines(kyoto(450)).encode()))
    return path, 450


@functools.cache
def shipped_data():
    """The folder of JSQuAD and JQaRA; of a sanitizer's build with the first article and the first 50 questions."""
    if not SANITIZED:
        return ROOT / "data"
    folder = folder_until_exit()
    for name in ["jsquad", "jqara"]:
        (folder / name).mkdir()
    squad = "jsquad/jsquad-valid-v1.3.json.xz"
    articles = json.loads(lzma.decompress((ROOT / "data" / squad).read_bytes()))["data"]
    (folder / squad).write_bytes(lzma.compress(json.dumps({"data": articles[:1]}).encode()))
    files = {}
    for path in (ROOT / "data/jqara").glob("*.xz"):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            files[path.name] = [(line.split()[0], line) for line in lines]
    questions = set(itertools.islice(dict.fromkeys(question for question, _ in files["qrels.trec.xz"]), 50))
    for name, lines in files.items():
        kept = "".join(line for question, line in lines if question in questions)
        (folder / "jqara" / name).write_bytes(lzma.compress(kept.encode()))
    return folder


def zstd(data):
    """A Zstandard frame of raw blocks, since Python has no compressor for it (RFC 8878, 3.1.1)."""
    frame = b"\x28\xb5\x2f\xfd" + b"\xa0" + struct.pack("<I", len(data))
    block = 100_000
    for at in range(0, len(data), block):
        piece = data[at:at + block]
        last = at + block >= len(data)
        frame += struct.pack("<I", len(piece) << 3 | int(last))[:3] + piece
    return frame


class Result:
    def __init__(self, code, out, err):
        self.code, self.bytes, self.err = code, out, err.decode("utf-8", "replace")

    @property
    def out(self):
        return self.bytes.decode("utf-8")

    @property
    def json(self):
        """Every line of stdout as JSON: fails when anything else stands there."""
        return [json.loads(line) for line in self.out.splitlines()]


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="narabi-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, content):
        """Writes text or bytes below the test's folder; gives the path."""
        path = self.folder / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return str(path)

    def start(self, *args, **streams):
        return subprocess.Popen([NARABI, *map(str, args)], preexec_fn=default_interrupt, **streams)

    def run_narabi(self, *args, stdin=b"", env=None):
        if isinstance(stdin, str):
            stdin = stdin.encode("utf-8")
        done = subprocess.run([NARABI, *map(os.fsencode, map(str, args))], input=stdin, capture_output=True,
                              timeout=SECONDS, env={**os.environ, **(env or {})})
        return Result(done.returncode, done.stdout, done.stderr)

    def narabi(self, *args, **more):
        """Runs a command that has to succeed."""
        result = self.run_narabi(*args, **more)
        self.assertEqual(result.code, 0, f"narabi {' '.join(map(str, args))}\n{result.err}")
        return result

    def fails(self, *args, expect=(), **more):
        """Runs a command whose work has to fail: exit code 1 and one line on stderr with what is expected."""
        result = self.run_narabi(*args, **more)
        self.assertEqual(result.code, 1, f"narabi {' '.join(map(str, args))}\n{result.err}")
        self.assertRegex(result.err, r"\Anarabi: [^\n]+\n\Z")
        for part in expect:
            self.assertIn(part, result.err)
        return result

    def wrong_usage(self, *args, expect=()):
        """Exit code 2, an explanation on stderr, nothing on stdout."""
        result = self.run_narabi(*args)
        self.assertEqual(result.code, 2, f"narabi {' '.join(map(str, args))}\n{result.err}")
        self.assertEqual(result.out, "")
        self.assertNotEqual(result.err.strip(), "")
        for part in expect:
            self.assertIn(part, result.err)
        return result

    def assert_nothing_left(self, *names):
        """The test's folder holds exactly `names`: no half-written output, no temporary file."""
        self.assertEqual(sorted(entry.name for entry in self.folder.iterdir()), sorted(names))
