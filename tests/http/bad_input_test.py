"""What is wrong with a request is a 4xx in the shape that its client reads, naming the field; never a 5xx."""

import gzip
import json
import random
import unittest

from narabi_http import DOCUMENTS, EMBEDDER, JSON, NAME, QUERY, HttpTest

GOOD = {
    "/rerank": {"query": QUERY, "documents": DOCUMENTS},
    "/v1/rerank": {"query": QUERY, "documents": DOCUMENTS},
    "/v2/rerank": {"query": QUERY, "documents": DOCUMENTS, "top_n": 2},
    "/voyage/v1/rerank": {"query": QUERY, "documents": DOCUMENTS, "top_k": 2},
    "/weaviate/rerank": {"query": QUERY, "documents": DOCUMENTS},
    "/score": {"text_1": QUERY, "text_2": DOCUMENTS},
    "/v1/score": {"text_1": QUERY, "text_2": DOCUMENTS},
    "/predict": {"inputs": [[QUERY, DOCUMENTS[0]]]},
    "/embed": {"inputs": DOCUMENTS},
    "/v1/embeddings": {"input": DOCUMENTS},
    "/tokenize": {"inputs": DOCUMENTS},
}
OPENAI = {"/score", "/v1/score", "/v1/embeddings"}
RERANKS = [path for path in GOOD if path.endswith("rerank")]

# (body, status, field)
FIELDS = [
    ({"documents": ["a"]}, 422, "query"),
    ({"query": None, "documents": ["a"]}, 422, "query"),
    ({"query": 3, "documents": ["a"]}, 422, "query"),
    ({"query": ["q"], "documents": ["a"]}, 422, "query"),
    ({"query": {"text": "q"}, "documents": ["a"]}, 422, "query"),
    ({"query": "", "documents": ["a"]}, 400, "query"),
    ({"query": " \n", "documents": ["a"]}, 400, "query"),
    ({"query": "q"}, 422, "documents"),
    ({"query": "q", "documents": None}, 422, "documents"),
    ({"query": "q", "documents": "a"}, 422, "documents"),
    ({"query": "q", "documents": {"a": 1}}, 422, "documents"),
    ({"query": "q", "documents": []}, 400, "documents"),
    ({"query": "q", "documents": ["a", 1]}, 422, "documents[1]"),
    ({"query": "q", "documents": ["a", None]}, 422, "documents[1]"),
    ({"query": "q", "documents": [["a"]]}, 422, "documents[0]"),
    ({"query": "q", "documents": [{"body": "a"}]}, 422, "documents[0].text"),
    ({"query": "q", "documents": [{"text": 3}]}, 422, "documents[0].text"),
    ({"query": "q", "documents": ["a"] * 1025}, 413, "documents"),
    ({"query": "q", "documents": ["a"], "model": "no-such-model"}, 404, "model"),
    ({"query": "q", "documents": ["a"], "model": "e5"}, 404, "model"),
    ({"query": "q", "documents": ["a"], "model": 7}, 422, "model"),
    ({"query": "q", "documents": ["a"], "model": f"{NAME}>none"}, 404, "model"),
    ({"query": "q", "documents": ["a"], "model": ">"}, 404, "model"),
    ({"query": "q", "documents": ["a"], "return_documents": "yes"}, 422, "return_documents"),
    ({"query": "q", "documents": ["a"], "max_passage": 1}, 422, "max_passage"),
    ({"query": "q", "documents": ["a"], "keep": 0}, 422, "keep"),
    ({"query": "q", "documents": ["a"], "timeout": 0}, 422, "timeout"),
    ({"query": "q", "documents": ["a"], "timeout": -1}, 422, "timeout"),
    ({"query": "q", "documents": ["a"], "timeout": "1"}, 422, "timeout"),
    ({"query": "q", "documents": ["a"], "calibrated": True}, 422, "calibrated"),
    ({"query": "q", "documents": ["a"], "min_score": "high"}, 422, "min_score"),
    ({"query": "q", "documents": ["a"], "rank_fields": "title"}, 422, "rank_fields"),
]
COUNTS = [-1, 1.5, "3", True, [1], 1e300, 2**70]

