"""Who may do what."""

from __future__ import annotations

import httpx
import pytest

from tests.support.service import RunningService


@pytest.fixture(scope="module", autouse=True)
def _collections(service: RunningService) -> None:
    for name in ("open", "closed"):
        service.create_collection(name)
        service.put(name, "a.txt", b"The gate code is 4711.")


def make_key(service: RunningService, **wanted: object) -> str:
    with service.client() as client:
        reply = client.post("/v1/keys", json={"name": "test", **wanted})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["key"])


@pytest.mark.parametrize(
    "path", ["/v1/collections", "/v1/jobs", "/metrics", "/v1/keys", "/v1/admin/status", "/v1/models"]
)
def test_nothing_but_health_and_page_works_without_a_key(service: RunningService, path: str) -> None:
    with service.client(None) as client:
        assert client.get(path).status_code == 401
        assert client.get("/healthz").status_code == 200


def test_wrong_key_is_refused_with_a_problem(service: RunningService) -> None:
    with service.client("rs_wrong") as client:
        reply = client.get("/v1/collections")
    assert (reply.status_code, reply.headers["content-type"]) == (401, "application/problem+json")
    assert reply.json()["detail"].startswith("The key is not valid.")


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        ("search", "PUT", "/v1/collections/open/documents/b.txt", {}),
        ("search", "PUT", "/v1/collections/new", {}),
        ("ingest", "POST", "/v1/search", {"collection": "open", "query": "gate"}),
        ("ask", "GET", "/v1/keys", None),
        ("ask", "POST", "/v1/admin/reindex", {"collection": "open"}),
        ("ingest", "GET", "/metrics", None),
    ],
)
def test_key_without_the_scope_is_refused(
    service: RunningService, scope: str, method: str, path: str, body: object
) -> None:
    with service.client(make_key(service, scopes=[scope])) as client:
        reply = client.request(method, path, json=body)
    assert reply.status_code == 403
    assert "scope" in reply.json()["detail"]


def test_key_limited_to_a_collection_does_not_learn_of_others(service: RunningService) -> None:
    with service.client(make_key(service, scopes=["search", "ask", "ingest"], collections=["open"])) as client:
        assert [c["name"] for c in client.get("/v1/collections").json()["collections"]] == ["open"]
        for reply in (
            client.get("/v1/collections/closed"),
            client.post("/v1/search", json={"collection": "closed", "query": "gate"}),
            client.get("/v1/collections/closed/documents/a.txt"),
            client.delete("/v1/collections/closed/documents/a.txt"),
        ):
            assert reply.status_code == 404
        assert client.post("/v1/search", json={"collection": "open", "query": "gate"}).status_code == 200


def test_revoked_key_stops_working_at_once(service: RunningService) -> None:
    with service.client() as admin:
        made = admin.post("/v1/keys", json={"name": "short", "scopes": ["search"]}).json()
        with service.client(made["key"]) as client:
            assert client.get("/v1/collections").status_code == 200
            assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
            assert client.get("/v1/collections").status_code == 401
        listed = admin.get("/v1/keys").text
    assert made["key"] not in listed


def test_secret_of_a_key_is_nowhere_in_the_data_folder(service: RunningService) -> None:
    secret = make_key(service, scopes=["search"])
    for path in service.data_dir.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_browser_page_of_another_origin_needs_the_keys_permission(service: RunningService) -> None:
    allowed = make_key(service, scopes=["search"], origins=["https://intra.example"])
    body = {"collection": "open", "query": "gate"}
    for origin, status in (("https://intra.example", 200), ("https://evil.example", 403)):
        with service.client(allowed) as client:
            reply = client.post("/v1/search", json=body, headers={"Origin": origin})
            assert reply.status_code == status
            assert reply.headers["access-control-allow-origin"] == origin
            assert "access-control-allow-credentials" not in reply.headers


def test_local_page_cookie_is_not_given_to_a_rebound_name_or_a_proxy(service: RunningService) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        assert "ragstone_page" in client.get("/").cookies
        assert client.get("/v1/collections").status_code == 200
        assert client.get("/v1/collections", headers={"Origin": "https://evil.example"}).status_code == 401
        assert client.get("/v1/collections", headers={"Host": "evil.example"}).status_code == 401
        assert client.get("/v1/keys").status_code == 403
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        assert "set-cookie" not in client.get("/", headers={"Host": "evil.example"}).headers
        assert "set-cookie" not in client.get("/", headers={"X-Forwarded-For": "10.0.0.9"}).headers
