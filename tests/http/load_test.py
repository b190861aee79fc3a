"""Overload, deadlines, fairness, drain: short runs in CI; bench/serve does the long ones."""

import json
import os
import signal
import threading
import time
import unittest

from narabi_http import DOCUMENTS, QUERY, TRAINED, Server, in_threads, wait_until

PASSAGE = "京都市は京都府の南部にある市で、府庁の所在地である。かつての都であり、寺や神社が多い。" * 2


def serve(*flags):
    return Server(*flags, model=TRAINED)


def passages(count):
    return [f"{i}番目。{PASSAGE}" for i in range(count)]


class Load(unittest.TestCase):
    def start(self, *flags):
        server = serve(*flags)
        self.addCleanup(server.stop)
        return server

    def test_past_its_capacity_it_says_429_and_when_to_come_back(self):
        server = self.start("--max-queue-tokens", 4000)

        def call(i):
            start = time.monotonic()
            answer = server.post("/rerank", {"query": QUERY, "texts": passages(20)})
            return answer, time.monotonic() - start

        results = in_threads(24, call)
        statuses = [answer.status for answer, _ in results]
        self.assertEqual(set(statuses), {200, 429})
        for answer, _ in results:
            if answer.status == 429:
                self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
                self.assertEqual(answer.json["error_type"], "overloaded")
        self.assertEqual(server.post("/rerank", {"query": QUERY, "texts": DOCUMENTS}).status, 200)
        self.assertEqual(server.metric("te_request_failure"), statuses.count(429))

    def test_work_that_would_wait_longer_than_it_may_gets_429(self):
        server = self.start("--max-queue-seconds", 0.001)
        statuses = [a.status for a in in_threads(12, lambda i: server.post(
            "/rerank", {"query": QUERY, "texts": passages(60)}))]
        self.assertEqual(set(statuses), {200, 429})
        self.assertEqual(server.post("/rerank", {"query": QUERY, "texts": passages(60)}).status, 200)  # nothing waits

    def test_more_requests_than_may_be_open_get_429(self):
        server = self.start("--max-concurrent-requests", 2)
        statuses = [a.status for a in in_threads(12, lambda i: server.post(
            "/rerank", {"query": QUERY, "texts": passages(60)}))]
        self.assertIn(429, statuses)
        self.assertIn(200, statuses)

    def test_a_deadline_is_kept(self):
        server = self.start()
        start = time.monotonic()
        answer = server.post("/rerank", {"query": QUERY, "texts": passages(1000)}, {"x-request-timeout": "300ms"})
        self.assertIn(answer.status, (408, 429))
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(answer.json["error_type"], "timeout" if answer.status == 408 else "overloaded")
        short = server.post("/rerank", {"query": QUERY, "texts": passages(1000), "timeout": 0.3})
        self.assertIn(short.status, (408, 429))
        self.assertEqual(server.post("/rerank", {"query": QUERY, "texts": DOCUMENTS}).status, 200)

    def test_a_batch_that_comes_back_too_late_is_a_408_for_the_client_and_in_the_log(self):
        server = serve("--threads", 1, "--batch-seconds", 1000, "--max-batch-tokens", 10**7)  # one batch of many seconds
        headers = {"x-request-timeout": "10ms", "x-request-id": "late"}
        answer = server.post("/v1/score", {"text_1": QUERY, "text_2": passages(1000)}, headers)
        self.assertEqual((answer.status, answer.headers["x-request-id"]), (408, "late"))
        self.assertEqual(answer.json["error"]["type"], "timeout")
        self.assertEqual(server.metric("te_request_failure"), 1)
        server.stop(signal.SIGKILL)
        lines = [json.loads(line) for line in server.last_log.splitlines() if line.startswith("{")]
        self.assertEqual([line["status"] for line in lines if line["id"] == "late"], [408])

    def test_a_query_of_megabytes_for_many_passages_stalls_nobody(self):
        server = self.start()
        query = "京都の寺" * (20_000 if os.environ.get("NARABI_SANITIZED") else 600_000)
        body = json.dumps({"query": query, "texts": [str(i) for i in range(1024)]}, ensure_ascii=False).encode()

        def call(i):
            start = time.monotonic()
            if i < 2:  # as many as there are I/O threads; late when they have been read, so that nothing is scored
                server.post("/rerank", body, {"x-request-timeout": "1ms"})
            else:
                time.sleep(0.2)
                self.assertEqual(server.get("/health").status, 200)
            return time.monotonic() - start

        self.assertLess(in_threads(3, call)[2], 3)

    def test_a_large_request_does_not_stall_a_small_one(self):
        server = self.start("--request-timeout", 300, "--max-client-batch-size", 2000)
        large = threading.Thread(target=lambda: self.assertEqual(  # some twenty batches: a small one waits for two
            server.post("/rerank", {"query": QUERY, "texts": passages(2000)}).status, 200))
        begin = time.monotonic()
        large.start()
        self.assertTrue(wait_until(lambda: server.metric("narabi_batches_total") >= 1, 30, 0.01))
        small = []  # seconds of each that was answered before the large one was
        while large.is_alive() and len(small) < 3:
            start = time.monotonic()
            self.assertEqual(server.post("/rerank", {"query": QUERY, "texts": passages(5)}).status, 200)
            if large.is_alive():
                small.append(time.monotonic() - start)
        large.join()
        whole = time.monotonic() - begin
        self.assertGreaterEqual(len(small), 1, "each small request waited for the large one")
        self.assertLess(min(small), whole / 2)

    def test_sigterm_answers_what_it_has_taken(self):
        server = serve()
        stopping = threading.Event()
        answered, refused, lost = [], [], []

        def client(i):
            connection = server.connect()
            while True:
                try:
                    answer = server.post("/rerank", {"query": QUERY, "texts": passages(10)}, connection=connection)
                except OSError as error:
                    if stopping.is_set() and isinstance(error, (ConnectionRefusedError, ConnectionResetError)):
                        refused.append(error)
                    else:
                        lost.append(repr(error))
                    return
                (answered if answer.status == 200 else lost).append(answer.status)
                if answer.headers.get("connection") == "close":
                    return connection.close()

        threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        self.assertTrue(wait_until(lambda: len(answered) >= 8, 60))
        stopping.set()
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        self.assertEqual(server.stop(), 0)
        self.assertEqual(lost, [])
        self.assertEqual(refused, [])

    def test_clients_that_go_away_before_sigterm_leave_an_orderly_end(self):
        for flags in ((), ("--drain-timeout", 0.05)):
            server = serve("--request-timeout", 600, *flags)  # a slow machine would refuse the fourth: it could not be in time
            connections = [server.connect() for _ in range(4)]
            body = json.dumps({"query": QUERY, "texts": passages(200)}).encode()
            for connection in connections:
                connection.request("POST", "/rerank", body, {"content-type": "application/json"})
            self.assertTrue(wait_until(lambda: server.metric("narabi_open_requests") == 4, 30, 0.01))
            for connection in connections[:2]:
                connection.close()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            for connection in connections[2:]:
                connection.close()
            self.assertEqual(server.stop(), 0, server.last_log)

    def test_while_it_drains_it_is_not_ready(self):
        server = serve()
        kept = [server.connect() for _ in range(2)]
        for connection in kept:
            self.assertEqual(server.request("GET", "/ready", connection=connection).status, 200)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        answer = server.request("GET", "/ready", connection=kept[0])
        self.assertEqual(answer.status, 503)
        self.assertIn("retry-after", answer.headers)
        self.assertEqual(answer.headers["connection"], "close")
        for connection in kept:
            connection.close()
        self.assertEqual(server.stop(), 0)

    def test_for_a_second_it_takes_requests_of_those_who_were_not_connected(self):
        server = serve()
        server.process.send_signal(signal.SIGTERM)
        while server.get("/ready").status == 200:
            time.sleep(0.02)
        answer = server.post("/rerank", {"query": QUERY, "texts": DOCUMENTS})
        self.assertEqual((answer.status, answer.headers["connection"]), (200, "close"))
        self.assertEqual(server.stop(), 0)

    def test_equal_requests_come_from_the_cache(self):
        server = self.start("--cache-entries", 100)
        body = {"query": QUERY, "texts": DOCUMENTS + DOCUMENTS[:1], "raw_scores": True}
        first = server.post("/rerank", body).json
        items = server.metric("narabi_items_total")
        self.assertEqual(items, 3)  # the equal passage was scored once
        self.assertEqual(server.post("/rerank", body).json, first)
        self.assertEqual(server.metric("narabi_items_total"), items)
        self.assertEqual(server.metric("narabi_cache_hits_total"), 3)
        server.post("/rerank", {"query": QUERY, "texts": passages(300)})
        self.assertLessEqual(server.metric("narabi_cache_entries"), 100)

    def test_metrics_are_in_prometheus_format(self):
        server = self.start()
        server.post("/rerank", {"query": QUERY, "texts": DOCUMENTS})
        server.post("/rerank", b"{")
        check_prometheus(self, server.get("/metrics").body.decode())


