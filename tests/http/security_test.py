"""Keys, limits, slow clients, many connections, what the log does not say."""

import http.client
import json
import os
import resource
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from narabi_http import DOCUMENTS, JSON, MODEL, NARABI, QUERY, HttpTest, Server, in_threads, wait_until

BODY = {"query": QUERY, "texts": DOCUMENTS}
IDLE = int(os.environ.get("NARABI_IDLE", "1000"))  # the whole of it: 10000


class Keys(HttpTest):
    FLAGS = ("--api-key", "first-key", "--api-key", "second-key", "--admin-token", "admin-token",
             "--cors-allow-origin", "https://example.org")

    def test_a_route_that_works_wants_a_key(self):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "},
                        {"authorization": "first-key"}, {"authorization": "Bearer first-ke"},
                        {"authorization": "Bearer first-keyy"}, {"authorization": "Bearer admin-token"}):
            answer = self.post("/rerank", BODY, headers=headers)
            self.refused(answer, 401)
            self.assertEqual(answer.headers["www-authenticate"], "Bearer")
        for key in ("first-key", "second-key"):
            self.assertEqual(self.post("/rerank", BODY, headers={"authorization": f"Bearer {key}"}).status, 200)
        self.assertEqual(self.post("/rerank", BODY, headers={"authorization": "bearer first-key"}).status, 200)
        self.assertEqual(self.post("/rerank", BODY, headers={"x-api-key": "second-key"}).status, 200)

    def test_health_the_page_and_metrics_are_open(self):
        for path in ("/health", "/ready", "/", "/openapi.json", "/metrics"):
            self.assertEqual(self.server.get(path).status, 200)
        for path in ("/info", "/v1/models"):
            self.refused(self.server.get(path), 401, error_object=path.startswith("/v1/models"))

    def test_the_admin_api_wants_its_own_token(self):
        for headers in ({}, {"authorization": "Bearer first-key"}):
            self.refused(self.server.get("/admin/models", headers), 401)
        answer = self.server.get("/admin/models", {"authorization": "Bearer admin-token"})
        self.assertEqual(answer.status, 200)

    def test_cors_is_for_the_origin_that_was_given(self):
        answer = self.server.request("OPTIONS", "/rerank", headers={"origin": "https://example.org"})
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.headers["access-control-allow-origin"], "https://example.org")
        self.assertIn("POST", answer.headers["access-control-allow-methods"])


