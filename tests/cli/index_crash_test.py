"""kill -9 at random moments, a full disk, a folder that cannot be written, readers beside a writer.

NARABI_CRASHES: how often a process is killed (16 here, 6 in a sanitizer's build, which is slow to start; nightly: 200).
NARABI_READERS_SECONDS: how long 8 readers and a writer run side by side (3 here; nightly: 300). tests/nightly.sh runs
both. NARABI_SEED repeats a run.
"""

import ctypes
import http.client
import json
import os
import random
import signal
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from narabi_cli import GOLDEN, NARABI, SANITIZED, SECONDS, CliTest, json_lines, kyoto

CRASHES = int(os.environ.get("NARABI_CRASHES", "6" if SANITIZED else "16"))
READERS_SECONDS = float(os.environ.get("NARABI_READERS_SECONDS", "3"))
SEED = int(os.environ.get("NARABI_SEED", "1"))
BATCH = 10
IDS = [f"d{i}" for i in range(150)]


def quick_folder():
    """kill -9 loses nothing that a file system has taken: memory will do, and does not wear out disks."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Crash(CliTest):
    def setUp(self):
        super().setUp()
        self.base = Path(tempfile.mkdtemp(prefix="narabi-crash-", dir=quick_folder()))
        self.addCleanup(shutil.rmtree, self.base)
        self.index = self.base / "index"
        self.texts = [passage["text"] for passage in kyoto(len(IDS))]
        self.state = {}  # id -> version
        self.version = 0
        self.chance = random.Random(SEED)

    def text(self, i, version):
        return f"{self.texts[i]} 版{version}番"

    def start_upsert(self):
        """Ids in random order with a new version; what each id will be."""
        self.version += 1
        order = self.chance.sample(range(len(IDS)), self.chance.randint(1, len(IDS)))
        corpus = self.base / "corpus.jsonl"
        corpus.write_text(json_lines([{"id": IDS[i], "text": self.text(i, self.version)} for i in order]), encoding="utf-8")
        return ["index", self.index, "--corpus", corpus, "--batch", BATCH, "--json"], [(IDS[i], self.version) for i in order]

    def start_delete(self):
        gone = self.chance.sample(IDS, self.chance.randint(1, 60))
        ids = self.base / "ids.txt"
        ids.write_text("\n".join(gone) + "\n", encoding="utf-8")
        return ["index", self.index, "delete", "--ids", ids, "--batch", BATCH, "--json"], [(id_, None) for id_ in gone]

    def run_and_kill(self, command):
        """The acknowledgements that came before the kill, or all of them when it came too late."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        after = self.chance.choice([0.02, 0.1, 0.3, 0.8]) * self.chance.random()
        timer = threading.Timer(after, process.send_signal, [signal.SIGKILL])
        timer.start()
        out, err = process.communicate(timeout=SECONDS)
        timer.cancel()
        self.assertIn(process.returncode, (0, -signal.SIGKILL), err.decode())
        lines = [json.loads(line) for line in out.split(b"\n")[:-1]]
        return sum("committed" in line for line in lines), process.returncode == 0

    def stored(self):
        with sqlite3.connect(f"file:{self.index}/store.sqlite?mode=ro", uri=True) as database:
            rows = database.execute("SELECT id, text FROM documents").fetchall()
        database.close()
        return {id_: int(text.rsplit(" 版", 1)[1][:-1]) for id_, text in rows}

    def check(self, changes, acknowledged, done):
        """All that was acknowledged is there, and what is there beyond it is whole batches."""
        now = self.stored()
        expected = dict(self.state)
        matches = []
        for batches in range(0, (len(changes) + BATCH - 1) // BATCH + 1):
            for id_, version in changes[max(0, batches - 1) * BATCH:batches * BATCH]:
                expected.pop(id_, None)
                if version is not None:
                    expected[id_] = version
            if expected == now:
                matches.append(batches)
        least = (len(changes) + BATCH - 1) // BATCH if done else min(acknowledged, len(changes) // BATCH)
        self.assertTrue(matches and max(matches) >= least,
                        f"{acknowledged} acknowledged, the stored state is that after {matches or 'no whole number of'} batches")
        self.state = now

    def check_searches(self):
        self.assertEqual(self.narabi("index", "verify", self.index, "--json").json, [{"ok": True, "problems": []}])
        info, = self.narabi("index", "info", self.index, "--json").json
        self.assertEqual(info["documents"], len(self.state))
        for id_ in self.chance.sample(sorted(self.state), min(3, len(self.state))):
            text = self.text(IDS.index(id_), self.state[id_])
            lines = self.narabi("search", self.index, "--query", text[:40], "--filter", f"id = {id_}", "--json").json
            self.assertEqual([line["text"] for line in lines], [text])

    def test_nothing_acknowledged_is_lost(self):
        self.narabi("index", self.index, "--corpus", "-", stdin=json_lines([{"id": "d0", "text": self.text(0, 0)}]))
        self.state = {"d0": 0}
        killed = 0
        while killed < CRASHES:
            kind = self.chance.choice(["upsert", "upsert", "upsert", "delete", "compact", "rebuild"])
            if kind in ("upsert", "delete"):
                command, changes = self.start_upsert() if kind == "upsert" else self.start_delete()
            else:
                command, changes = ["index", kind, self.index, "--json"], []
            acknowledged, done = self.run_and_kill(command)
            killed += not done
            self.check(changes, acknowledged, done)
            self.check_searches()


class Disk(CliTest):
    """A full disk and a file system mounted read-only: as root of a user namespace of its own."""

    def in_namespace(self, script):
        command = ["unshare", "-rm", "sh", "-ec", script, "sh", NARABI, str(self.folder)]
        return subprocess.run(command, capture_output=True, timeout=SECONDS)

    def setUp(self):
        super().setUp()
        if self.in_namespace("mount -t tmpfs none /mnt").returncode != 0:
            self.skipTest("this system lets nobody mount a tmpfs in a user namespace")
        self.file("small.jsonl", json_lines([{"id": "a", "text": "京都の寺"}]))
        documents = kyoto(2000)
        self.file("large.jsonl", json_lines(documents))

    def test_a_full_disk_is_said_and_leaves_the_old_state(self):
        for size in ["300k", "700k", "1500k", "2500k"]:
            done = self.in_namespace(f'''
                mount -t tmpfs -o size={size} none /mnt
                "$1" index /mnt/index --corpus "$2/small.jsonl" > /dev/null
                "$1" index /mnt/index --corpus "$2/large.jsonl" --batch 500 --json > "$2/acks" 2> "$2/error" && exit 9
                "$1" index verify /mnt/index >&2
                "$1" index info /mnt/index --json''')
            error = (self.folder / "error").read_text(encoding="utf-8")
            self.assertEqual(done.returncode, 0, done.stderr.decode() + error)
            self.assertRegex(error, r"\Anarabi: .*(full|No space left)[^\n]*\n\Z")
            acks = [json.loads(line)["committed"] for line in (self.folder / "acks").read_text().splitlines()]
            self.assertEqual(json.loads(done.stdout)["documents"], acks[-1] if acks else 1)

    def test_a_read_only_folder_is_searched_and_not_written(self):
        done = self.in_namespace('''
            mount -t tmpfs none /mnt
            "$1" index /mnt/index --corpus "$2/small.jsonl" > /dev/null
            mount -o remount,ro /mnt
            "$1" search /mnt/index --query 京都 --json
            "$1" index verify /mnt/index >&2
            "$1" index /mnt/index --corpus "$2/large.jsonl" 2> "$2/error" && exit 9
            "$1" index delete /mnt/index a 2>> "$2/error" && exit 9
            exit 0''')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual([json.loads(line)["id"] for line in done.stdout.splitlines()], ["a"])
        error = (self.folder / "error").read_text(encoding="utf-8")
        self.assertRegex(error, r"\A(narabi: [^\n]*(Read-only|readonly)[^\n]*\n){2}\Z")


class Readers(CliTest):
    """One writer replaces all documents by their next version, commit by commit; readers see one version."""

    DOCUMENTS = 40

    def setUp(self):
        super().setUp()
        self.index = Path(tempfile.mkdtemp(prefix="narabi-readers-", dir=quick_folder())) / "index"
        self.addCleanup(shutil.rmtree, self.index.parent)
        self.texts = [passage["text"][:80] for passage in kyoto(self.DOCUMENTS)]
        self.write(0)
        self.failures, self.reads, self.stop = [], 0, False

    def write(self, version):
        lines = json_lines([{"id": str(i), "text": f"目印 {text}", "version": version} for i, text in enumerate(self.texts)])
        self.narabi("index", self.index, "--corpus", "-", stdin=lines)

    def read(self):
        while not self.stop and not self.failures:
            result = self.run_narabi("search", self.index, "--query", "目印", "--top-n", 100, "--json")
            try:
                self.assertEqual((result.code, result.err), (0, ""))
                versions = [line["metadata"]["version"] for line in result.json]
                self.assertEqual((len(versions), len(set(versions))), (self.DOCUMENTS, 1))
                self.reads += 1
            except AssertionError as failure:
                self.failures.append(str(failure))

    def test_every_read_sees_one_commit(self):
        readers = [threading.Thread(target=self.read) for _ in range(8)]
        for reader in readers:
            reader.start()
        version, end = 0, time.monotonic() + READERS_SECONDS
        while (time.monotonic() < end or version < 3) and not self.failures:
            version += 1
            self.write(version)
        self.stop = True
        for reader in readers:
            reader.join()
        self.assertEqual(self.failures, [])
        self.assertGreaterEqual(self.reads, 8)
        self.assertEqual(self.narabi("index", "verify", self.index, "--json").json, [{"ok": True, "problems": []}])


def give_up_root():
    """Of this process: root may then write where the mode lets its owner write, as anybody else."""
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


class ReaderWithoutPermission(CliTest):
    """`narabi serve` of an index in a folder that it cannot write to, while somebody else can."""

    def setUp(self):
        super().setUp()
        self.index = self.folder / "index"
        self.addCleanup(self.permit, True)
        self.write(0)

    def permit(self, write):
        if self.index.exists():
            self.index.chmod(0o755 if write else 0o555)
            for path in self.index.glob("store.sqlite*"):
                path.chmod(0o644 if write else 0o444)

    def lines(self, version):
        return json_lines([{"id": str(i), "text": f"目印{i} 版{version}番", "version": version} for i in range(60)])

    def write(self, version, *more):
        self.permit(True)
        self.narabi("index", self.index, "--corpus", "-", *more, stdin=self.lines(version))
        self.permit(False)

    def serve(self):
        as_anybody = {"preexec_fn": give_up_root}
        if subprocess.run(["test", "-w", self.index], **as_anybody).returncode == 0:
            self.skipTest("here root cannot give up the right to write everywhere")
        server = subprocess.Popen([NARABI, "serve", "--model", GOLDEN / "modernbert-tiny-v2", "--index", self.index, "--port",
                                   "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **as_anybody)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return json.loads(server.stdout.readline())["port"]

    def found(self, port, query):
        """The versions of what is found."""
        body = json.dumps({"query": query, "rerank": False, "candidates": 100, "top_n": 100})
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("POST", "/search", body.encode(), {"content-type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        self.assertEqual(response.status, 200, answer)
        return [hit["metadata"]["version"] for hit in answer["results"]]

    def assert_current(self, port, version):
        for i in range(20):
            self.assertEqual(set(self.found(port, f"目印{i}")), {version})
        self.assertEqual(self.found(port, f"版{version}番"), [version] * 60)

    def test_each_search_sees_the_last_commit(self):
        port = self.serve()
        self.assert_current(port, 0)
        for version, more in enumerate([["--compact"], [], ["--batch", 7], ["--compact"]], 1):
            self.write(version, *more)
            self.assert_current(port, version)

    def test_a_writer_that_goes_on_is_followed(self):
        self.permit(True)
        writer = self.start("index", self.index, "--corpus", "-", "--batch", 60, "--json", stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
        port = None
        for version in [1, 2, 3]:
            writer.stdin.write(self.lines(version).encode())
            writer.stdin.flush()
            self.assertEqual(json.loads(writer.stdout.readline()), {"committed": 60})
            self.permit(False)  # the writer has what it writes to open
            port = port or self.serve()
            self.assert_current(port, version)
        self.permit(True)
        writer.communicate()
        self.permit(False)
        self.assertEqual(writer.returncode, 0)
        self.assert_current(port, 3)
        self.write(4, "--compact")
        self.assert_current(port, 4)


if __name__ == "__main__":
    unittest.main()
