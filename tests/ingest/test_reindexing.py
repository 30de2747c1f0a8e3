"""A reindex that is killed goes on, one that is cancelled leaves nothing, and an outdated index mends itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from core.models import Chunk, Generation, IndexedRevision
from indexes.manifest import FILE_NAME, Manifest
from tests.support.service import RunningService, running_service
from tests.support.stored import active_generation, database_of, index_folder
from tests.support.upkeep import upkeep_of
from tests.support.waiting import wait_until

DOCUMENTS = 40


@contextmanager
def fed_service(folder: Path, **settings: str) -> Iterator[RunningService]:
    """A service with a collection, whose worker takes one document at a time."""
    with running_service(folder, worker_batch="1", lease_s="2", **settings) as service:
        service.create_collection("re")
        service.feed("re", {f"d{n}.txt": f"Locker {n} belongs to person {n}.".encode() for n in range(DOCUMENTS)})
        yield service


def start_reindex(service: RunningService) -> dict[str, Any]:
    with service.client() as client:
        return client.post("/v1/admin/reindex", json={"collection": "re", "chunk_target_tokens": 64}).json()


def job(service: RunningService, job_id: str) -> dict[str, Any]:
    with service.client() as client:
        return client.get(f"/v1/jobs/{job_id}").json()


def kill_worker(service: RunningService) -> None:
    worker = service.workers.pop()
    worker.kill()
    worker.wait()


def rows(service: RunningService, generation: int) -> tuple[set[int], int]:
    """Return a generation's chunks, and how many revisions it holds whole."""
    with database_of(service) as database, database.read() as session:
        chunks = set(session.scalars(select(Chunk.id).where(Chunk.generation_id == generation)))
        held = select(func.count()).where(IndexedRevision.generation_id == generation)
        return chunks, session.scalar(held) or 0


def states(service: RunningService) -> list[str]:
    with database_of(service) as database, database.read() as session:
        return list(session.scalars(select(Generation.state).order_by(Generation.id)))


def test_killed_reindex_goes_on_where_it_was(tmp_path: Path) -> None:
    with fed_service(tmp_path / "data") as service:
        started = start_reindex(service)
        wait_until(lambda: job(service, started["id"])["done"] >= 5)
        kill_worker(service)
        running = job(service, started["id"])
        assert (running["state"], running["total"]) == ("running", DOCUMENTS)
        assert running["eta_s"] > 0
        before, held = rows(service, started["generation"])
        assert 5 <= held < DOCUMENTS
        assert states(service) == ["active", "building"]

        service.start_worker()
        ended = service.wait_for_job(started["id"])
        assert (ended["state"], ended["done"], ended["total"]) == ("succeeded", DOCUMENTS, DOCUMENTS)
        assert active_generation(service, "re") == started["generation"]
        after, held = rows(service, started["generation"])
        assert (before <= after, held) == (True, DOCUMENTS)
        with upkeep_of(service) as upkeep:
            assert [report.findings for report in upkeep.verify("re", deep=True)] == [[], []]


def test_cancelled_reindex_leaves_neither_rows_nor_files(tmp_path: Path) -> None:
    with fed_service(tmp_path / "data") as service:
        started = start_reindex(service)
        wait_until(lambda: job(service, started["id"])["done"] >= 5)
        with service.client() as client:
            assert client.delete(f"/v1/jobs/{started['id']}").status_code == 204
        assert job(service, started["id"])["state"] == "cancelled"
        folder = service.data_dir / "index" / str(started["generation"])
        wait_until(lambda: not folder.exists() and states(service) == ["active"])
        assert rows(service, started["generation"]) == (set(), 0)
        assert service.search("re", "locker 7", mode="lexical", k=1)[0]["document_id"] == "d7.txt"
        assert service.wait_for_job(start_reindex(service)["id"])["state"] == "succeeded"


def test_reindex_ends_while_uploads_keep_coming(tmp_path: Path) -> None:
    with fed_service(tmp_path / "data") as service:
        texts = [f"Desk {n} stands in room {n}. " * 20 for n in range(2 * DOCUMENTS)]
        with service.client() as client:
            files = [("files", (f"new{n}.txt", text.encode())) for n, text in enumerate(texts)]
            uploads = client.post("/v1/collections/re/documents", files=files).json()
        started = start_reindex(service)
        assert service.wait_for_job(started["id"])["state"] == "succeeded"
        assert job(service, uploads["id"])["finished_at"] is None, "it waited for the last of the uploads"
        assert active_generation(service, "re") == started["generation"]
        assert service.wait_for_job(uploads["id"])["done"] == len(texts)
        with upkeep_of(service) as upkeep:
            assert all(not report.findings for report in upkeep.verify("re", deep=True))


def test_replaced_index_goes_once_it_was_kept_for_its_time(tmp_path: Path) -> None:
    with fed_service(tmp_path / "data", generation_keep_s="3") as service:
        first = active_generation(service, "re")
        assert service.wait_for_job(start_reindex(service)["id"])["state"] == "succeeded"
        assert states(service) == ["retired", "active"]
        time.sleep(3)
        kill_worker(service)
        service.start_worker()  # it tidies as soon as it has nothing to do
        wait_until(lambda: states(service) == ["active"])
        wait_until(lambda: not (service.data_dir / "index" / str(first)).exists())
        assert rows(service, first) == (set(), 0)
        with service.client() as client:
            assert client.post("/v1/admin/rollback", json={"collection": "re"}).status_code == 409


def other_format(folder: Path) -> None:
    content = json.loads((folder / FILE_NAME).read_bytes())
    (folder / FILE_NAME).write_text(json.dumps(content | {"format": 0}))


def other_analyser(folder: Path) -> None:
    manifest = Manifest.read(folder)
    Manifest(manifest.version + 1, "0", manifest.dimension, manifest.segments).write(folder)


@pytest.mark.parametrize(("make_outdated", "still_read"), [(other_format, False), (other_analyser, True)])
def test_outdated_index_is_built_anew_without_being_asked(
    tmp_path: Path, make_outdated: Callable[[Path], None], still_read: bool
) -> None:
    with fed_service(tmp_path / "data") as service:
        first = active_generation(service, "re")
        kill_worker(service)
        make_outdated(index_folder(service, "re"))
        with service.client() as client:
            reply = client.post("/v1/search", json={"collection": "re", "query": "locker 7"})
            assert reply.status_code == (200 if still_read else 409)
            waiting = client.put("/v1/collections/re/documents/new.txt", content=b"The mangosteen is new.").json()
        service.start_worker()
        wait_until(lambda: active_generation(service, "re") != first)
        assert service.wait_for_job(waiting["id"])["state"] == "succeeded"
        for query, document in (("locker 7", "d7.txt"), ("mangosteen", "new.txt")):
            assert service.search("re", query, mode="lexical", k=1)[0]["document_id"] == document
        assert service.log().count("written by another version and is built anew") == 1
