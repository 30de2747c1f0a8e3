"""A reindex drops no query and loses no update."""

from __future__ import annotations

import threading

import pytest

from tests.support.service import RunningService


@pytest.fixture(scope="module", autouse=True)
def _collection(service: RunningService) -> None:
    service.create_collection("re")
    service.feed("re", {f"d{n}.txt": f"Locker {n} belongs to person {n}.".encode() for n in range(40)})


def reindex(service: RunningService, **wanted: object) -> dict[str, object]:
    with service.client() as client:
        reply = client.post("/v1/admin/reindex", json={"collection": "re", **wanted})
        assert reply.status_code == 202, reply.text
        return service.wait_for_job(reply.json()["id"])


def test_every_query_during_a_reindex_finds_its_document(service: RunningService) -> None:
    missed: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        n = 0
        while not ended.is_set():
            n = (n + 7) % 40
            hits = service.search("re", f"locker {n}", mode="lexical", k=3)
            if f"d{n}.txt" not in [hit["document_id"] for hit in hits]:
                missed.append(n)

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        job = reindex(service, chunk_target_tokens=64)
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert (job["state"], job["done"], missed) == ("succeeded", 40, [])
    with service.client() as client:
        assert client.get("/v1/collections/re").json()["chunk_target_tokens"] == 64


def test_what_changes_during_a_reindex_is_in_the_new_index(service: RunningService) -> None:
    with service.client() as client:
        job = client.post("/v1/admin/reindex", json={"collection": "re"}).json()
        service.put("re", "late.txt", b"The mangosteen arrived late.")
        client.delete("/v1/collections/re/documents/d3.txt")
    assert service.wait_for_job(job["id"])["state"] == "succeeded"
    assert service.search("re", "mangosteen", mode="lexical")[0]["document_id"] == "late.txt"
    assert "d3.txt" not in [hit["document_id"] for hit in service.search("re", "locker 3", k=100)]


def test_second_reindex_is_refused_and_a_cancelled_one_changes_nothing(service: RunningService) -> None:
    with service.client() as client:
        first = client.post("/v1/admin/reindex", json={"collection": "re", "chunk_target_tokens": 32}).json()
        second = client.post("/v1/admin/reindex", json={"collection": "re"})
        if second.status_code == 409:
            assert client.delete(f"/v1/jobs/{first['id']}").status_code == 204
        ended = service.wait_for_job(first["id"])
        assert (second.status_code, ended["state"]) in {(409, "cancelled"), (409, "succeeded"), (202, "succeeded")}
        target = client.get("/v1/collections/re").json()["chunk_target_tokens"]
    assert (target == 32) is (ended["state"] == "succeeded")
    assert service.search("re", "locker 5", mode="lexical", k=1)[0]["document_id"] == "d5.txt"


def test_damaged_index_is_mended_by_a_reindex_while_work_waits_for_it(service: RunningService) -> None:
    service.create_collection("damaged")
    service.feed("damaged", {"kept.txt": b"The heron nests in the north tower.", "gone.txt": b"A gone heron."})
    before = {folder.name for folder in (service.data_dir / "index").iterdir()}
    newest = service.data_dir / "index" / max(before, key=int)
    for file in newest.rglob("*.npy"):
        file.write_bytes(file.read_bytes()[:-1])
    with service.client() as client:
        assert client.delete("/v1/collections/damaged/documents/gone.txt").status_code == 204
        waiting = client.put("/v1/collections/damaged/documents/new.txt", content=b"A new heron.").json()["id"]
        job = client.post("/v1/admin/reindex", json={"collection": "damaged"}).json()["id"]
    assert service.wait_for_job(job, within_s=60)["state"] == "succeeded"
    assert service.wait_for_job(waiting, within_s=60)["state"] == "succeeded"
    found = {hit["document_id"] for hit in service.search("damaged", "heron")}
    assert found == {"kept.txt", "new.txt"}


def test_idempotency_key_of_an_upload_stands_for_no_reindex(service: RunningService) -> None:
    headers = {"Idempotency-Key": "upload"}
    with service.client() as client:
        upload = client.put("/v1/collections/re/documents/idem.txt", content=b"x", headers=headers)
        reply = client.post("/v1/admin/reindex", json={"collection": "re"}, headers=headers)
    assert (upload.status_code, reply.status_code) == (202, 409)
    assert "Idempotency-Key" in reply.json()["detail"]
