"""Bad input gets a clear problem document and loses nothing."""

from __future__ import annotations

import io
import re
import socket

import httpx
import pytest

from tests.support.service import RunningService
from tests.support.waiting import wait_until


@pytest.fixture(scope="module", autouse=True)
def _collection(service: RunningService) -> None:
    service.create_collection("bad")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/v1/search", b'{"collection": "bad", "query": ', 400, "not valid JSON"),
        ("POST", "/v1/search", b'{"collection": "nowhere", "query": "x"}', 404, "nowhere"),
        ("POST", "/v1/search", b'{"collection": "bad", "query": " "}', 422, "empty"),
        ("POST", "/v1/search", b'{"collection": "bad", "query": "x", "k": 100000}', 422, "at most"),
        ("POST", "/v1/search", b'{"collection": "bad", "query": "x", "mode": "magic"}', 422, "mode"),
        ("POST", "/v1/search", b'{"collection": "bad", "query": "x", "limit": 3}', 422, "limit"),
        ("POST", "/v1/search", b'{"collection": "bad", "query": "%s"}' % (b"x" * 100_000), 413, "100,000"),
        ("PUT", "/v1/collections/Bad%20Name", b"{}", 422, "name"),
        ("PUT", "/v1/collections/bad", b'{"chunk_max_tokens": 64}', 409, "reindex"),
        ("PUT", "/v1/collections/other", b'{"embedder": "word2vec"}', 422, "embedder"),
        ("PUT", "/v1/collections/bad/documents/empty.txt", b"", 422, "empty"),
        ("PUT", "/v1/collections/nowhere/documents/a.txt", b"x", 404, "nowhere"),
        ("POST", "/v1/collections/bad/documents", b"x", 422, "multipart"),
        ("POST", "/v1/collections/bad/documents/bulk", b"\xff\xfe{}", 422, "Line 1"),
        ("GET", "/v1/jobs/none", None, 404, "job"),
        ("GET", "/v1/nothing", None, 404, "/v1/nothing"),
        ("PATCH", "/v1/search", None, 405, "Not Allowed"),
    ],
)
def test_bad_request_says_what_is_wrong(
    service: RunningService, method: str, path: str, body: bytes | None, status: int, words: str
) -> None:
    with service.client() as client:
        reply = client.request(method, path, content=body)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == status
    assert words.lower() in problem["detail"].lower()


def test_body_of_another_type_is_told_to_be_json(service: RunningService) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d sends it
    with service.client() as client:
        reply = client.post("/v1/search", content=b'{"collection": "bad", "query": "x"}', headers=form)
    assert reply.status_code == 415
    assert "Content-Type: application/json" in reply.json()["detail"]


def test_file_over_the_limit_is_refused_announced_or_not(service: RunningService) -> None:
    piece = b"x" * (1 << 20)
    with service.client() as client:
        announced = client.put("/v1/collections/bad/documents/big.txt", content=io.BytesIO(piece * 120))
        streamed = client.put("/v1/collections/bad/documents/big.txt", content=(piece for _ in range(120)))
        assert client.get("/v1/collections/bad/documents/big.txt").status_code == 404
    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert list((service.data_dir / "blobs").glob(".incoming-*")) == []


def test_no_json_is_read_past_its_limit_even_of_a_stranger(service: RunningService) -> None:
    piece = b"x" * (1 << 20)
    with service.client(key=None) as stranger, service.client() as client:
        described = client.get("/openapi.json").json()["paths"]
        calls = [
            (method, re.sub(r"{\w+}", "bad", path))
            for path, methods in described.items()
            for method, call in methods.items()
            if "application/json" in call.get("requestBody", {}).get("content", {})
        ]
        assert {("post", "/v1/search"), ("post", "/v1/chat/completions")} < set(calls)
        for method, path in calls:
            for content in (io.BytesIO(piece * 5), (piece for _ in range(5))):
                reply = stranger.request(method, path, content=content)
                assert (reply.status_code, "accepted here" in reply.text) == (413, True), (method, path, reply.text)
                assert reply.headers["content-type"].endswith("json")


def test_client_that_leaves_before_it_has_sent_all_is_no_failure(service: RunningService) -> None:
    address = httpx.URL(service.url)
    for method, path in (("POST", "/v1/search"), ("PUT", "/v1/collections/bad/documents/half.txt")):
        with socket.create_connection((address.host, address.port or 80)) as connection:
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.admin_key}\r\n"
            connection.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + b'{"query')
        wait_until(lambda path=path: f"{path}: the client left" in service.log())
    assert "Traceback" not in service.log()
    with service.client() as client:
        assert client.get("/v1/collections/bad/documents/half.txt").status_code == 404
    assert list((service.data_dir / "blobs").glob(".incoming-*")) == []


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("blank.txt", b"   \n\t ", "empty"),
        ("photo.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, ""),
        ("torn.docx", b"PK\x03\x04torn", "damaged"),
        ("broken.pdf", b"%PDF-1.4 nothing here", ""),
    ],
)
def test_unreadable_file_fails_with_a_reason_a_person_understands(
    service: RunningService, name: str, data: bytes, words: str
) -> None:
    job = service.put("bad", name, data, "application/octet-stream")
    assert job["state"] == "failed"
    detail = job["errors"][0]["detail"]
    assert words in detail
    assert "Traceback" not in detail
    assert 20 < len(detail) < 300
