"""Golden questions keep a worse index from answering, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.service import RunningService

QUESTIONS = [
    {"question": "Who holds the key to locker 4?", "document_ids": ["d4.txt"], "top": 3},
    {"question": "五号储物柜是谁的？", "document_ids": ["d5.txt", "d50.txt"]},
]
UNANSWERED = {"question": "Who holds the key to locker 4?", "document_ids": ["d9.txt", "gone.txt"], "top": 1}


@pytest.fixture
def name(request: pytest.FixtureRequest, service: RunningService) -> str:
    """A collection of the test's own."""
    name = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:40]
    service.create_collection(name)
    numerals = "零一二三四五六七八九"
    texts = {
        f"d{n}.txt": f"Locker {n} belongs to person {n}, who holds its key.\n{numeral}号储物柜属于{numeral}号员工。"
        for n, numeral in enumerate(numerals)
    }
    service.feed(name, {document: text.encode() for document, text in texts.items()})
    return name


def reindex(service: RunningService, name: str, **wanted: object) -> dict[str, Any]:
    with service.client() as client:
        reply = client.post("/v1/admin/reindex", json={"collection": name, **wanted})
        assert reply.status_code == 202, reply.text
        return service.wait_for_job(reply.json()["id"])


def generations(service: RunningService, name: str) -> list[tuple[int, str]]:
    with service.client() as client:
        found = client.get(f"/v1/collections/{name}/generations").json()["generations"]
    return [(row["id"], row["state"]) for row in found]


def test_new_index_that_finds_its_golden_questions_answers(service: RunningService, name: str) -> None:
    job = reindex(service, name, golden=QUESTIONS)
    assert (job["state"], job["errors"]) == ("succeeded", [])
    assert job["report"] == {"asked": 2, "passed": 2, "min_pass": 1.0, "failed": []}
    assert [state for _, state in generations(service, name)] == ["active", "retired"]


def test_new_index_that_fails_is_kept_from_answering_and_says_what_it_found(
    service: RunningService, name: str
) -> None:
    (before,) = generations(service, name)
    job = reindex(service, name, golden=[*QUESTIONS, UNANSWERED], min_pass=0.9, chunk_target_tokens=64)
    assert job["state"] == "failed"
    assert "2 of 3 golden questions passed, 90%" in job["errors"][0]["detail"]
    report = job["report"]
    assert (report["asked"], report["passed"]) == (3, 2)
    (failed,) = report["failed"]
    assert (failed["question"], failed["expected"]) == (UNANSWERED["question"], UNANSWERED["document_ids"])
    assert failed["found"] == ["d4.txt"]
    assert generations(service, name) == [(job["generation"], "rejected"), before]
    assert service.search(name, "locker 4", k=1)[0]["document_id"] == "d4.txt"

    # Whoever looks and thinks otherwise can take it all the same.
    service.put(name, "late.txt", b"The mangosteen arrived late.")
    with service.client() as client:
        wanted = {"collection": name, "generation": job["generation"]}
        forced = client.post("/v1/admin/rollback", json=wanted)
        assert forced.status_code == 202, forced.text
        assert service.wait_for_job(forced.json()["id"])["state"] == "succeeded"
        assert client.get(f"/v1/collections/{name}").json()["chunk_target_tokens"] == 64
    assert service.search(name, "mangosteen", mode="lexical")[0]["document_id"] == "late.txt"


def test_questions_of_a_collection_are_asked_at_every_reindex(service: RunningService, name: str) -> None:
    path = f"/v1/collections/{name}/golden"
    with service.client() as client:
        assert client.get(path).json() == {"questions": [], "min_pass": 1.0}
        kept = client.put(path, json={"questions": [*QUESTIONS, UNANSWERED], "min_pass": 0.5})
        assert kept.status_code == 200, kept.text
        assert client.get(path).json() == kept.json()
        assert kept.json()["questions"][1]["top"] == 3
    assert reindex(service, name)["report"]["passed"] == 2
    assert reindex(service, name, min_pass=1)["state"] == "failed"
    assert reindex(service, name, golden=[])["report"] is None
    with service.client() as client:
        client.put(path, json={"questions": []})
    assert reindex(service, name)["report"] is None


@pytest.mark.parametrize(
    "bad",
    [
        {"questions": [{"question": "", "document_ids": ["a"]}]},
        {"questions": [{"question": "x", "document_ids": []}]},
        {"questions": [QUESTIONS[0]] * 201},
        {"questions": [], "min_pass": 2},
        {"questions": [{"question": "x", "document_ids": ["a"], "top": 0}]},
    ],
)
def test_bad_questions_are_refused(service: RunningService, bad: dict[str, object]) -> None:
    service.create_collection("bad-golden")
    with service.client() as client:
        assert client.put("/v1/collections/bad-golden/golden", json=bad).status_code == 422
        made = client.post("/v1/keys", json={"name": "k", "scopes": ["ask", "ingest"]}).json()["key"]
    with service.client(made) as client:
        assert client.put("/v1/collections/bad-golden/golden", json={"questions": []}).status_code == 403
        assert client.get("/v1/collections/bad-golden/generations").status_code == 403