class Limits(HttpTest):
    FLAGS = ("--header-timeout", 1, "--body-timeout", 1, "--idle-timeout", 2)

    def test_without_an_admin_token_there_is_no_admin_api(self):
        self.refused(self.server.get("/admin/models"), 404)

    def test_cors_is_off(self):
        answer = self.post("/rerank", BODY, headers={"origin": "https://example.org"})
        self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_a_slow_client_is_cut_off_and_others_are_served(self):
        def drip(data):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection:
                start, received = time.monotonic(), b""
                connection.settimeout(0.2)
                for byte in data:
                    try:
                        connection.sendall(bytes([byte]))
                        received += connection.recv(4096)
                        break
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                return time.monotonic() - start, received

        def slow(i):
            if i % 2:
                return drip(b"GET /health HTTP/1.1\r\nx-slow: " + b"a" * 100)
            return drip(b"POST /rerank HTTP/1.1\r\ncontent-length: 100\r\n\r\n" + b"{" * 100)

        def fast(_):
            start = time.monotonic()
            self.assertEqual(self.post("/rerank", BODY).status, 200)
            return time.monotonic() - start

        results = in_threads(12, lambda i: slow(i) if i < 8 else fast(i))
        for seconds, received in results[:8]:
            self.assertLess(seconds, 10)
            self.assertTrue(received == b"" or received.startswith(b"HTTP/1.1 408 "), received)

    def test_an_idle_connection_is_closed_after_its_time(self):
        connection = self.server.connect()
        self.assertEqual(self.server.request("GET", "/health", connection=connection).status, 200)
        self.assertEqual(connection.sock.recv(1), b"")  # closed by the server within the timeout of the socket
        connection.close()

    def test_a_client_that_goes_away_costs_no_work(self):
        before = self.server.metric("narabi_items_total")
        body = b'{"query":"q","texts":[' + b",".join(b'"%d%s"' % (i, b"x" * 1200) for i in range(1000)) + b"]}"
        connection = self.server.connect()
        connection.request("POST", "/rerank", body, JSON)
        time.sleep(0.3)
        connection.close()
        self.assertTrue(wait_until(lambda: self.server.metric("narabi_open_requests") == 0, 30))
        self.assertLess(self.server.metric("narabi_items_total") - before, 1000)

    def test_two_requests_in_one_packet_get_two_answers(self):
        one = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"
        answer = self.server.raw(one + one.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), 2)

    def test_a_client_that_shuts_down_its_sending_side_gets_its_answers(self):
        get = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"
        self.assertTrue(self.server.raw(get, finish=True).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.server.raw(get * 3, finish=True).count(b"HTTP/1.1 200 "), 3)
        texts = [f"{i}{'京都の寺。' * 40}" for i in range(60)]  # takes longer than the server waits before it looks
        body = json.dumps({"query": QUERY, "texts": texts}).encode()
        for version in (b"1.0", b"1.1"):
            post = (b"POST /rerank HTTP/%s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                    % (version, len(body)))
            answer = self.server.raw(post + body, finish=True).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/%s 200 " % version), answer[:100])
            self.assertEqual(len(json.loads(answer.split(b"\r\n\r\n", 1)[1])), len(texts))

    def test_head_has_no_body(self):
        answer = self.server.request("HEAD", "/health")
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_the_log_has_the_request_but_not_its_texts(self):
        self.post("/rerank", {"query": "secret-query", "texts": ["secret-passage"]},
                  headers={"x-request-id": "find-me", "authorization": "Bearer secret-key"})
        self.assertTrue(wait_until(lambda: any(line.get("id") == "find-me" for line in self.server.log_lines())))
        line = next(line for line in self.server.log_lines() if line.get("id") == "find-me")
        self.assertEqual((line["status"], line["path"], line["items"]), (200, "/rerank", 1))
        for key in ("ms", "queue_ms", "inference_ms", "tokens", "model", "bytes_in", "bytes_out", "peer"):
            self.assertIn(key, line)
        self.assertNotIn("secret", self.server.log())


class Refusals(HttpTest):
    FLAGS = ("--payload-limit", 1000, "--header-timeout", 1, "--body-timeout", 1, "--cors-allow-origin", "https://a.example")

    def test_what_is_refused_while_it_is_read_is_dressed_counted_and_logged(self):
        head = b"host: a\r\nx-request-id: %s\r\n"
        large = b"POST %s HTTP/1.1\r\n" + head + b"content-length: 2000\r\n\r\n" + b" " * 2000
        for data, status, path, identity in [
                (large % (b"/v1/score", b"large"), 413, "/v1/score", "large"),
                (large % (b"/nowhere", b"lost"), 413, "/nowhere", "lost"),
                (b"POST /v1/score HTTP/1.1\r\n" + head % b"body" + b"content-length: 9\r\n\r\n{", 408, "/v1/score", "body"),
                (b"GET /health HTTP/1.1\r\n" + head % b"headers" + b"x-a: %s\r\n" % (b"a" * 70000), 431, "/health", "headers"),
                (b"GET /health HTTP/1.1\r\n" + head % b"bad" + b"no header\r\n\r\n", 400, "/health", "bad")]:
            with self.subTest(status=status, path=path):
                failures = self.server.metric("te_request_failure") or 0
                answer = self.server.raw(data)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer[:100])
                headers, body = answer.decode().split("\r\n\r\n", 1)
                self.assertIn(f"x-request-id: {identity}\r\n", headers)
                self.assertIn("access-control-allow-origin: https://a.example", headers)
                error = json.loads(body)["error"]
                self.assertEqual(type(error), dict if path == "/v1/score" else str)
                line = next(line for line in self.server.log_lines() if line.get("id") == identity)
                self.assertEqual((line["status"], line["path"]), (status, path))
                counted = (self.server.metric("te_request_failure") or 0) - failures
                self.assertEqual(counted, path == "/v1/score")

    def test_what_names_no_request_yet_is_logged_too(self):
        for data, status in [(b"\x16\x03\x01\x02\x00\r\n\r\n", 400), (b"GET /health HTTP/1.1\r\nhost: a\r\n", 408)]:
            before = len(self.server.log_lines())
            self.assertTrue(self.server.raw(data).startswith(b"HTTP/1.1 %d " % status))
            self.assertEqual([line["status"] for line in self.server.log_lines()[before:]], [status])


