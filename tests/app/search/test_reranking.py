"""The reranker decides while it answers in time; when it does not, readers get the fused order and no error."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.app.search.conftest import DOCUMENTS
from tests.support.rerank_server import Fault, RerankServer, rerank_server
from tests.support.service import RunningService, running_service

QUESTION = "Who approves a claim?"
# What the endpoint ranks by: how often a passage says it. No list would rank so.
WORD = "CNY"
DEPTH = 12
THREADS = 3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[RerankServer]:
    with rerank_server(WORD) as server:
        yield server


@pytest.fixture(scope="module")
def service(endpoint: RerankServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    settings = {
        "reranker": "endpoint:some-model",
        "rerank_base_url": endpoint.url,
        "rerank_depth": str(DEPTH),
        "rerank_budget_ms": "1500",
        "search_threads": str(THREADS),
    }
    with running_service(tmp_path_factory.mktemp("reranked"), **settings) as running:
        running.create_collection("examples")
        files = sorted((DOCUMENTS / "finance").iterdir())
        job = running.feed("examples", {path.name: path.read_bytes() for path in files})
        assert job["state"] == "succeeded"
        yield running


@pytest.fixture(autouse=True)
def _sound(endpoint: RerankServer) -> Iterator[None]:
    yield
    endpoint.faults.clear()
    endpoint.always = None


def search(service: RunningService, k: int = 20, **ranking: Any) -> dict[str, Any]:
    with service.client() as client:
        body = {"collection": "examples", "query": QUESTION, "k": k, "ranking": ranking}
        reply = client.post("/v1/search", json=body)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found


def outcomes(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text
    return {name: float(n) for name, n in re.findall(r'ragstone_reranks_total\{outcome="(\w+)"\} (\S+)', lines)}


def ids(found: dict[str, Any]) -> list[int]:
    return [hit["chunk_id"] for hit in found["hits"]]


def test_what_the_reranker_reads_stands_in_its_order_and_the_rest_below(
    service: RunningService, endpoint: RerankServer
) -> None:
    fused, reranked = search(service, rerank=False), search(service)
    assert (fused["reranked"], reranked["reranked"]) == (False, True)
    assert fused["timings"]["rerank_ms"] == 0 < reranked["timings"]["rerank_ms"]
    head, tail = reranked["hits"][:DEPTH], reranked["hits"][DEPTH:]
    assert {hit["chunk_id"] for hit in head} == set(ids(fused)[:DEPTH])
    assert [hit["chunk_id"] for hit in tail] == ids(fused)[DEPTH:]
    assert [hit["ranks"]["rerank"] for hit in head] == list(range(1, DEPTH + 1))
    assert [hit["rerank_score"] for hit in head] == sorted((hit["rerank_score"] for hit in head), reverse=True)
    assert all(hit["text"].count(WORD) <= hit["rerank_score"] for hit in head), "texts are read with their headings"
    assert head[0]["rerank_score"] > head[-1]["rerank_score"], "the question must tell the passages apart"
    assert {hit["rerank_score"] for hit in tail} == {hit["ranks"]["rerank"] for hit in tail} == {None}
    sent = endpoint.requests[-1]
    assert (sent["query"], len(sent["documents"])) == (QUESTION, DEPTH)
    assert all(any(hit["text"] in document for document in sent["documents"]) for hit in head)


def test_request_decides_how_many_are_read(service: RunningService, endpoint: RerankServer) -> None:
    found = search(service, k=2, rerank_depth=25)
    assert len(endpoint.requests[-1]["documents"]) == 25
    assert [hit["ranks"]["rerank"] for hit in found["hits"]] == [1, 2]
    asked = len(endpoint.requests)
    search(service, rerank=False)
    assert len(endpoint.requests) == asked, "nobody asked for it"


def test_answers_are_reranked_too(service: RunningService) -> None:
    with service.client() as client:
        body = {"collection": "examples", "question": QUESTION, "stream": False, "k": 3}
        answer = client.post("/v1/answers", json=body).json()
    assert [source["ranks"]["rerank"] for source in answer["sources"]] == [1, 2, 3]


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.NOT_JSON, Fault.TWICE, Fault.CLOSED])
def test_failing_reranker_leaves_the_fused_order(
    service: RunningService, endpoint: RerankServer, fault: Fault
) -> None:
    fused = search(service, rerank=False)
    with service.client() as client:
        before = outcomes(client)
        endpoint.faults.append(fault)
        found = search(service)
        after = outcomes(client)
    assert found["reranked"] is False
    assert ids(found) == ids(fused)
    assert {hit["ranks"]["rerank"] for hit in found["hits"]} == {None}
    assert after["failed"] == before.get("failed", 0) + 1
    assert search(service)["reranked"] is True
    assert "no reranking, the fused order stands: http" in service.log()


def test_hanging_reranker_costs_its_budget_and_no_threads(service: RunningService, endpoint: RerankServer) -> None:
    fused = search(service, rerank=False)
    endpoint.always, endpoint.most_at_once = Fault.HANG, 0
    with ThreadPoolExecutor(3 * THREADS) as pool:
        found = list(pool.map(lambda _: search(service), range(4 * THREADS)))
    assert all(ids(each) == ids(fused) and not each["reranked"] for each in found)
    assert all(each["timings"]["rerank_ms"] < 30_000 for each in found), (
        "it waited for the server, not for its time"
    )
    assert endpoint.most_at_once <= THREADS + 1, "late calls pile up"  # one may be on its way out
    with service.client() as client:
        assert outcomes(client)["late"] > 0
    endpoint.always = None
    deadline = time.monotonic() + 60
    while not search(service)["reranked"]:
        assert time.monotonic() < deadline, "late calls kept their slots"


def test_depth_past_the_limit_is_refused(service: RunningService) -> None:
    with service.client() as client:
        body = {"collection": "examples", "query": QUESTION, "ranking": {"rerank_depth": 100_000}}
        reply = client.post("/v1/search", json=body)
    assert reply.status_code == 422
    assert "ranking.rerank_depth may be at most" in reply.json()["detail"]