OTHER_FIELDS = [
    ("/rerank", {"query": "q", "texts": []}, 400, "texts"),
    ("/rerank", {"query": "q", "texts": "a"}, 422, "texts"),
    ("/rerank", {"query": "q", "texts": [{"text": "a"}]}, 422, "texts[0]"),
    ("/rerank", {"query": "q", "texts": ["a"], "truncation_direction": "left"}, 422, "truncation_direction"),
    ("/rerank", {"query": "q", "texts": ["a"], "raw_scores": 1}, 422, "raw_scores"),
    ("/rerank", {"query": "q", "texts": ["a"], "return_text": "true"}, 422, "return_text"),
    ("/weaviate/rerank", {"query": "q", "documents": ["a"], "min_score": 0.5}, 422, "min_score"),
    ("/score", {"text_1": "q"}, 422, "text_2"),
    ("/score", {"text_2": "q"}, 422, "text_1"),
    ("/score", {"text_1": ["a", "b"], "text_2": ["a", "b", "c"]}, 422, "text_1"),
    ("/score", {"text_1": [], "text_2": ["a"]}, 400, "text_1"),
    ("/score", {"text_1": "a", "text_2": [1]}, 422, "text_2[0]"),
    ("/score", {"text_1": "a", "text_2": {"a": "b"}}, 422, "text_2"),
    ("/score", {"queries": ["a", "b"], "documents": ["a", "b", "c"]}, 422, "queries"),
    ("/score", {"documents": ["a"]}, 422, "queries"),
    ("/predict", {}, 422, "inputs"),
    ("/predict", {"inputs": "one text"}, 422, "inputs"),
    ("/predict", {"inputs": []}, 400, "inputs"),
    ("/predict", {"inputs": [["a"]]}, 422, "inputs[0]"),
    ("/predict", {"inputs": [["a", "b"], ["a", "b", "c"]]}, 422, "inputs[1]"),
    ("/predict", {"inputs": [["a", "b"], "c"]}, 422, "inputs[1]"),
    ("/embed", {"inputs": []}, 400, "inputs"),
    ("/embed", {"inputs": 3}, 422, "inputs"),
    ("/embed", {"inputs": "a", "prompt_name": "no-such"}, 422, "prompt_name"),
    ("/embed", {"inputs": "a", "dimensions": 100000}, 422, "dimensions"),
    ("/embed", {"inputs": "a", "normalize": "yes"}, 422, "normalize"),
    ("/v1/embeddings", {"input": [[1, 2, 3]]}, 422, "input[0]"),
    ("/v1/embeddings", {"input": "a", "encoding_format": "int8"}, 422, "encoding_format"),
    ("/v1/embeddings", {"input": "a", "model": "no-such-model"}, 404, "model"),
    ("/tokenize", {}, 422, "inputs"),
    ("/tokenize", {"inputs": {}}, 422, "inputs"),
    ("/tokenize", {"query": "a"}, 422, "passage"),
    ("/tokenize", {"inputs": "a", "model": "no-such-model"}, 404, "model"),
]

NO_JSON = [b"", b" ", b"{", b"[1,", b"nul", b"{'a':1}", b'{"a":1}x', b'{"a":NaN}', b'{"a":01}', b'{"a":"\t"}',
           b'\xef\xbb\xbf\xef\xbb\xbf{}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', b'{"query":"\xe3\x81"}', b'{"a":"\xc0\x80"}',
           b'{"a":"\xed\xa0\x80"}', b'{"a":1e999}', b'{"a":-1e999}', b'{"a":' + b"9" * 400 + b"}", b"\x00",
           b"[" * 17 + b"]" * 17, b'{"a":' * 50 + b"1" + b"}" * 50]
