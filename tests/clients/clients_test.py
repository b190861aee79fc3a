"""Real clients, unmodified, as their makers publish them, against a running `narabi serve`.

tests/clients/run.sh installs them and runs this. Each test does what the client's documentation shows, with the
base URL changed and nothing else.
"""

import math
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "http"))
from narabi_http import DOCUMENTS, EMBEDDER, QUERY, HttpTest  # noqa: E402

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
KEY = "a-key"


class Clients(HttpTest):
    FLAGS = ("--model", f"e5={EMBEDDER}", "--api-key", KEY)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = f"http://127.0.0.1:{cls.server.port}"
        headers = {"authorization": f"Bearer {KEY}"}
        answer = cls.server.post("/rerank", {"query": QUERY, "texts": DOCUMENTS}, headers).json
        cls.order = [r["index"] for r in answer]
        cls.scores = {r["index"]: r["score"] for r in answer}

    def assert_ranked(self, pairs, count=len(DOCUMENTS)):
        """pairs: (index or text, score), best first."""
        pairs = [(DOCUMENTS.index(i) if isinstance(i, str) else i, score) for i, score in pairs]
        self.assertEqual([i for i, _ in pairs], self.order[:count])
        for index, score in pairs:
            self.assertAlmostEqual(score, self.scores[index], places=5)

    def test_cohere_v2(self):
        import cohere
        client = cohere.ClientV2(api_key=KEY, base_url=self.url)
        answer = client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=2)
        self.assert_ranked([(r.index, r.relevance_score) for r in answer.results], 2)
        self.assertEqual(answer.meta.api_version.version, "2")

    def test_cohere_v1(self):
        import cohere
        client = cohere.Client(api_key=KEY, base_url=self.url)
        answer = client.rerank(model="rerank-multilingual-v3.0", query=QUERY, documents=DOCUMENTS, return_documents=True)
        self.assert_ranked([(r.document.text, r.relevance_score) for r in answer.results])

    def test_cohere_reads_our_refusals(self):
        import cohere
        client = cohere.ClientV2(api_key=KEY, base_url=self.url)
        with self.assertRaises(cohere.BadRequestError) as raised:
            client.rerank(model="rerank-v3.5", query=QUERY, documents=[])
        self.assertIn("documents", raised.exception.body["message"])
        with self.assertRaises(cohere.UnauthorizedError):
            cohere.ClientV2(api_key="wrong", base_url=self.url).rerank(model="rerank-v3.5", query="q", documents=["a"])
        with self.assertRaises(cohere.NotFoundError):
            client.rerank(model="no-such-model", query=QUERY, documents=DOCUMENTS)

    def test_langchain_cohere(self):
        import cohere
        from langchain_cohere import CohereRerank
        from langchain_core.documents import Document
        client = cohere.ClientV2(api_key=KEY, base_url=self.url)
        reranker = CohereRerank(client=client, model="rerank-v3.5", top_n=3)
        out = reranker.compress_documents([Document(page_content=d) for d in DOCUMENTS], QUERY)
        self.assert_ranked([(d.page_content, d.metadata["relevance_score"]) for d in out])

    def nodes(self):
        from llama_index.core.schema import NodeWithScore, TextNode
        return [NodeWithScore(node=TextNode(text=d), score=0.0) for d in DOCUMENTS]

    def test_llama_index_cohere(self):
        from llama_index.postprocessor.cohere_rerank import CohereRerank
        reranker = CohereRerank(api_key=KEY, base_url=self.url, model="rerank-v3.5", top_n=3)
        out = reranker.postprocess_nodes(self.nodes(), query_str=QUERY)
        self.assert_ranked([(n.node.get_content(), n.score) for n in out])

    def test_llama_index_tei(self):
        from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
        reranker = TextEmbeddingInference(base_url=self.url, top_n=3, auth_token=f"Bearer {KEY}")
        out = reranker.postprocess_nodes(self.nodes(), query_str=QUERY)
        self.assert_ranked([(n.node.get_content(), n.score) for n in out])

    def test_llama_index_jina(self):
        from llama_index.postprocessor.jinaai_rerank import JinaRerank
        reranker = JinaRerank(api_key=KEY, base_url=f"{self.url}/v1", top_n=3, model="jina-reranker-v2-base-multilingual")
        out = reranker.postprocess_nodes(self.nodes(), query_str=QUERY)
        self.assert_ranked([(n.node.get_content(), n.score) for n in out])

    def haystack(self, ranker, count=3):
        from haystack import Document
        out = ranker.run(query=QUERY, documents=[Document(content=d) for d in DOCUMENTS], top_k=count)["documents"]
        self.assert_ranked([(d.content, d.score) for d in out], count)

    def test_haystack_tei(self):
        from haystack.utils import Secret
        from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
        ranker = HuggingFaceTEIRanker(url=self.url, top_k=3, token=Secret.from_token(KEY))
        self.haystack(ranker)

    def test_haystack_cohere(self):
        from haystack.utils import Secret
        from haystack_integrations.components.rankers.cohere import CohereRanker
        self.haystack(CohereRanker(model="rerank-v3.5", api_key=Secret.from_token(KEY), api_base_url=self.url))

    def test_haystack_jina(self):
        from haystack.utils import Secret
        from haystack_integrations.components.rankers.jina import JinaRanker
        ranker = JinaRanker(api_key=Secret.from_token(KEY), base_url=f"{self.url}/v1/rerank")
        self.haystack(ranker)

    def test_voyage(self):
        import voyageai
        client = voyageai.Client(api_key=KEY, base_url=f"{self.url}/voyage/v1")
        answer = client.rerank(QUERY, DOCUMENTS, model="rerank-2", top_k=2)
        self.assert_ranked([(r.document, r.relevance_score) for r in answer.results], 2)
        self.assertGreater(answer.total_tokens, 0)

    def test_hugging_face_inference_client(self):
        from huggingface_hub import InferenceClient
        client = InferenceClient(f"{self.url}/embed", token=KEY)
        vector = client.feature_extraction(QUERY)
        self.assertEqual(vector.shape[0], 1)
        self.assertAlmostEqual(float((vector * vector).sum()), 1, places=4)

    def test_openai_embeddings(self):
        import openai
        client = openai.OpenAI(api_key=KEY, base_url=f"{self.url}/v1")
        for more in ({}, {"encoding_format": "float"}, {"dimensions": 8}):
            answer = client.embeddings.create(model="text-embedding-3-small", input=DOCUMENTS, **more)
            self.assertEqual([d.index for d in answer.data], [0, 1, 2])
            self.assertAlmostEqual(math.fsum(v * v for v in answer.data[0].embedding), 1, places=4)
        with self.assertRaises(openai.NotFoundError) as raised:
            client.embeddings.create(model="no-such-model", input="a")
        self.assertEqual(raised.exception.param, "model")
        self.assertIn("no-such-model", raised.exception.body["message"])
        self.assertEqual([m.id for m in client.models.list().data], ["prototype-modernbert-6l", "e5"])


if __name__ == "__main__":
    unittest.main()
