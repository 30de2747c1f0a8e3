"""kill -9 at random moments while documents are fed, replaced and deleted loses, doubles and halves nothing."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.support.service import ROOT, RunningService, running_service

KILLS = int(os.environ.get("TEST_KILLS", "10"))
SEED = int(os.environ.get("TEST_SEED", "20261124"))
DOCUMENTS = 24
STALLED_S = 120


def body(document: int, revision: int) -> bytes:
    """Three sections, so that a document has several chunks, each naming its document and revision."""
    sections = [
        f"# Part {part} of manual {document}\n\n" + f"Manual {document} part {part} says version {revision}. " * 40
        for part in range(3)
    ]
    return "\n\n".join(sections).encode()


class Feeder(threading.Thread):
    """Keeps putting and deleting documents, remembering what the server has accepted last for each."""

    def __init__(self, service: RunningService, seed: int) -> None:
        super().__init__(daemon=True)
        self.service = service
        self.random = random.Random(seed)
        self.accepted: dict[int, set[int | None]] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        revision = 0
        while not self.ended.is_set():
            revision += 1
            document = self.random.randrange(DOCUMENTS)
            delete = self.random.random() < 0.15
            path = f"/v1/collections/crash/documents/m{document}.md"
            before = self.accepted.get(document, {None})
            try:
                with self.service.client() as client:
                    if delete:
                        reply = client.delete(path)
                    else:
                        headers = {"Content-Type": "text/markdown"}
                        reply = client.put(path, content=body(document, revision), headers=headers)
                if reply.status_code in {202, 204}:
                    self.accepted[document] = {None if delete else revision}
            except httpx.TransportError:
                # The server died under the request: it may have been taken in or not, both are right.
                self.accepted[document] = before | {None if delete else revision}
                time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [SEED])
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_killed_processes_lose_double_and_halve_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, seed: int
) -> None:
    chance = random.Random(seed)
    url = "" if database == "sqlite" else request.getfixturevalue("postgres_url")
    with running_service(tmp_path / "data", database_url=url, lease_s="2") as service:
        service.create_collection("crash", chunk_target_tokens=120, chunk_max_tokens=200)
        feeder = Feeder(service, seed)
        feeder.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.3, 2.5))
            if chance.random() < 0.7:
                worker = service.workers.pop()
                worker.kill()
                worker.wait()
                service.start_worker()
            else:
                assert service.server is not None
                service.server.kill()
                service.server.wait()
                service.start_server()
        feeder.ended.set()
        feeder.join()
        wait_until_idle(service)
        for document, possible in feeder.accepted.items():
            assert visible_revision(service, document) in possible, f"seed {seed}, document {document}"
        # Beside the running service: its readers and the worker go on.
        verify(service, seed)


def verify(service: RunningService, seed: int) -> None:
    command = [sys.executable, "-m", "app.cli", "verify", "--deep", "--json"]
    ended = subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"seed {seed}: {ended.stdout}\n{ended.stderr}"
    assert json.loads(ended.stdout)[0]["documents"] > 0


def wait_until_idle(service: RunningService) -> None:
    """Wait for as long as documents get fewer; a backlog of many kills takes a slow machine minutes."""
    least, deadline = math.inf, 0.0
    with service.client() as client:
        while waiting := client.get("/v1/admin/status").json()["queued_documents"]:
            if waiting < least:
                least, deadline = waiting, time.monotonic() + STALLED_S
            assert time.monotonic() < deadline, f"{waiting} documents still wait\n{service.log()[-3000:]}"
            time.sleep(0.2)


def visible_revision(service: RunningService, document: int) -> int | None:
    """Return the one revision that search and text agree on; None where the document is not there."""
    name = f"m{document}.md"
    wanted = {"document_ids": [name]}
    hits = service.search("crash", f"manual {document} version", k=50, filter=wanted)
    with service.client() as client:
        reply = client.get(f"/v1/collections/crash/documents/{name}/text")
    if reply.status_code == 404:
        assert hits == []
        return None
    text = reply.json()["text"]
    found = {int(part.split(".")[0]) for part in text.split("version ")[1:]}
    assert len(found) == 1, f"{name} mixes revisions {found}"
    assert all(text[h["char_start"] : h["char_end"]] == h["text"] for h in hits)
    covered = {position for h in hits for position in (h["char_start"],)}
    assert len(covered) == len(hits) >= 3
    return found.pop()
