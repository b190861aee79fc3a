#!/usr/bin/env python3
"""Load on a running narabi: throughput beside `narabi bench`, latency at 70% load, twice the capacity.

Loopback, one machine (client.py). The throughput comes from a few closed-loop connections with 100 passages a request;
latency from an open loop. Pairs are about 200 tokens long. Prints JSON lines.

Environment: NARABI, MODEL, PRECISION (auto), SECONDS_EACH (10), OVERLOAD_SECONDS (60).
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from client import Caller, body, closed_loop, open_loop, percentile, say, texts

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/http"))
from narabi_http import MODEL as PROTOTYPE, NARABI, Server  # noqa: E402

MODEL = os.environ.get("MODEL", PROTOTYPE)
PRECISION = os.environ.get("PRECISION", "auto")
SECONDS = float(os.environ.get("SECONDS_EACH", "10"))
TIMEOUT = 20.0


def start(*flags):
    return Server("--log-format", "off", "--precision", PRECISION, *flags, model=MODEL)


def fitted(server, tokens=200):
    """How many words give pairs of `tokens` tokens: counted by the server's own tokenizer."""
    sample = texts(1, 200, 0)[0]
    ids = server.post("/tokenize", {"query": "京都の寺", "passage": sample}).json["input_ids"]
    return max(1, round(200 * tokens / len(ids)))


def bodies(server, passages, count):
    words = fitted(server)
    return [body(passages, words, i) for i in range(count)]


def bench():
    out = subprocess.run([NARABI, "bench", "--model", MODEL, "--precision", PRECISION, "--json", "--rounds", "5"],
                         capture_output=True, check=True)
    return json.loads(out.stdout)["pairs_per_s"]


def throughput():
    """bench, serve, bench, serve, bench: what the machine does meanwhile hurts both."""
    server = start()
    load, twenty = bodies(server, 100, 8), bodies(server, 20, 32)
    closed_loop(server.port, load, 4, 2)
    benched, served = [bench()], []
    for _ in range(2):
        rate, done = closed_loop(server.port, load, 4, SECONDS)
        served.append(100 * rate)
        benched.append(bench())
    bench_rate, rate = sum(benched) / len(benched), sum(served) / len(served)
    say(what="throughput", bench_pairs_per_s=bench_rate, serve_pairs_per_s=rate, share=rate / bench_rate,
        errors=sum(s != 200 for _, _, s in done))
    waits, _ = open_loop(server.port, twenty, 0.7 * rate / 20, SECONDS)
    server.stop()
    took = [w for w, _, _ in waits]
    say(what="70% load, 20 passages", requests=len(waits), errors=sum(s != 200 for _, _, s in waits),
        p50_ms=1e3 * percentile(took, .5), p99_ms=1e3 * percentile(took, .99))


class Watch:
    """Resident memory, once a second. Read from /proc: a look over HTTP would be load."""

    def __init__(self, pid):
        self.megabytes, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self.work, args=(Path(f"/proc/{pid}/statm"),))
        self.thread.start()

    def work(self, file):
        while not self.stop.wait(1):
            self.megabytes.append(int(file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)

    def end(self):
        self.stop.set()
        self.thread.join()


def recovery(port, load, alone, since):
    """Seconds from the last request of the overload until one more is answered as fast as on an idle machine."""
    while time.monotonic() < since + 60:
        caller = Caller(port)
        if caller.ask(load) == 200 and caller.done[0][1] < 2 * alone:
            return time.monotonic() - since
        time.sleep(0.1)
    return None


def overload():
    seconds = float(os.environ.get("OVERLOAD_SECONDS", "60"))
    server = start("--request-timeout", str(TIMEOUT), "--max-queue-seconds", "3")
    load = bodies(server, 20, 32)
    rate, _ = closed_loop(server.port, load, 8, 5)
    alone = Caller(server.port)
    for _ in range(5):
        alone.ask(load[0])
    alone = percentile([took for _, took, _ in alone.done], .5)
    watch = Watch(server.process.pid)
    results = []

    def flood():
        results.append(open_loop(server.port, load, 2 * rate, seconds, connections=256))

    flooding = threading.Thread(target=flood)
    begin = time.monotonic()
    flooding.start()
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    recovered = recovery(server.port, load[0], alone, begin + seconds)
    flooding.join()
    watch.end()
    waits, _ = results[0]
    refused = [took for _, took, status in waits if status == 429]
    accepted = [took for _, took, status in waits if status == 200]
    memory = watch.megabytes
    say(what="2x overload", seconds=seconds, requests=len(waits), accepted=len(accepted), refused=len(refused),
        other=sum(s not in (200, 429) for _, _, s in waits), capacity_per_s=rate, accepted_per_s=len(accepted) / seconds,
        refused_p50_ms=1e3 * (percentile(refused, .5) or 0), refused_p99_ms=1e3 * (percentile(refused, .99) or 0),
        accepted_p99_s=percentile(accepted, .99), accepted_max_s=max(accepted, default=0.0), deadline_s=TIMEOUT,
        alone_s=alone, recovered_s=recovered, memory_at_10_s_mb=memory[min(9, len(memory) - 1)],
        memory_at_half_mb=memory[len(memory) // 2], memory_last_mb=memory[-1], memory_max_mb=max(memory))
    server.stop()


if __name__ == "__main__":
    overload() if "--overload" in sys.argv else throughput()
