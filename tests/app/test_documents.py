"""What feeding, replacing and deleting promise, over real HTTP on both databases."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from tests.support.service import RunningService


@pytest.fixture(scope="module", autouse=True)
def _collection(service: RunningService) -> None:
    service.create_collection("docs")


def ids(service: RunningService, query: str, **options: object) -> list[str]:
    return [hit["document_id"] for hit in service.search("docs", query, **options)]


def test_uploaded_document_is_found_with_its_exact_passage(service: RunningService) -> None:
    text = "# 差旅标准\n\n一线城市住宿每晚上限六百元。\n\n# Travel\n\nTaxis need a receipt 🧾 above 20 euros."
    job = service.put("docs", "travel.md", text.encode(), "text/markdown")
    assert (job["state"], job["done"], job["errors"]) == ("succeeded", 1, [])
    with service.client() as client:
        parsed = client.get("/v1/collections/docs/documents/travel.md/text").json()["text"]
    hit = service.search("docs", "taxi receipt", k=1)[0]
    assert hit["document_id"] == "travel.md"
    assert parsed[hit["char_start"] : hit["char_end"]] == hit["text"]
    assert "receipt 🧾 above 20 euros" in hit["text"]


def test_same_bytes_again_do_nothing(service: RunningService) -> None:
    service.put("docs", "same.txt", b"The canteen opens at eleven thirty.")
    chunk = service.search("docs", "canteen opens", k=1)[0]["chunk_id"]
    job = service.put("docs", "same.txt", b"The canteen opens at eleven thirty.")
    assert (job["state"], job["unchanged"]) == ("succeeded", 1)
    assert service.search("docs", "canteen opens", k=1)[0]["chunk_id"] == chunk


def test_changed_bytes_replace_and_the_old_words_are_gone(service: RunningService) -> None:
    service.put("docs", "fee.txt", b"The visitor parking fee is quetzalcoatl four euros.")
    service.put("docs", "fee.txt", b"The visitor parking fee is xochimilco five euros.")
    found = [hit["text"] for hit in service.search("docs", "visitor parking fee", k=10)]
    assert any("xochimilco" in text for text in found)
    assert not any("quetzalcoatl" in text for text in found)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_deleted_document_never_surfaces(service: RunningService, mode: str) -> None:
    service.put("docs", "secret.txt", b"Project Zanzibar moves to building nine in May.")
    assert "secret.txt" in ids(service, "Project Zanzibar building", mode=mode)
    with service.client() as client:
        assert client.delete("/v1/collections/docs/documents/secret.txt").status_code == 204
        assert "secret.txt" not in ids(service, "Project Zanzibar building", mode=mode)
        for path in ("", "/text", "/original"):
            assert client.get(f"/v1/collections/docs/documents/secret.txt{path}").status_code == 404


def test_readers_never_see_two_revisions_or_none_while_a_document_is_replaced(service: RunningService) -> None:
    service.put("docs", "rev.txt", b"The kumquat limit is revision 0.")
    wrong: list[list[str]] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            texts = [
                h["text"] for h in service.search("docs", "kumquat limit", mode="lexical") if "kumquat" in h["text"]
            ]
            if len(texts) != 1:
                wrong.append(texts)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for revision in range(1, 9):
            service.put("docs", "rev.txt", f"The kumquat limit is revision {revision}.".encode())
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert wrong == []


def test_failed_document_says_why_and_keeps_its_last_good_revision(service: RunningService) -> None:
    service.put("docs", "plan.pdf.txt", b"The evacuation point is the north lawn.")
    job = service.put("docs", "plan.pdf.txt", b"%PDF-1.7\n broken", "application/pdf")
    assert job["state"] == "failed"
    assert job["errors"][0]["document_id"] == "plan.pdf.txt"
    assert job["errors"][0]["detail"].endswith((".", "。"))
    assert "plan.pdf.txt" in ids(service, "evacuation point north lawn")
    with service.client() as client:
        shown = client.get("/v1/collections/docs/documents/plan.pdf.txt").json()
    assert (shown["state"], shown["live"]) == ("failed", True)
    assert shown["error"]["detail"] == job["errors"][0]["detail"]


def test_bulk_lines_keep_their_metadata_and_filters_apply_before_the_cut(service: RunningService) -> None:
    lines = [
        {
            "id": f"bulk/{n}",
            "text": f"Ticket about printers number {n}.",
            "metadata": {"team": "a" if n % 50 else "b"},
        }
        for n in range(150)
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    with service.client() as client:
        reply = client.post("/v1/collections/docs/documents/bulk", content=body)
    assert reply.status_code == 202
    assert reply.headers["Location"] == f"/v1/jobs/{reply.json()['id']}"
    assert service.wait_for_job(reply.json()["id"])["done"] == 150
    team_b = ids(service, "ticket about printers", k=10, filter={"metadata": {"team": "b"}})
    assert sorted(team_b) == ["bulk/0", "bulk/100", "bulk/50"]
    assert ids(service, "printers", k=5, filter={"document_ids": ["bulk/7"]}) == ["bulk/7"]


def test_bad_bulk_line_is_named_and_nothing_is_taken_in(service: RunningService) -> None:
    body = json.dumps({"id": "bad/1", "text": "pomegranate"}) + '\n{"id": "bad/2", "txt": "x"}'
    with service.client() as client:
        reply = client.post("/v1/collections/docs/documents/bulk", content=body)
        assert reply.status_code == 422
        assert reply.headers["content-type"] == "application/problem+json"
        assert "Line 2" in reply.json()["detail"]
        assert client.get("/v1/collections/docs/documents/bad/1").status_code == 404


@pytest.mark.parametrize("document_id", ["..%2f..%2fetc%2fpasswd", "a%2f..%2fb", "x%00y", "a%2ftext", "%ED%A0%80"])
def test_hostile_document_ids_are_refused_with_a_reason(service: RunningService, document_id: str) -> None:
    with service.client() as client:
        reply = client.put(f"/v1/collections/docs/documents/{document_id}", content=b"x")
    assert reply.status_code in {404, 422}
    assert reply.json()["status"] == reply.status_code


def test_html_in_a_title_comes_back_as_the_text_it_is(service: RunningService) -> None:
    title = "<script>alert(1)</script><b>Plan</b>"
    with service.client() as client:
        job = client.put(
            "/v1/collections/docs/documents/xss.txt", params={"title": title}, content=b"The rhubarb plan."
        ).json()
        service.wait_for_job(job["id"])
        assert client.get("/v1/collections/docs/documents/xss.txt").json()["title"] == title
        original = client.get("/v1/collections/docs/documents/xss.txt/original")
    assert original.headers["content-disposition"].startswith("attachment")
    assert original.headers["x-content-type-options"] == "nosniff"


def test_group_documents_are_found_by_members_only(service: RunningService) -> None:
    with service.client() as client:
        job = client.put(
            "/v1/collections/docs/documents/board.txt",
            params={"group": "board"},
            content=b"The merger with Walrus Ltd.",
        ).json()
        service.wait_for_job(job["id"])
        wanted = {"name": "k", "scopes": ["search", "ask"]}
        member = client.post("/v1/keys", json=wanted | {"groups": ["board"]}).json()["key"]
        other = client.post("/v1/keys", json=wanted).json()["key"]
    body = {"collection": "docs", "query": "merger Walrus", "k": 5}
    for key, visible in ((member, True), (other, False)):
        with service.client(key) as client:
            hits = client.post("/v1/search", json=body).json()["hits"]
            assert ("board.txt" in [hit["document_id"] for hit in hits]) is visible
            assert (client.get("/v1/collections/docs/documents/board.txt").status_code == 200) is visible


def test_idempotency_key_gives_the_first_job_again(service: RunningService) -> None:
    def put(client: httpx.Client, data: bytes) -> str:
        headers = {"Idempotency-Key": "once"}
        path = "/v1/collections/docs/documents/idem.txt"
        return str(client.put(path, content=data, headers=headers).json()["id"])

    with service.client() as client:
        first = put(client, b"tamarind one")
        assert put(client, b"tamarind two") == first
    service.wait_for_job(first)
    assert "tamarind one" in service.search("docs", "tamarind", k=1)[0]["text"]


def test_documents_are_listed_page_by_page(service: RunningService) -> None:
    service.create_collection("pages")
    service.feed("pages", {f"p{n}.txt": f"Page {n}".encode() for n in range(5)})
    seen: list[str] = []
    cursor: str | None = ""
    with service.client() as client:
        while cursor is not None:
            found = client.get("/v1/collections/pages/documents", params={"limit": 2, "cursor": cursor}).json()
            seen += [document["id"] for document in found["documents"]]
            cursor = found["next_cursor"]
    assert seen == [f"p{n}.txt" for n in range(5)]


def test_deleted_collection_answers_no_query(service: RunningService) -> None:
    service.create_collection("gone")
    service.put("gone", "a.txt", b"Persimmon season starts in October.")
    with service.client() as client:
        assert client.delete("/v1/collections/gone").status_code == 204
        reply = client.post("/v1/search", json={"collection": "gone", "query": "persimmon"})
        assert reply.status_code == 404
        assert reply.json()["type"] == "urn:ragstone:problem:not-found"
        assert client.put("/v1/collections/gone", json={}).status_code == 201
    assert service.search("gone", "persimmon") == []


def test_progress_of_a_job_rises_before_its_first_document_is_done(service: RunningService) -> None:
    """A batch becomes searchable at one instant; whoever waits for it sees how far it has come all the same."""
    words = "".join(f"Paragraph {n} is about umbrellas and says that they drip.\n\n" for n in range(500))
    shares: list[float] = []
    with service.client() as client:
        reply = client.put("/v1/collections/docs/documents/long.txt", content=words.encode())
        with client.stream("GET", f"/v1/jobs/{reply.json()['id']}/events") as events:
            for line in events.iter_lines():
                if line.startswith("data: "):
                    job = json.loads(line.removeprefix("data: "))
                    shares.append(job["progress"])
    assert (job["state"], shares[-1]) == ("succeeded", 1.0)
    assert shares == sorted(shares)
    assert any(0 < share < 1 for share in shares)
