"""Several worker processes feed one collection together, and lose nothing with one of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.service import ROOT, RunningService, running_service

DOCUMENTS = 60
WORKERS = 3


@contextmanager
def three_workers(request: pytest.FixtureRequest, folder: Path) -> Iterator[RunningService]:
    settings = {"lease_s": "2", "worker_batch": "4", "embed_threads": "1"}
    if request.node.callspec.params["engine"] == "sqlite":
        with running_service(folder, workers=WORKERS, **settings) as service:
            yield service
        return
    from tests.support.postgres import fresh_database

    with (
        fresh_database(request.getfixturevalue("postgres_server")) as url,
        running_service(folder, workers=WORKERS, database_url=url, **settings) as service,
    ):
        yield service


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_every_document_is_searchable_once_though_a_worker_is_killed(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    with three_workers(request, tmp_path / "data") as service:
        service.create_collection("shared")
        documents = {
            f"d{n}.md": f"# Locker {n}\n\nLocker {n} belongs to person {n}.".encode() for n in range(DOCUMENTS)
        }
        with service.client() as client:
            files = [("files", (name, data)) for name, data in documents.items()]
            job = client.post("/v1/collections/shared/documents", files=files).json()["id"]
            while not 8 <= client.get(f"/v1/jobs/{job}").json()["done"] < DOCUMENTS:
                pass
        victim = service.workers.pop(0)
        victim.kill()
        victim.wait()
        ended = service.wait_for_job(job)
        assert (ended["state"], ended["done"], ended["failed"]) == ("succeeded", DOCUMENTS, 0)
        hits = service.search("shared", "locker", mode="lexical", k=100)
        assert sorted(hit["document_id"] for hit in hits) == sorted(documents)
        assert all(worker.poll() is None for worker in service.workers)
        verified = subprocess.run(
            [sys.executable, "-m", "app.cli", "verify", "--deep"],
            cwd=ROOT,
            env=service.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
