#!/usr/bin/env python3
"""Writes src/http/openapi.json: the routes of `narabi serve`, their bodies and answers.

A script rather than a file kept by hand, because most routes share fields and every one shares its refusals.
tests/http/openapi_test.py holds the description against the running server.
"""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

STRING = {"type": "string"}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0, "maximum": 1000000000}
NUMBER = {"type": "number"}


def optional(schema):
    """null counts as absent."""
    kind = schema.get("type")
    return {**schema, "type": [kind, "null"]} if isinstance(kind, str) else {"anyOf": [schema, {"type": "null"}]}


def obj(required, **fields):
    """A body: unknown fields are tolerated."""
    return {"type": "object", "required": required,
            "properties": {k: (v if k in required else optional(v)) for k, v in fields.items()}}


def shape(**fields):
    """An answer: all fields are there."""
    return {"type": "object", "required": list(fields), "properties": fields}


def array(items, **more):
    return {"type": "array", "items": items, **more}


COMMON = {
    "model": {**STRING, "description": "A slot, \"small>large\" (a cascade), or empty: the first"},
    "query": {**STRING, "minLength": 1, "pattern": "[^ \\t\\r\\n]"},
    "raw_scores": {**FLAG, "description": "Logits instead of probabilities"},
    "calibrated": {**FLAG, "description": "The calibrated probability of the model folder"},
    "truncate": {**FLAG, "description": "false: an input that does not fit is an error"},
    "max_passage": {**FLAG, "description": "Long passages as windows; the best one counts"},
    "return_details": {**FLAG, "description": "Logit, tokens, truncated, stage and windows of every result"},
    "keep": {"type": "integer", "minimum": 1, "maximum": 1000000000, "description": "Cascade: passages for the second model"},
    "timeout": {"type": "number", "exclusiveMinimum": 0, "description": "Seconds"},
}
LEAST = {"type": "number", "description": "Results whose score is below are left out"}
DOCUMENT = {"anyOf": [STRING, {"type": "object", "required": ["text"], "properties": {"text": STRING}}]}
DOCUMENTS = array(DOCUMENT, minItems=1)
TEXTS = array(STRING, minItems=1)
ONE_OR_MANY = {"anyOf": [STRING, TEXTS]}
DETAILS = {"logit": NUMBER, "tokens": COUNT, "truncated": FLAG, "query_truncated": FLAG, "stage": COUNT, "windows": COUNT}

USAGE = shape(total_tokens=COUNT, prompt_tokens=COUNT)
RESULT = {"type": "object", "required": ["index", "relevance_score"],
          "properties": {"index": COUNT, "relevance_score": NUMBER, "document": {"type": "object"}, **DETAILS}}
DOCUMENTS_ANSWER = shape(id=STRING, model=STRING, model_version=STRING, results=array(RESULT), usage=USAGE,
                         meta=shape(api_version=shape(version=STRING), billed_units=shape(search_units=COUNT)))
TEI_ANSWER = array({"type": "object", "required": ["index", "score"],
                    "properties": {"index": COUNT, "score": NUMBER, "text": STRING, **DETAILS}})

with_documents = obj(["query", "documents"], **COMMON, documents=DOCUMENTS, top_n=COUNT, return_documents=FLAG, min_score=LEAST,
                     rank_fields=array(STRING))
with_texts = obj(["query", "texts"], **COMMON, texts=TEXTS, top_n=COUNT, return_text=FLAG, min_score=LEAST,
                 truncation_direction={"type": "string", "enum": ["right", "Right"]})
PREDICTION = array(shape(score=NUMBER, label=STRING))
PAIR = array(STRING, minItems=2, maxItems=2)

SCORES = {**{k: COMMON[k] for k in ("model", "raw_scores", "truncate", "timeout")}}
VECTORS = {"model": STRING, "dimensions": COUNT, "prompt_name": STRING, **{k: COMMON[k] for k in ("truncate", "timeout")}}

