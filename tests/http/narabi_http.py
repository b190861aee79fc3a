"""What the black-box tests of `narabi serve` share. Debian's python3 alone, no packages; loopback only.

Environment: NARABI is the binary (default: build/release/narabi).
"""

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
TRAINED = str(ROOT / "models/prototype-modernbert-6l")  # and slow enough to be waited for
SMALL = str(ROOT / "tests/golden/modernbert-tiny-v2")
MODEL = SMALL if os.environ.get("NARABI_SANITIZED") else TRAINED  # under TSan TRAINED takes two seconds to load
NAME = Path(MODEL).name
OTHER = str(ROOT / "tests/golden/xlmr-xsmall-v1")
EMBEDDER = str(ROOT / "tests/golden/embed-e5-small")
CORPUS = str(ROOT / "data/kyoto/kyoto-sample.jsonl.xz")
SECONDS = 120  # a sanitizer build on a busy machine is slow
JSON = {"content-type": "application/json"}

QUERY = "日本の首都はどこですか"
DOCUMENTS = ["京都は古い都である。", "東京は日本の首都である。", "猫は動物である。"]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """A running `narabi serve` on a free port (or a unix socket given in the flags)."""

    def __init__(self, *flags, model=MODEL, env=None):
        self.errors = tempfile.TemporaryFile()
        self.last_log = ""  # what it had said when it was stopped
        log = [] if "--log-format" in flags else ["--log-format", "json"]
        command = [NARABI, "serve", "--model", model, "--port", "0", "--json", *log, *map(str, flags)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors,
                                        env={**os.environ, **(env or {})})
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.process.kill()
            raise AssertionError(f"not ready: {' '.join(command)}\n{self.log()}")
        self.ready = json.loads(line)
        self.port = self.ready["port"]

    def log(self):
        if self.errors.closed:
            return ""
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def log_lines(self):
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def connect(self, timeout=SECONDS):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, connection=None):
        own = connection or self.connect()
        if isinstance(body, (dict, list)):
            body = json.dumps(body, ensure_ascii=False)
        if isinstance(body, str):
            body = body.encode("utf-8")
        own.request(method, path, body, headers if headers is not None else (JSON if body is not None else {}))
        response = own.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        if connection is None:
            own.close()
        return answer

    def post(self, path, body, headers=None, connection=None):
        return self.request("POST", path, body, {**JSON, **(headers or {})}, connection)

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers or {})

    def raw(self, data, timeout=SECONDS, finish=False):
        """Sends bytes and gives all that comes until the server closes or `timeout` ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            if finish:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while piece := connection.recv(65536):
                    received += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return received

    def metric(self, name):
        """The sum over labels of a metric."""
        text = self.get("/metrics").body.decode()
        values = re.findall(rf"(?m)^{re.escape(name)}(?:\{{[^}}]*\}})? ([-+.0-9e]+)$", text)
        return sum(map(float, values)) if values else None

    def stop(self, how=signal.SIGTERM):
        """Ends the server; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
        self.last_log = self.log() or self.last_log
        self.errors.close()
        return code


class HttpTest(unittest.TestCase):
    """One server for all tests of a class; `FLAGS` are its own. It has to end with 0 at SIGTERM."""

    FLAGS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.FLAGS)

    @classmethod
    def tearDownClass(cls):
        alive = cls.server.process.poll()
        code = cls.server.stop()
        if alive is not None or code != 0:
            raise AssertionError(f"the server ended with {code}\n{cls.server.last_log[-5000:]}")

    def post(self, path, body, **more):
        return self.server.post(path, body, **more)

    def ok(self, path, body, **more):
        answer = self.post(path, body, **more)
        self.assertEqual(answer.status, 200, answer.body[:500])
        return answer.json

    def refused(self, answer, status, field=None, error_object=False):
        """A refusal in the shape that every client reads, naming the field."""
        self.assertEqual(answer.status, status, answer.body[:500])
        body = answer.json
        self.assertIsInstance(body["message"], str)
        self.assertEqual(body["message"], body["detail"])
        self.assertTrue(body["error_type"])
        if error_object:
            self.assertEqual(body["error"]["message"], body["message"])
            self.assertEqual(body["error"]["code"], status)
            self.assertIn("type", body["error"])
        else:
            self.assertEqual(body["error"], body["message"])
        if field is not None:
            self.assertEqual(body.get("field"), field, body)
            self.assertIn(field.split("[")[0], body["message"])
        return body


def in_threads(count, work):
    """Runs work(i) in `count` threads at once; gives the results, or raises what one raised."""
    results, errors = [None] * count, []

    def call(i):
        try:
            results[i] = work(i)
        except BaseException as error:  # noqa: BLE001 (told to the test below)
            errors.append(error)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def wait_until(condition, seconds=10, step=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return False
