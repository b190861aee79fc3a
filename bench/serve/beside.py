#!/usr/bin/env python3
"""narabi serve beside infinity-emb and FastAPI + sentence-transformers: the same weights, the same requests, one run.

What it is: random weights of a published shape (random_folder), requests of 20 passages, pairs of about 200 tokens, on
loopback, client and server on the same cores. First the scores are compared; then 8 connections ask in a closed loop,
the servers in turn (rounds, median); then each gets 70% of what it could do, in an open loop; and narabi what 70% of
the best peer is, since a faster server at its own 70% does more work. All are f32 but for narabi-bf16 and narabi-int8.
What it is not: quality. And no GPU, where the peers are at home.

Prints JSON lines, also to build/bench/serve/beside.jsonl. Environment: NARABI, NARABI_SERVE_VENVS (.venv-serve-*).
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import time
from pathlib import Path

from client import Caller, body, closed_loop, open_loop, percentile, say, texts

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))
OUT = ROOT / "build/bench/serve"
CONNECTIONS, PASSAGES = 8, 20
NAMES = ["narabi-f32", "narabi-bf16", "narabi-int8", "infinity", "fastapi"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(name, model, port):
    if name.startswith("narabi"):
        return [NARABI, "serve", "--model", model, "--port", port, "--precision", name.split("-")[1], "--log-format", "off",
                "--request-timeout", 120]
    if name == "infinity":
        return [ROOT / ".venv-serve-infinity/bin/infinity_emb", "v2", "--model-id", model, "--port", port, "--engine", "torch",
                "--device", "cpu", "--host", "127.0.0.1", "--log-level", "warning"]
    return [ROOT / ".venv-serve-fastapi/bin/python", HERE / "fastapi_server.py", model, port]


class Running:
    """A server of its own process; `field` and `scores_of` are its wire format."""

    def __init__(self, name, model):
        self.name, self.port = name, free_port()
        self.field = "documents" if name == "infinity" else "texts"
        OUT.mkdir(parents=True, exist_ok=True)
        self.log = open(OUT / f"{name}.log", "wb")
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
        self.process = subprocess.Popen(list(map(str, command(name, model, self.port))), stdout=self.log, stderr=self.log,
                                        env=environment)
        end = time.monotonic() + 180
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{name} did not start: see {self.log.name}")
            time.sleep(0.2)

    def healthy(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def load(self, words, count=32):
        return [body(PASSAGES, words, i, self.field) for i in range(count)]

    def scores(self, words):
        caller = Caller(self.port)
        if caller.ask(self.load(words, 1)[0]) != 200:
            raise SystemExit(f"{self.name}: {caller.answer[:500]}")
        answer = json.loads(caller.answer)
        rows = answer["results"] if isinstance(answer, dict) else answer
        return [r.get("score", r.get("relevance_score")) for r in sorted(rows, key=lambda r: r["index"])]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def with_padding(model):
    """The folder with a pad token: random_folder's names none, since narabi does not pad; transformers does."""
    folder = OUT / "model"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for file in Path(model).resolve().iterdir():
        (folder / file.name).symlink_to(file)
    config = folder / "tokenizer_config.json"
    value = json.loads(config.read_text()) if config.exists() else {}
    config.unlink(missing_ok=True)
    config.write_text(json.dumps({"pad_token": "<pad>", "unk_token": "<unk>", "tokenizer_class": "PreTrainedTokenizerFast",
                                  **value}))
    return folder


def words_for(model, tokens=200):
    """How many words give pairs of `tokens` tokens, by narabi's tokenizer (parity with the peers': tools/tokenizers)."""
    line = json.dumps({"query": "京都の寺", "passage": texts(1, 200, 0)[0]}, ensure_ascii=False)
    out = subprocess.run([NARABI, "tokenize", "--model", model, "--input", "-"], input=line.encode(), capture_output=True,
                         check=True).stdout
    return max(1, round(200 * tokens / len(json.loads(out)["input_ids"])))


def compare(servers, words):
    """Every f32 server gives the same scores, or nothing is timed."""
    expected = servers[0].scores(words)
    for server in servers[1:]:
        difference = max(abs(a - b) for a, b in zip(expected, server.scores(words), strict=True))
        record(what="scores", server=server.name, than=servers[0].name, largest_difference=difference)
        if server.name not in ("narabi-bf16", "narabi-int8") and difference > 1e-3:  # how far those may go is quantize --check's business
            raise SystemExit(f"{server.name} scores otherwise: by {difference}")


def record(**values):
    with open(OUT / "beside.jsonl", "a", encoding="utf-8") as file:
        file.write(say(**values) + "\n")


def throughput(servers, words, arguments):
    rates = {server.name: [] for server in servers}
    for server in servers:
        closed_loop(server.port, server.load(words), CONNECTIONS, arguments.warm)
    for _ in range(arguments.rounds):
        for server in servers:
            rate, done = closed_loop(server.port, server.load(words), CONNECTIONS, arguments.seconds)
            if any(status != 200 for _, _, status in done):
                raise SystemExit(f"{server.name}: statuses {sorted({s for _, _, s in done})}")
            rates[server.name].append(PASSAGES * rate)
    for server in servers:
        values = rates[server.name]
        record(what="throughput", server=server.name, model=arguments.model, pairs_per_s=statistics.median(values),
               lowest=min(values), highest=max(values))
    return {name: statistics.median(values) for name, values in rates.items()}


def latency(server, words, rate, seconds, what):
    waits, _ = open_loop(server.port, server.load(words), rate, seconds)
    took = [w for w, _, _ in waits]
    record(what=what, server=server.name, requests=len(waits), requests_per_s=rate, errors=sum(s != 200 for _, _, s in waits),
           p50_ms=1e3 * percentile(took, .5), p90_ms=1e3 * percentile(took, .9), p99_ms=1e3 * percentile(took, .99))


def saved_rates():
    rates = {}
    for line in (OUT / "beside.jsonl").read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        if value["what"] == "throughput":
            rates[value["server"]] = value["pairs_per_s"]
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a model folder; bench/random_folder xsmall-v2 DIR writes one")
    parser.add_argument("--servers", nargs="*", default=NAMES, choices=NAMES)
    parser.add_argument("--stage", choices=["all", "throughput", "latency"], default="all",
                        help="latency alone takes the rates of an earlier throughput")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of a round")
    parser.add_argument("--warm", type=float, default=3, help="seconds before the first round")
    parser.add_argument("--latency-seconds", type=float, default=60)
    arguments = parser.parse_args()
    folder = with_padding(arguments.model)
    words = words_for(folder)
    servers = []
    try:
        for name in arguments.servers:
            servers.append(Running(name, folder))
        if arguments.stage != "latency":
            compare(servers, words)
        rates = saved_rates() if arguments.stage == "latency" else throughput(servers, words, arguments)
        if arguments.stage == "throughput":
            return
        peers = [rates[name] for name in rates if not name.startswith("narabi")]
        for server in servers:
            if arguments.stage == "latency":
                closed_loop(server.port, server.load(words), CONNECTIONS, arguments.warm)
            latency(server, words, 0.7 * rates[server.name] / PASSAGES, arguments.latency_seconds, "own 70%")
            if server.name.startswith("narabi") and peers:
                latency(server, words, 0.7 * max(peers) / PASSAGES, arguments.latency_seconds / 2, "best peer's 70%")
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