POST = {
    "/rerank": ("TEI's rerank with `texts`; Jina's, vLLM's and llama.cpp's with `documents`",
                {"anyOf": [with_texts, with_documents]}, {"anyOf": [TEI_ANSWER, DOCUMENTS_ANSWER]}),
    "/v1/rerank": ("Cohere v1, Jina, vLLM", {"anyOf": [with_texts, with_documents]},
                   {"anyOf": [TEI_ANSWER, DOCUMENTS_ANSWER]}),
    "/v2/rerank": ("Cohere v2", with_documents, DOCUMENTS_ANSWER),
    "/voyage/v1/rerank": ("Voyage: top_k", obj(["query", "documents"], **COMMON, documents=DOCUMENTS, top_k=COUNT,
                                              truncation=COMMON["truncate"], return_documents=FLAG, min_score=LEAST),
                          shape(object={"const": "list"}, data=array({"type": "object"}), model=STRING, usage=USAGE)),
    "/weaviate/rerank": ("Weaviate's reranker-transformers", obj(["query", "documents"], **COMMON, documents=DOCUMENTS),
                         shape(query=STRING, scores=array(shape(document=STRING, score=NUMBER)))),
    "/score": ("vLLM's pairs", obj(["text_1", "text_2"], **SCORES, text_1=ONE_OR_MANY, text_2=ONE_OR_MANY),
               shape(id=STRING, object={"const": "list"}, created=COUNT | {"maximum": 10**12}, model=STRING,
                     data=array(shape(index=COUNT, object=STRING, score=NUMBER)), usage={"type": "object"})),
    "/predict": ("TEI's pairs", obj(["inputs"], **SCORES, inputs={"anyOf": [PAIR, array(PAIR, minItems=1)]}),
                 {"anyOf": [PREDICTION, array(PREDICTION)]}),
    "/embed": ("TEI's vectors", obj(["inputs"], **VECTORS, inputs=ONE_OR_MANY, normalize=FLAG), array(array(NUMBER))),
    "/v1/embeddings": ("OpenAI's vectors", obj(["input"], **VECTORS, input=ONE_OR_MANY,
                                              encoding_format={"type": "string", "enum": ["float", "base64"]}),
                       shape(object={"const": "list"}, data=array({"type": "object"}), model=STRING,
                             usage={"type": "object"})),
    "/tokenize": ("Ids: inputs (TEI), prompt (vLLM), content (llama.cpp), or query and passage",
                  {"anyOf": [obj(["inputs"], model=STRING, inputs=ONE_OR_MANY, add_special_tokens=FLAG),
                             obj(["query", "passage"], model=STRING, query=STRING, passage=STRING),
                             obj(["prompt"], model=STRING, prompt=STRING), obj(["content"], model=STRING, content=STRING)]},
                  {"anyOf": [array(array({"type": "object"})), {"type": "object"}]}),
    "/search": ("Candidates of the index or corpus, then the reranker",
                obj(["query"], query=COMMON["query"], model=STRING, top_n=COUNT | {"minimum": 1},
                    candidates={"type": "integer", "minimum": 1, "maximum": 1000,
                                "description": "Hits of the first stage; without it 100, or top_n where that is more"}, filter=STRING, blend=NUMBER,
                    retriever={"type": "string", "enum": ["bm25", "dense", "hybrid"]},
                    fusion={"type": "string", "enum": ["rrf", "convex"]}, rrf_k={"type": "number", "minimum": 0, "maximum": 1000000},
                    dense_weight={"type": "number", "minimum": 0, "maximum": 1}, exact=FLAG, rerank=FLAG,
                    min_score={**LEAST, "description": "Hits whose score by the reranker is below, or that it did not read, are left out"},
                    timeout=COMMON["timeout"]),
                {"type": "object", "required": ["results", "timing", "found", "documents"]}),
}
POST["/v1/score"] = POST["/score"]
POST["/embeddings"] = POST["/v1/embeddings"]
OPENAI = {"/score", "/v1/score", "/embeddings", "/v1/embeddings"}

GET = {
    "/health": ("200 while the engine works", {"type": "object"}),
    "/ready": ("503 from SIGTERM on", {"type": "object"}),
    "/info": ("TEI's description of the server", {"type": "object", "required": ["model_id", "model_type"]}),
    "/v1/models": ("The models", shape(object={"const": "list"}, data=array({"type": "object"}))),
}

REFUSALS = {"400": "No JSON, or nothing to do", "401": "No key", "404": "Unknown model, or nothing there",
            "405": "Another method", "408": "Too slow a client, or the deadline came first", "413": "Too much", "415": "Not application/json",
            "422": "A field is wrong; `field` names it", "424": "The model failed", "429": "Full: see Retry-After",
            "431": "Headers too large", "503": "Shutting down"}


def answers(schema, path):
    kind = "OpenAi" if path in OPENAI else ""
    return {"200": {"description": "Fine", "content": {"application/json": {"schema": schema}}},
            **{status: {"$ref": f"#/components/responses/{kind}{status}"} for status in REFUSALS}}


def refusals(kind):
    error = {"$ref": f"#/components/schemas/{kind}Error"}
    if kind:  # what is refused before the route is known
        error = {"anyOf": [error, {"$ref": "#/components/schemas/Error"}]}
    return {kind + status: {"description": text, "content": {"application/json": {"schema": error}}}
            for status, text in REFUSALS.items()}


def main():
    paths = {}
    for path, (summary, body, answer) in POST.items():
        paths[path] = {"post": {"summary": summary, "operationId": "post" + path.replace("/", "_"),
                                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                                "responses": answers(answer, path)}}
    for path, (summary, answer) in GET.items():
        paths[path] = {"get": {"summary": summary, "operationId": "get" + path.replace("/", "_"),
                               "responses": answers(answer, path)}}
    text = {"error": STRING, "error_type": STRING, "message": STRING, "detail": STRING, "field": STRING}
    required = ["error", "error_type", "message", "detail"]
    document = {
        "openapi": "3.1.0",
        "info": {"title": "narabi", "version": "1", "summary": "Rerankers and embedders over HTTP",
                 "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"}},
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "responses": {**refusals(""), **refusals("OpenAi")},
            "schemas": {
                "Error": {"type": "object", "required": required, "properties": text},
                "OpenAiError": {"type": "object", "required": required, "properties": {
                    **text, "error": {"type": "object", "required": ["message", "type", "param", "code"]}}}},
        },
    }
    out = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    (ROOT / "src/http/openapi.json").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main()
