"""A question is embedded once for all that an answer does with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.retrieval.questions import QuestionVectors
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.openai import OpenAIEmbedder
from tests.support.embeddings_server import embeddings_server
from tests.support.service import running_service

QUESTION = "How many days of annual leave does a colleague get?"
LEAVE = b"Every colleague receives fifteen days of annual leave a year. Unused days lapse on 31 March."


def test_answer_asks_the_endpoint_once_for_its_question(e5: E5Embedder, tmp_path: Path) -> None:
    with embeddings_server(e5) as server:
        settings = {
            "embedder": "openai:some-model",
            "embed_base_url": server.url,
            "embed_api_key": server.key,
        }
        with running_service(tmp_path / "data", **settings) as service:
            service.create_collection("handbook")
            service.put("handbook", "leave.md", LEAVE)
            server.requests.clear()
            with service.client() as client:
                body = {"collection": "handbook", "question": QUESTION, "stream": False}
                answer = client.post("/v1/answers", json=body).json()
    assert answer["sources"], answer
    assert sum(QUESTION in texts for texts in server.requests) == 1


def test_the_latest_are_kept_for_each_model(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        one, other = (OpenAIEmbedder(model, server.url, server.key) for model in ("one", "other"))
        questions = QuestionVectors(kept=2)
        first = questions.embed(one, "first")
        np.testing.assert_array_equal(questions.embed(one, "first"), first)
        assert server.requests == [["first"]]
        questions.embed(other, "first")
        questions.embed(one, "first")
        questions.embed(one, "second")
        assert server.requests == [["first"], ["first"], ["second"]]
        questions.embed(other, "first")
        assert server.requests[3:] == [["first"]], "the one that was not asked for longest had to go"
        one.close()
        other.close()
