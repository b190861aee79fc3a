"""examples/ for search engines: what each would send, and what its parser demands of the answer."""

import json
import unittest
from urllib.parse import urlparse

from narabi_http import DOCUMENTS, QUERY, ROOT, HttpTest

EXAMPLES = ROOT / "examples"


class Examples(HttpTest):
    def test_opensearch_gets_a_double_for_every_document(self):
        action = json.loads((EXAMPLES / "opensearch/connector.json").read_text())["actions"][0]
        # connector.pre_process.cohere.rerank: the texts as JSON, top_n their number.
        body = action["request_body"]
        for name, value in [("documents", json.dumps(DOCUMENTS, ensure_ascii=False)), ("query", QUERY),
                            ("top_n", str(len(DOCUMENTS)))]:
            body = body.replace("${parameters.%s}" % name, value)
        path = action["url"].removeprefix("${parameters.endpoint}")
        answer = self.server.request(action["method"], path, body, {"content-type": action["headers"]["Content-Type"]})
        self.assertEqual(answer.status, 200, answer.body)
        # connector.post_process.cohere.rerank: relevance_score by index; Gson reads a number without a point as
        # another type, and the processor wants one score a document.
        results = json.loads(answer.body, parse_int=lambda text: ("integer", text))["results"]
        self.assertEqual(sorted(int(r["index"][1]) for r in results), list(range(len(DOCUMENTS))))
        for result in results:
            self.assertIsInstance(result["relevance_score"], float)

    def test_elasticsearch_finds_no_field_that_its_parser_throws_at(self):
        endpoint = json.loads((EXAMPLES / "elasticsearch/endpoint.json").read_text())
        path = urlparse(endpoint["service_settings"]["url"]).path
        settings = endpoint["task_settings"]
        answer = self.ok(path, {"query": QUERY, "texts": DOCUMENTS, "return_text": settings["return_documents"],
                                "top_n": settings["top_n"]})
        self.assertEqual(len(answer), len(DOCUMENTS))
        for result in answer:
            self.assertLessEqual(set(result), {"index", "score", "relevance_score", "text", "document"})
            self.assertEqual(result["text"], DOCUMENTS[result["index"]])

    def test_weaviate_gets_a_score_for_each_document_as_given(self):
        lines = dict(line.split("=", 1) for line in (EXAMPLES / "weaviate/environment").read_text().split())
        base = urlparse(lines["RERANKER_INFERENCE_API"]).path
        self.assertEqual(self.server.get(base + "/.well-known/ready").status, 204)  # it waits for this at its start
        self.assertEqual(self.server.get(base + "/meta").status, 200)
        answer = self.ok(base + "/rerank", {"query": QUERY, "documents": DOCUMENTS})
        self.assertEqual([s["document"] for s in answer["scores"]], DOCUMENTS)
        self.assertEqual(max(range(3), key=lambda i: answer["scores"][i]["score"]), 1)


if __name__ == "__main__":
    unittest.main()