class OneServerEach(unittest.TestCase):
    def test_a_unix_socket_instead_of_a_port(self):
        path = os.path.join(tempfile.mkdtemp(), "narabi.sock")
        server = Server("--uds-path", path)
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(path)
        connection.request("GET", "/health", headers={"connection": "close"})
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(server.stop(), 0)
        self.assertFalse(Path(path).exists())

    def test_a_unix_socket_in_use_is_left_alone_and_one_that_is_stale_is_taken(self):
        path = Path(tempfile.mkdtemp(), "narabi.sock")
        command = [NARABI, "serve", "--model", MODEL, "--uds-path", path]
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))
        server = Server("--uds-path", path)
        second = subprocess.run(command, capture_output=True, timeout=60)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(b"Address already in use", second.stderr)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            self.assertEqual(server.stop(), 0)
            self.assertTrue(path.exists())
        path.unlink()
        path.write_text("no socket")
        self.assertNotEqual(subprocess.run(command, capture_output=True, timeout=60).returncode, 0)
        self.assertEqual(path.read_text(), "no socket")

    def test_flags_without_sense_are_refused(self):
        for flag, value in [("--request-timeout", "1e10"), ("--request-timeout", "nan"), ("--request-timeout", "0"),
                            ("--max-queue-seconds", "nan"), ("--max-queue-seconds", "-1"), ("--drain-timeout", "inf"),
                            ("--cache-entries", "-1"), ("--max-batch-tokens", "-1"), ("--payload-limit", "0"),
                            ("--io-threads", "-1"), ("--io-threads", "5000"),
                            ("--auto-truncate", "false")]:
            with self.subTest(flag=flag, value=value):
                ended = subprocess.run([NARABI, "serve", "--model", "/no/such/folder", "--port", "0", f"{flag}={value}"],
                                       capture_output=True, timeout=60)
                self.assertEqual(ended.returncode, 2, ended.stderr)
                message = ended.stderr.decode()
                self.assertIn(flag, message)
                self.assertIn(f"found {value}", message)
                self.assertLess(len(message), 200)

    def test_a_model_name_is_no_place_for_a_header(self):
        ended = subprocess.run([NARABI, "serve", "--port", "0", "--model", f"a\r\nb={MODEL}"], capture_output=True, timeout=60)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn(b"control characters", ended.stderr)

    def test_metrics_and_the_admin_api_on_a_port_of_their_own(self):
        server = Server("--prometheus-port", 0, "--admin-token", "token", "--api-key", "key")
        admin = {"authorization": "Bearer token"}
        for path in ("/metrics", "/admin/models"):
            self.assertEqual(server.get(path, admin).status, 404)
            self.assertEqual(server.request("OPTIONS", path, headers=admin).status, 404)
        main, server.port = server.port, server.ready["inside_port"]
        self.assertNotEqual(main, server.port)
        for path in ("/metrics", "/health", "/ready"):
            self.assertEqual(server.get(path).status, 200)
        self.assertEqual(server.get("/admin/models", admin).status, 200)
        self.assertEqual(server.get("/admin/models").status, 401)
        for path in ("/info", "/", "/openapi.json"):
            self.assertEqual(server.get(path, {"authorization": "Bearer key"}).status, 404)
        self.assertEqual(server.post("/rerank", BODY, {"authorization": "Bearer key"}).status, 404)
        self.assertEqual(server.stop(), 0)

    def test_many_idle_connections_disturb_nobody(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
        server = Server("--log-format", "off")
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(IDLE)]
        try:
            for connection in (idle[0], idle[-1]):  # all were accepted, and none was closed
                connection.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
                self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
            self.assertEqual(server.post("/rerank", BODY).status, 200)
        finally:
            for connection in idle:
                connection.close()
        self.assertEqual(server.stop(), 0)

    def test_keys_from_a_file_and_from_the_environment(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("# ours\nfile-key\n  blank-key \t\n \ncommented-key # of Hanako\nwith#inside\n")
            file.flush()
            server = Server("--api-key-file", file.name, "--auto-truncate", env={"API_KEY": "env-key"})
        for key in ("file-key", "env-key", "blank-key", "commented-key", "with#inside"):
            self.assertEqual(server.post("/rerank", BODY, {"authorization": f"Bearer {key}"}).status, 200)
        self.assertEqual(server.post("/rerank", BODY).status, 401)
        for key in ("#", "of Hanako", "commented-key # of Hanako"):
            self.assertEqual(server.post("/rerank", BODY, {"authorization": f"Bearer {key}"}).status, 401, key)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
