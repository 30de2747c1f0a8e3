"""A rerank endpoint: what it says is taken as it is, and nothing it does wrong is taken for an order."""

from __future__ import annotations

import time

import pytest

from core.errors import RerankerUnavailable
from indexes.rerank.base import RerankedTooLate
from indexes.rerank.endpoint import EndpointReranker
from tests.support.rerank_server import Fault, rerank_server
from tests.support.service import free_port

TEXTS = ["leave and leave", "parking", "leave", "一个没有的词"]


def test_scores_come_in_the_order_of_the_texts() -> None:
    with rerank_server("leave") as server:
        reranker = EndpointReranker("some-model", server.url, "sk-secret")
        scores = reranker.score("How many days?", TEXTS, timeout_s=10)
        assert scores.tolist() == [2, 0, 1, 0]
        assert scores.dtype == "float32"
        assert reranker.score("How many days?", [], timeout_s=10).tolist() == []
        reranker.close()
    (request,) = server.requests
    assert request == {
        "path": "/v1/rerank",
        "key": "Bearer sk-secret",
        "model": "some-model",
        "query": "How many days?",
        "documents": TEXTS,
        "top_n": 4,
    }


def test_broken_unicode_is_sent_all_the_same() -> None:
    with rerank_server("leave") as server:
        reranker = EndpointReranker("some-model", server.url)
        assert reranker.score("a\ud800b", ["leave \udfff"], timeout_s=10).tolist() == [1]
        reranker.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.SERVER_ERROR, "HTTP 500"),
        (Fault.CLOSED, "does not answer"),
        (Fault.NOT_JSON, "did not answer with a list of results"),
        (Fault.ONE_SHORT, "did not score each of 4 passages once"),
        (Fault.WRONG_INDEX, "did not score each of 4 passages once"),
        (Fault.TWICE, "did not score each of 4 passages once"),
        (Fault.NOT_A_NUMBER, "no finite numbers"),
        (Fault.ENDLESS, "answered with more than"),
    ],
)
def test_fault_is_named_and_the_next_question_is_answered(fault: Fault, words: str) -> None:
    with rerank_server("leave", fault) as server:
        reranker = EndpointReranker("some-model", server.url)
        with pytest.raises(RerankerUnavailable, match=words) as failed:
            reranker.score("How many days?", TEXTS, timeout_s=20)
        assert not isinstance(failed.value, RerankedTooLate)
        assert server.url in failed.value.detail
        assert not any(text in failed.value.detail for text in ("How many", "parking", "out of memory"))
        assert reranker.score("How many days?", TEXTS, timeout_s=20).tolist() == [2, 0, 1, 0]
        reranker.close()


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
def test_nobody_waits_longer_than_asked(fault: Fault) -> None:
    with rerank_server("leave", fault) as server:
        reranker = EndpointReranker("some-model", server.url)
        began = time.monotonic()
        with pytest.raises(RerankedTooLate):
            reranker.score("How many days?", TEXTS, timeout_s=0.3)
        assert time.monotonic() - began < 30, "it waited for the server, not for its time"
        reranker.close()


def test_address_where_nobody_listens_is_named() -> None:
    reranker = EndpointReranker("some-model", f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(RerankerUnavailable, match="does not answer: ConnectError"):
        reranker.score("How many days?", TEXTS, timeout_s=10)
