"""What did not change is never embedded again: counted at a real endpoint that serves real vectors."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, func, select

from core.database import Database
from core.models import Chunk, Generation, IndexDeletion, Vector
from core.settings import Settings
from core.types import ChunkDraft, Embeddings
from indexes.embedders.e5 import E5Embedder
from indexes.embedding import ChunkEmbedder, Stopped
from indexes.passages import embedding_text, stored_chunks
from indexes.upkeep import removals
from ingest import housekeeping
from ingest.revisions import save_chunks
from tests.support.embeddings_server import EmbeddingsServer, embeddings_server
from tests.support.rows import add_collection, add_revision
from tests.support.service import RunningService, running_service

# A chunk ends with its section, so that a change stays within one.
SECTIONS = [
    f"## Rule {n}\n\n" + f"Rule {n} of the house says that room {n} is cleaned on day {n}. " * 3 for n in range(30)
]


@pytest.fixture(scope="module")
def endpoint(e5: E5Embedder) -> Iterator[EmbeddingsServer]:
    with embeddings_server(e5) as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, endpoint: EmbeddingsServer
) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("service")
    if request.param == "sqlite":
        with running(folder, endpoint) as service:
            yield service
        return
    from tests.support.postgres import fresh_database

    with (
        fresh_database(request.getfixturevalue("postgres_server")) as url,
        running(folder, endpoint, url) as service,
    ):
        yield service


@contextmanager
def running(folder: Path, endpoint: EmbeddingsServer, database_url: str = "") -> Iterator[RunningService]:
    with running_service(
        folder,
        database_url=database_url,
        embedder="openai:e5",
        embed_base_url=endpoint.url,
        embed_api_key=endpoint.key,
        embed_batch="4",
        embed_concurrency="1",
        lease_s="2",
    ) as service:
        yield service


def document(*sections: str) -> bytes:
    return "\n\n".join(sections).encode()


def embedded(endpoint: EmbeddingsServer) -> list[str]:
    """The passages that the endpoint was asked for since the last call."""
    with endpoint.lock:
        asked = [text for texts in endpoint.requests for text in texts if text.startswith("passage: ")]
        endpoint.requests.clear()
    return asked


@contextmanager
def opened(service: RunningService) -> Iterator[Database]:
    url = service.environment["RAGSTONE_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    database = Database(url or f"sqlite:///{service.data_dir / 'ragstone.db'}")
    yield database
    database.close()


def vectors_once_drained(service: RunningService) -> int:
    with opened(service) as database:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with database.read() as session:
                if not session.scalar(select(func.count()).select_from(IndexDeletion)):
                    return session.scalar(select(func.count()).select_from(Vector)) or 0
            time.sleep(0.05)
    raise AssertionError(f"removals still wait\n{service.log()[-3000:]}")


def test_changed_section_alone_is_embedded_again_and_a_reindex_embeds_nothing(
    service: RunningService, endpoint: EmbeddingsServer
) -> None:
    service.create_collection("rules")
    embedded(endpoint)
    assert service.put("rules", "r.md", document(*SECTIONS), "text/markdown")["state"] == "succeeded"
    first = [text for text in embedded(endpoint) if "Rule" in text]
    assert len(first) >= 20
    assert vectors_once_drained(service) == len(first)

    cat = "## Rule 12\n\n" + "Rule 12 is no more, and the cat sleeps in room 12 instead. " * 4
    changed = [*SECTIONS[:12], cat, *SECTIONS[13:]]
    assert service.put("rules", "r.md", document(*changed), "text/markdown")["state"] == "succeeded"
    again = embedded(endpoint)
    assert [text for text in again if "cat sleeps" in text]
    assert len([text for text in again if "cat sleeps" not in text]) <= 1, "the one that is compared"
    assert vectors_once_drained(service) == len(first), "the vector of the section that is gone went with it"
    assert "cat sleeps" in service.search("rules", "Where does the cat sleep?", k=1, mode="dense")[0]["text"]

    with service.client() as client:
        embedded(endpoint)
        job = client.post("/v1/admin/reindex", json={"collection": "rules"}).json()
        assert service.wait_for_job(job["id"])["state"] == "succeeded"
    assert len(embedded(endpoint)) == 1, "the one that is compared"
    assert "cat sleeps" in service.search("rules", "Where does the cat sleep?", k=1, mode="dense")[0]["text"]


def test_vectors_of_a_model_that_was_replaced_behind_its_name_are_not_used_again(
    service: RunningService, endpoint: EmbeddingsServer, e5: E5Embedder
) -> None:
    service.create_collection("swapped")
    embedded(endpoint)
    other = document(*(section.replace("house", "ship") for section in SECTIONS[:8]))
    assert service.put("swapped", "s.md", other, "text/markdown")["state"] == "succeeded"
    first = set(embedded(endpoint))
    endpoint.embedder = OtherModel(e5)
    try:
        with service.client() as client:
            job = client.post("/v1/admin/reindex", json={"collection": "swapped"}).json()
            assert service.wait_for_job(job["id"])["state"] == "succeeded"
        assert set(embedded(endpoint)) == first
    finally:
        endpoint.embedder = e5


class OtherModel:
    """Another model of the same length: only this can stand for one here."""

    def __init__(self, e5: E5Embedder) -> None:
        self._e5 = e5

    def embed_passages(self, texts: list[str]) -> Embeddings:
        return self._e5.embed_passages(texts)[:, ::-1]


def test_same_text_in_two_documents_is_embedded_once_and_goes_with_the_last(
    service: RunningService, endpoint: EmbeddingsServer
) -> None:
    service.create_collection("twice")
    before = vectors_once_drained(service)
    notice = "In case of fire leave by the stairs. " * 8
    with service.client() as client:
        lines = "".join(
            f'{{"id": "{name}", "title": "Notice", "text": "{notice}"}}\n' for name in ("one", "two", "three")
        )
        reply = client.post("/v1/collections/twice/documents/bulk", content=lines)
        embedded(endpoint)
        assert service.wait_for_job(reply.json()["id"])["state"] == "succeeded"
        counts = Counter(embedded(endpoint))
        assert counts
        assert max(counts.values()) == 1
        for name in ("one", "two"):
            assert client.delete(f"/v1/collections/twice/documents/{name}").status_code == 204
        assert vectors_once_drained(service) == before + len(counts)
        assert client.delete("/v1/collections/twice/documents/three").status_code == 204
        assert vectors_once_drained(service) == before


def test_killed_worker_loses_no_more_than_the_piece_that_was_under_way(
    service: RunningService, endpoint: EmbeddingsServer
) -> None:
    service.create_collection("killed")
    embedded(endpoint)
    text = document(*(f"## Shelf {n}\n\n" + f"Shelf {n} holds year {1900 + n}. " * 6 for n in range(40)))
    with service.client() as client:
        job = client.put(
            "/v1/collections/killed/documents/k.md", content=text, headers={"Content-Type": "text/markdown"}
        ).json()["id"]
    while sum("Shelf" in text for texts in list(endpoint.requests) for text in texts) < 12:
        time.sleep(0.01)
    worker = service.workers.pop()
    worker.kill()
    worker.wait()
    service.start_worker()
    assert service.wait_for_job(job)["state"] == "succeeded"
    counts = Counter(text for text in embedded(endpoint) if "Shelf" in text)
    assert len(counts) >= 30
    assert sum(counts.values()) - len(counts) <= 4 + 1, "a piece holds 4 texts here, and one is compared"
    with opened(service) as database, database.read() as session:
        assert not session.scalar(select(func.count()).select_from(IndexDeletion))
    assert len(service.search("killed", "shelf", k=60, mode="lexical")) == len(counts)


def test_vectors_of_a_deleted_collection_are_collected(service: RunningService, endpoint: EmbeddingsServer) -> None:
    before = vectors_once_drained(service)
    service.create_collection("short-lived")
    other = document(*(section.replace("house", "hut") for section in SECTIONS))
    service.put("short-lived", "s.md", other, "text/markdown")
    assert vectors_once_drained(service) > before
    with service.client() as client:
        assert client.delete("/v1/collections/short-lived").status_code == 204
    settings = Settings(data_dir=service.data_dir, generation_keep_s=3600)
    with opened(service) as database:
        assert removals.collect_generations(settings, database)
        housekeeping.collect_vectors(settings, database, sweep=True)
    assert vectors_once_drained(service) == before


def test_what_is_kept_is_not_embedded_by_a_model_that_cannot_have_changed(e5: E5Embedder, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ragstone.db'}")
    database.migrate()
    with database.write() as session:
        collection = add_collection(session, "a")
        session.get_one(Generation, collection.active_generation_id).fingerprint = e5.fingerprint
        revisions = [add_revision(session, collection, f"room {n}") for n in range(6)]
        drafts = [ChunkDraft(0, f"text {n}", 0, 6, (), "", None, None, 2) for n in range(6)]
        for revision, draft in zip(revisions, drafts, strict=True):
            session.execute(delete(Chunk).where(Chunk.revision_id == revision.id))
            save_chunks(session, revision.id, collection.active_generation_id or 0, [draft])
    with database.read() as session:
        chunks = stored_chunks(session)
    made = ChunkEmbedder(Settings(embed_batch=2, embed_concurrency=1), database, lambda: False).embed(
        chunks, e5, e5.dimension
    )
    np.testing.assert_array_equal(made, e5.embed_passages([embedding_text(chunk) for chunk in chunks]))
    # One that is to stop at once embeds nothing.
    stopped = ChunkEmbedder(Settings(), database, lambda: True)
    np.testing.assert_array_equal(stopped.embed(chunks, e5, e5.dimension), made)
    with pytest.raises(Stopped):
        stopped.embed([replace(chunks[0], text="text that is new")], e5, e5.dimension)
    assert stopped.embed([], e5, e5.dimension).shape == (0, e5.dimension)
    database.close()


def test_without_a_cache_nothing_is_kept(tmp_path: Path, endpoint: EmbeddingsServer) -> None:
    with running_service(
        tmp_path,
        embedder="openai:e5",
        embed_base_url=endpoint.url,
        embed_api_key=endpoint.key,
        vector_cache_size="0",
    ) as service:
        service.create_collection("plain")
        assert service.put("plain", "p.md", document(*SECTIONS[:3]), "text/markdown")["state"] == "succeeded"
        assert vectors_once_drained(service) == 0