def check_prometheus(test, text):
    """As promtool checks it: types before samples, one block a metric, histograms that add up."""
    typed, seen, buckets = {}, [], {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            test.assertNotIn(name, typed)
            typed[name] = kind
        elif not line.startswith("#"):
            test.assertRegex(line, r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+.0-9eInf]+$')
            name = line.split("{")[0].split(" ")[0]
            base = next((name[:-len(s)] for s in ("_bucket", "_sum", "_count")
                         if name.endswith(s) and typed.get(name[:-len(s)]) == "histogram"), name)
            test.assertIn(base, typed)
            if not seen or seen[-1] != base:
                test.assertNotIn(base, seen)
                seen.append(base)
            if name.endswith("_bucket"):
                buckets.setdefault(base, []).append(float(line.split()[-1]))
    for name, counts in buckets.items():
        test.assertEqual(counts, sorted(counts), name)
    for name in ("te_request_count", "te_request_success", "te_request_failure", "te_request_duration",
                 "te_request_queue_duration", "te_request_inference_duration", "te_queue_size", "te_batch_next_size",
                 "te_batch_next_tokens", "narabi_queue_tokens", "narabi_tokens_total", "narabi_cache_hits_total"):
        test.assertIn(name, typed)


if __name__ == "__main__":
    unittest.main()
