"""What is replaced while a search runs is found all the same, in the revision that answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.retrieval import service as retrieval
from app.retrieval.options import RankingOptions
from app.retrieval.service import Retriever
from app.security.keys import ADMIN
from core.database import Database
from core.filters import Field, Filter, Name, OneOf
from indexes.embedders.pool import EmbedderPool
from tests.support.service import RunningService, running_service
from tests.support.stored import settings_of


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("meanwhile")) as running:
        yield running


@pytest.fixture
def retriever(service: RunningService) -> Iterator[Retriever]:
    """A retriever of our own beside the service's."""
    settings = settings_of(service)
    database, embedders = Database(settings.resolved_database_url), EmbedderPool(settings)
    opened = Retriever(settings, database, embedders)
    yield opened
    opened.close()
    embedders.close()
    database.close()


def reindex(service: RunningService, collection: str) -> None:
    with service.client() as client:
        reply = client.post("/v1/admin/reindex", json={"collection": collection})
    assert service.wait_for_job(reply.json()["id"])["state"] == "succeeded"


@pytest.mark.parametrize("wanted", [None, OneOf(Field(Name.DOCUMENT_ID), ("a.txt",))], ids=["open", "filtered"])
@pytest.mark.parametrize("switched", [False, True], ids=["", "reindexed"])
def test_document_replaced_twice_during_a_search_is_found(
    service: RunningService,
    retriever: Retriever,
    monkeypatch: pytest.MonkeyPatch,
    wanted: Filter | None,
    *,
    switched: bool,
) -> None:
    name = f"meanwhile-{wanted is None}-{switched}".lower()
    service.create_collection(name)
    service.feed(name, {"a.txt": b"The heron nests, version 0.", "b.txt": b"Another heron."})
    hydrate, changes = retrieval.hydrate, 0

    def hydrate_after_a_change(*arguments: object) -> object:
        nonlocal changes
        if changes < 2:
            changes += 1
            if switched and changes == 1:
                reindex(service, name)
            service.put(name, "a.txt", f"The heron nests, version {changes}.".encode())
        return hydrate(*arguments)

    monkeypatch.setattr(retrieval, "hydrate", hydrate_after_a_change)
    ranking = RankingOptions(translate=False)
    found = retriever.search(ADMIN, name, "heron", k=5, mode="lexical", wanted=wanted, ranking=ranking)
    texts = {source.document_id: source.text for source in found.sources}
    assert texts["a.txt"] == "The heron nests, version 2."
    assert set(texts) == ({"a.txt"} if wanted else {"a.txt", "b.txt"})
