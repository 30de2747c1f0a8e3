"""A rollback loses no change and brings nothing back, on both databases."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.support.service import RunningService


@pytest.fixture
def name(request: pytest.FixtureRequest, service: RunningService) -> str:
    """A collection of the test's own, reindexed once with smaller chunks."""
    name = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:40]
    service.create_collection(name)
    service.feed(name, {f"d{n}.txt": f"Locker {n} belongs to person {n}.".encode() for n in range(20)})
    with service.client() as client:
        reply = client.post("/v1/admin/reindex", json={"collection": name, "chunk_target_tokens": 64})
        assert service.wait_for_job(reply.json()["id"])["state"] == "succeeded"
    return name


def roll_back(service: RunningService, name: str) -> dict[str, Any]:
    """Roll back; returns the job as the reply showed it."""
    with service.client() as client:
        reply = client.post("/v1/admin/rollback", json={"collection": name})
        assert reply.status_code == 202, reply.text
        assert reply.headers["Location"] == f"/v1/jobs/{reply.json()['id']}"
        return reply.json()


def chunk_target(service: RunningService, name: str) -> int:
    with service.client() as client:
        return client.get(f"/v1/collections/{name}").json()["chunk_target_tokens"]


def previous(service: RunningService, name: str) -> dict[str, Any]:
    with service.client() as client:
        rows = client.get(f"/v1/collections/{name}/generations").json()["generations"]
    return next(row for row in rows if row["state"] == "retired")


def test_rollback_is_there_with_the_reply_and_can_be_taken_back(service: RunningService, name: str) -> None:
    job = roll_back(service, name)
    assert (job["kind"], job["state"], job["done"], job["total"]) == ("rollback", "succeeded", 20, 20)
    assert chunk_target(service, name) == 100
    assert service.search(name, "locker 7", mode="lexical", k=1)[0]["document_id"] == "d7.txt"
    assert roll_back(service, name)["state"] == "succeeded"
    assert chunk_target(service, name) == 64


def test_what_changed_since_the_switch_is_kept_and_what_was_deleted_stays_away(
    service: RunningService, name: str
) -> None:
    service.put(name, "new.txt", b"The mangosteen is new.")
    service.put(name, "d3.txt", b"Locker 3 belongs to the rambutan club.")
    with service.client() as client:
        assert client.delete(f"/v1/collections/{name}/documents/d5.txt").status_code == 204
    job = service.wait_for_job(roll_back(service, name)["id"])
    assert (job["state"], job["done"], job["total"]) == ("succeeded", 20, 20)
    assert chunk_target(service, name) == 100
    assert service.search(name, "mangosteen", mode="lexical")[0]["document_id"] == "new.txt"
    (third,) = [hit for hit in service.search(name, "locker 3", k=50) if hit["document_id"] == "d3.txt"]
    assert "rambutan" in third["text"]
    assert "d5.txt" not in {hit["document_id"] for hit in service.search(name, "locker 5", k=50)}


def test_kept_index_follows_changes_so_that_a_rollback_is_at_once(service: RunningService, name: str) -> None:
    service.feed(name, {f"n{n}.txt": f"Shelf {n} is new.".encode() for n in range(40)})
    deadline = time.monotonic() + 120
    while previous(service, name)["missing"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert roll_back(service, name)["state"] == "succeeded"
    assert service.search(name, "shelf 39", mode="lexical", k=1)[0]["document_id"] == "n39.txt"


def test_no_query_misses_and_no_update_is_lost_while_indexes_are_switched(
    service: RunningService, name: str
) -> None:
    ended = threading.Event()
    missed: list[int] = []
    written = 0

    def ask() -> None:
        n = 0
        while not ended.is_set():
            n = (n + 7) % 20
            hits = service.search(name, f"locker {n}", mode="lexical", k=3)
            if f"d{n}.txt" not in [hit["document_id"] for hit in hits]:
                missed.append(n)

    def feed() -> None:
        nonlocal written
        while not ended.is_set():
            service.put(name, "counter.txt", f"The counter stands at {written + 1} apples.".encode())
            written += 1

    feeder = threading.Thread(target=feed)
    threads = [threading.Thread(target=ask), feeder]
    for thread in threads:
        thread.start()
    try:
        for count in range(1, 4):
            while written < count and feeder.is_alive():
                time.sleep(0.05)
            job = service.wait_for_job(roll_back(service, name)["id"])
            assert job["state"] == "succeeded", job
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert (missed, written > 2) == ([], True)
    (counter,) = [h for h in service.search(name, "counter apples", k=50) if h["document_id"] == "counter.txt"]
    assert f"stands at {written} apples" in counter["text"]


def test_rollback_to_nothing_is_refused_with_a_reason(service: RunningService) -> None:
    service.create_collection("only-one")
    with service.client() as client:
        reply = client.post("/v1/admin/rollback", json={"collection": "only-one"})
        assert (reply.status_code, "nothing to roll back to" in reply.json()["detail"]) == (409, True)
        reply = client.post("/v1/admin/rollback", json={"collection": "only-one", "generation": 10**6})
        assert reply.status_code == 404
