"""/openapi.json says what the server does: every route is there, and good and bad requests agree with it."""

import subprocess
import sys
import unittest

from bad_input_test import GOOD
from narabi_http import CORPUS, EMBEDDER, JSON, ROOT, HttpTest


class OpenApi(HttpTest):
    FLAGS = ("--model", f"e5={EMBEDDER}", "--corpus", CORPUS)

    def setUp(self):
        self.document = self.server.get("/openapi.json").json

    def test_the_file_is_what_its_tool_writes(self):
        before = (ROOT / "src/http/openapi.json").read_bytes()
        code = "import sys; sys.path.insert(0, sys.argv[1]); import openapi; openapi.main()"
        try:
            subprocess.run([sys.executable, "-B", "-c", code, str(ROOT / "tools")], check=True)
            self.assertEqual((ROOT / "src/http/openapi.json").read_bytes(), before)
        finally:
            (ROOT / "src/http/openapi.json").write_bytes(before)

    def test_every_route_that_is_tested_is_described_and_the_other_way_round(self):
        described = {path for path, methods in self.document["paths"].items() if "post" in methods}
        self.assertEqual(described, set(GOOD) | {"/search", "/embeddings"})

    def test_required_fields_are_required(self):
        for path, methods in self.document["paths"].items():
            if "post" not in methods:
                continue
            schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
            alternatives = schema.get("anyOf", [schema])
            for field in {f for a in alternatives for f in a["required"]}:
                body = {k: v for k, v in GOOD.get(path, {}).items() if k != field}
                if any(set(a["required"]) <= set(body) for a in alternatives):
                    continue
                answer = self.server.request("POST", path, body, JSON)
                self.assertIn(answer.status, (400, 422), (path, field))

    def test_answers_have_the_fields_that_are_promised(self):
        for path, body in GOOD.items():
            schema = self.document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
            answer = self.ok(path, body)
            alternatives = schema.get("anyOf", [schema])
            self.assertTrue(any(fits(answer, a) for a in alternatives), (path, answer))


def fits(value, schema):
    """As much of JSON Schema as the description uses."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": int}
    if "const" in schema:
        return value == schema["const"]
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(fits(v, schema["items"]) for v in value)
    if isinstance(value, dict):
        return all(k in value for k in schema.get("required", [])) and all(
            fits(value[k], s) for k, s in schema.get("properties", {}).items() if k in value)
    return True


if __name__ == "__main__":
    unittest.main()
