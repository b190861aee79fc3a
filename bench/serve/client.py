"""Load on an HTTP reranker: callers in a closed or an open loop, and what they saw. Debian's python3 alone.

The client shares the machine with the server, so its own cost is in the figures; a request of 20 passages costs it
well under a millisecond.
"""

import http.client
import json
import random
import threading
import time

JSON = {"content-type": "application/json"}
WORDS = "京都 東京 大学 歴史 寺院 建築 文化 鉄道 経済 政治 自然 公園 美術 音楽 料理 地震 台風 銀行 病院 学校".split()


def texts(count, words, seed):
    chance = random.Random(seed)
    return ["".join(chance.choice(WORDS) for _ in range(words)) for _ in range(count)]


def body(passages, words, seed, field="texts"):
    value = {"query": f"京都の寺{seed}", field: texts(passages, words, seed)}
    return json.dumps(value, ensure_ascii=False).encode()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


class Caller:
    """One connection that asks when told. `done`: start, seconds and status of each request."""

    def __init__(self, port, path="/rerank"):
        self.port, self.path, self.connection, self.done = port, path, None, []

    def ask(self, load, headers=None):
        start = time.monotonic()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            self.connection.request("POST", self.path, load, {**JSON, **(headers or {})})
            answer = self.connection.getresponse()
            self.answer = answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status, self.connection = 0, None
        self.done.append((start, time.monotonic() - start, status))
        return status


def run(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def closed_loop(port, load, connections, seconds, path="/rerank"):
    """`connections` that ask again as soon as they are answered: requests answered with 200 a second, and all of them."""
    callers, begin = [Caller(port, path) for _ in range(connections)], time.monotonic()

    def work(caller, at):
        while time.monotonic() < begin + seconds:
            caller.ask(load[at % len(load)])
            at += connections

    run([threading.Thread(target=work, args=(c, i)) for i, c in enumerate(callers)])
    done = [d for c in callers for d in c.done]
    elapsed = max(start + took for start, took, _ in done) - begin
    return sum(status == 200 for _, _, status in done) / elapsed, done


def open_loop(port, load, rate, seconds, connections=64, path="/rerank", headers=None):
    """Requests leave `rate` a second at random times (Poisson), whether or not earlier ones are back.

    Gives, of each request, the seconds since it was due (with the wait for a free connection), the seconds since it
    was sent, and its status; and when, by time.monotonic(), the last one left.
    """
    chance, lock, start = random.Random(1), threading.Lock(), time.monotonic()
    due, at = [], 0.0
    while (at := at + chance.expovariate(rate)) < seconds:
        due.append(at)
    waits, left = [], [start]

    def work(caller):
        while True:
            with lock:
                if not due:
                    return
                at, number = due.pop(0), len(due)
            time.sleep(max(0.0, start + at - time.monotonic()))
            asked = time.monotonic()
            left[0] = max(left[0], asked)
            status = caller.ask(load[number % len(load)], headers)
            now = time.monotonic()
            waits.append((now - start - at, now - asked, status))

    run([threading.Thread(target=work, args=(Caller(port, path),)) for _ in range(connections)])
    return waits, left[0]


def say(**values):
    line = json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}, ensure_ascii=False)
    print(line, flush=True)
    return line
