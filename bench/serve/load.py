#!/usr/bin/env python3
"""Load on a running narabi: throughput beside `narabi bench`, latency at 70% load, twice the capacity.

What it is: loopback, one machine, client and server sharing its cores, so the client's own cost is in the figures.
The throughput comes from a few closed-loop connections with 100 passages a request; latency from an open loop
(requests leave at their time whether or not earlier ones are back). Prints JSON lines.

Environment: NARABI, MODEL, SECONDS_EACH (10), OVERLOAD_SECONDS (60).
"""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/http"))
from narabi_http import JSON, MODEL as PROTOTYPE, NARABI, Server  # noqa: E402

MODEL = os.environ.get("MODEL", PROTOTYPE)
SECONDS = float(os.environ.get("SECONDS_EACH", "10"))
WORDS = "京都 東京 大学 歴史 寺院 建築 文化 鉄道 経済 政治 自然 公園 美術 音楽 料理 地震 台風 銀行 病院 学校".split()


def texts(count, tokens, seed):
    """Passages whose pairs are about `tokens` tokens long: counted by the server's own tokenizer."""
    chance = random.Random(seed)
    return ["".join(chance.choice(WORDS) for _ in range(tokens)) for _ in range(count)]


def fitted(server, tokens):
    """How many words give pairs of `tokens` tokens with this tokenizer."""
    sample = texts(1, 200, 0)[0]
    ids = server.post("/tokenize", {"query": "京都の寺", "passage": sample}).json["input_ids"]
    return max(1, round(200 * tokens / len(ids)))


def bodies(server, passages, count, tokens=200):
    words = fitted(server, tokens)
    return [json.dumps({"query": f"京都の寺{i}", "texts": texts(passages, words, i)}, ensure_ascii=False).encode()
            for i in range(count)]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


class Caller:
    """One connection that asks when told and notes what came."""

    def __init__(self, server):
        self.server, self.connection, self.done = server, server.connect(), []

    def ask(self, body, headers=None):
        start = time.monotonic()
        try:
            self.connection.request("POST", "/rerank", body, {**JSON, **(headers or {})})
            answer = self.connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status, self.connection = 0, self.server.connect()
        self.done.append((start, time.monotonic() - start, status))
        return status


def closed_loop(server, load, connections, seconds):
    """Pairs a second with `connections` that ask again as soon as they are answered."""
    callers, end = [Caller(server) for _ in range(connections)], time.monotonic() + seconds

    def work(caller, at):
        while time.monotonic() < end:
            caller.ask(load[at % len(load)])
            at += connections

    before, start = server.metric("narabi_items_total"), time.monotonic()
    run([threading.Thread(target=work, args=(c, i)) for i, c in enumerate(callers)])
    elapsed = time.monotonic() - start
    return (server.metric("narabi_items_total") - before) / elapsed, [d for c in callers for d in c.done]


def open_loop(server, load, rate, seconds, headers=None, connections=64):
    """Requests leave `rate` a second at random times (Poisson), as far as there are free connections."""
    chance, lock, start = random.Random(1), threading.Lock(), time.monotonic()
    due, at = [], 0.0
    while at < seconds:
        at += chance.expovariate(rate)
        due.append(at)
    callers, waits = [Caller(server) for _ in range(connections)], []

    def work(caller):
        while True:
            with lock:
                if not due:
                    return
                at = due.pop(0)
                number = len(due)
            time.sleep(max(0.0, start + at - time.monotonic()))
            asked = time.monotonic()
            status = caller.ask(load[number % len(load)], headers)
            waits.append((time.monotonic() - start - at, time.monotonic() - asked, status))

    run([threading.Thread(target=work, args=(c,)) for c in callers])
    return waits


def run(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def bench():
    out = subprocess.run([NARABI, "bench", "--model", MODEL, "--json", "--rounds", "5"], capture_output=True, check=True)
    return json.loads(out.stdout)["pairs_per_s"]


def say(**values):
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}), flush=True)


def throughput():
    before = bench()
    server = Server("--log-format", "off", model=MODEL)
    load = bodies(server, 100, 8)
    closed_loop(server, load, 4, 2)
    rate, done = closed_loop(server, load, 4, SECONDS)
    twenty = bodies(server, 20, 32)
    waits = open_loop(server, twenty, 0.7 * rate / 20, SECONDS)
    server.stop()
    after = bench()
    say(what="throughput", bench_pairs_per_s=(before + after) / 2, serve_pairs_per_s=rate,
        share=rate / ((before + after) / 2), errors=sum(s != 200 for _, _, s in done))
    say(what="70% load, 20 passages", requests=len(waits), errors=sum(s != 200 for _, _, s in waits),
        p50_ms=1e3 * percentile([w for w, _, _ in waits], .5), p99_ms=1e3 * percentile([w for w, _, _ in waits], .99))


def overload():
    seconds = float(os.environ.get("OVERLOAD_SECONDS", "60"))
    server = Server("--log-format", "off", "--max-queue-tokens", "60000", "--request-timeout", "20", model=MODEL)
    load = bodies(server, 20, 32)
    rate, _ = closed_loop(server, load, 8, 5)
    memory = [server.metric("process_resident_memory_bytes") / 1e6]
    stop = threading.Event()

    def watch():
        while not stop.wait(1):
            memory.append(server.metric("process_resident_memory_bytes") / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    waits = open_loop(server, load, 2 * rate / 20, seconds, connections=256)
    stop.set()
    watcher.join()
    start, recovered = time.monotonic(), None
    while recovered is None and time.monotonic() < start + 30:
        asked = time.monotonic()
        if Caller(server).ask(load[0]) == 200 and time.monotonic() - asked < 1:
            recovered = time.monotonic() - start
    refused = [took for _, took, status in waits if status == 429]
    accepted = [took for _, took, status in waits if status == 200]
    say(what="2x overload", seconds=seconds, requests=len(waits), accepted=len(accepted), refused=len(refused),
        other=sum(s not in (200, 429) for _, _, s in waits), refused_p99_ms=1e3 * (percentile(refused, .99) or 0),
        accepted_max_s=max(accepted, default=0.0), deadline_s=20.0, recovered_s=recovered,
        memory_first_mb=memory[min(5, len(memory) - 1)], memory_last_mb=memory[-1], memory_max_mb=max(memory))
    server.stop()


if __name__ == "__main__":
    overload() if "--overload" in sys.argv else throughput()