LONG_NO_JSON = [b"[" * 100000, b"[" + b"0," * 300000 + b"0]", b"{" + b",".join(b'"k%d":0' % i for i in range(2000)) + b"}"]


class BadInput(HttpTest):
    FLAGS = ("--model", f"e5={EMBEDDER}", "--payload-limit", 2_000_000)

    def test_what_is_no_json_is_400(self):
        for path in GOOD:
            for body in NO_JSON + (LONG_NO_JSON if path in ("/rerank", "/v1/embeddings") else []):  # one parser for all
                with self.subTest(path=path, body=body[:40]):
                    self.refused(self.server.request("POST", path, body, JSON), 400,
                                 error_object=path in OPENAI)

    def test_a_body_that_is_no_object_is_422(self):
        for path in GOOD:
            for body in ("[]", "3", '"text"', "null", "true"):
                with self.subTest(path=path, body=body):
                    self.refused(self.server.request("POST", path, body, JSON), 422, error_object=path in OPENAI)

    def test_a_key_that_stands_twice_is_named(self):
        body = '{"query":"a","query":"b","documents":["c"]}'
        self.refused(self.server.request("POST", "/rerank", body, JSON), 400, "query")
        body = '{"query":"a","documents":[{"text":"b","text":"c"}]}'
        self.refused(self.server.request("POST", "/rerank", body, JSON), 400, "documents[0].text")
        body = '{"query":"a","documents":["c"],"query":"b"}'
        self.refused(self.server.request("POST", "/rerank", body, JSON), 400, "query")

    def test_every_wrong_field_of_every_rerank_route_is_named(self):
        for path in RERANKS:
            for body, status, field in FIELDS:
                with self.subTest(path=path, body=str(body)[:80]):
                    self.refused(self.post(path, body), status, field)

    def test_half_a_cascade_is_told_which_models_there_are(self):
        for model in (">", f"{NAME}>", f">{NAME}"):
            body = self.refused(self.post("/rerank", {"query": "q", "texts": ["a"], "model": model}), 404, "model")
            self.assertIn(f'unknown reranker "{model}"; known: {NAME}', body["message"])

    def test_counts_are_whole_numbers(self):
        for path in RERANKS:
            key = "top_k" if path.startswith("/voyage") else "top_n"
            for value in COUNTS:
                with self.subTest(path=path, value=value):
                    self.refused(self.post(path, {"query": "q", "documents": ["a"], key: value}), 422, key)

    def test_wrong_fields_of_the_other_routes_are_named(self):
        for path, body, status, field in OTHER_FIELDS:
            with self.subTest(path=path, body=str(body)[:80]):
                self.refused(self.post(path, body), status, field, error_object=path in OPENAI)

    def test_unknown_fields_are_tolerated(self):
        for path, body in GOOD.items():
            self.ok(path, {**body, "user": "x", "new_option": {"deep": [1, 2]}})

    def test_wrong_methods_are_405_and_say_what_is_right(self):
        for path in GOOD:
            for method in ("GET", "PUT", "DELETE", "PATCH"):
                answer = self.server.request(method, path, b"{}" if method != "GET" else None, JSON)
                self.refused(answer, 405)
                self.assertEqual(answer.headers["allow"], "POST")
        self.refused(self.server.request("POST", "/health", b"{}", JSON), 405)

    def test_unknown_paths_are_404(self):
        for path in ("/nope", "/rerank/", "/v3/rerank", "//", "/admin/models", "/..%2f..%2fetc/passwd", "/rerank%00"):
            self.refused(self.server.request("POST", path, b"{}", JSON), 404)

    def test_other_content_types_are_415(self):
        body = json.dumps(GOOD["/rerank"]).encode()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            headers = {"content-type": kind} if kind else {}
            self.refused(self.server.request("POST", "/rerank", body, headers), 415)
        for kind in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"):
            answer = self.server.request("POST", "/rerank", body, {"content-type": kind})
            self.assertEqual(answer.status, 200)

    def test_compressed_bodies_are_refused_before_they_are_unpacked(self):
        bomb = gzip.compress(b" " * 100_000_000, 9)
        answer = self.server.request("POST", "/rerank", bomb, {**JSON, "content-encoding": "gzip"})
        self.refused(answer, 415)

    def test_too_large_bodies_are_413(self):
        answer = self.server.raw(b"POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                                 b"content-length: 3000000\r\n\r\n" + b" " * 3_000_000)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer[:100])
        self.assertIn(b'"error_type"', answer)
        chunks = b"".join(b"10000\r\n" + b" " * 65536 + b"\r\n" for _ in range(40)) + b"0\r\n\r\n"
        answer = self.server.raw(b"POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                                 b"transfer-encoding: chunked\r\n\r\n" + chunks)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer[:100])

    def test_a_body_in_chunks_is_read(self):
        body = json.dumps(GOOD["/rerank"]).encode()
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        answer = self.server.raw(b"POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                                 b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n" + chunked)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:100])

    def test_what_is_no_http_gets_an_answer_or_the_door(self):
        for data in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\x00" * 64,
                     b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"POST /rerank HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
                     b"POST /rerank HTTP/1.1\r\ncontent-length: 1e3\r\n\r\n",
                     b"POST /rerank HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
                     b"POST /rerank HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"POST /rerank HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"):
            with self.subTest(data[:40]):
                answer = self.server.raw(data, finish=True)
                self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:100])

    def test_headers_without_end_are_431(self):
        answer = self.server.raw(b"GET /health HTTP/1.1\r\n" + b"x-a: %s\r\n" % (b"a" * 70000))
        self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer[:100])

    def test_half_a_request_is_dropped(self):
        self.assertEqual(self.server.raw(b"POST /rerank HTTP/1.1\r\ncontent-length: 100\r\n\r\n{", finish=True), b"")
        self.assertEqual(self.server.get("/health").status, 200)

    def test_bad_deadlines_are_named(self):
        for value in ("", "soon", "-1", "0", "1h", "nan", "inf", "1e999"):
            answer = self.post("/rerank", GOOD["/rerank"], headers={"x-request-timeout": value})
            if value == "":
                self.assertEqual(answer.status, 200)
            else:
                self.refused(answer, 400, "x-request-timeout")
        for value in ("20", "20s", "20000ms", "1e3"):
            self.assertEqual(self.post("/rerank", GOOD["/rerank"], headers={"x-request-timeout": value}).status, 200)

    def test_texts_of_every_kind_are_scored(self):
        nasty = ["", " ", "\u0000", "\U0001f600" * 50, "ﾊﾝｶｸ", "が" * 3, "‮", "<s></s><pad>", "a" * 100000, "\n" * 1000]
        answer = self.ok("/rerank", {"query": "が", "texts": nasty})
        self.assertEqual(len(answer), len(nasty))

    def test_bodies_changed_at_random_never_hurt_the_server(self):
        random.seed(7)
        connection = self.server.connect()
        for _ in range(600):
            path = random.choice(list(GOOD))
            body = bytearray(json.dumps(GOOD[path], ensure_ascii=False).encode())
            for _ in range(random.randint(1, 4)):
                at = random.randrange(len(body))
                change = random.randrange(3)
                if change == 0:
                    body[at] = random.randrange(256)
                elif change == 1:
                    del body[at:at + random.randint(1, 8)]
                else:
                    body[at:at] = random.choice([b'"', b"{", b"[", b"]", b",", b":", b"null", b"1e9", b"\\u0000", b"\xe3"])
                if not body:
                    body = bytearray(b"{}")
            answer = self.server.request("POST", path, bytes(body), JSON, connection)
            self.assertIn(answer.status, (200, 400, 404, 413, 422), bytes(body))
            answer.json  # always JSON
        connection.close()


if __name__ == "__main__":
    unittest.main()
