"""The data of a running service from behind: its database, and the index folder of a collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from core.database import Database
from core.models import Chunk, Collection, Document, Revision
from core.settings import Settings
from indexes.writing import open_writer
from tests.support.service import RunningService


def settings_of(service: RunningService) -> Settings:
    """The settings that the service runs on."""
    return Settings(data_dir=service.data_dir, database_url=service.environment["RAGSTONE_DATABASE_URL"])


@contextmanager
def database_of(service: RunningService) -> Iterator[Database]:
    """A connection of our own to the service's database."""
    database = Database(settings_of(service).resolved_database_url)
    try:
        yield database
    finally:
        database.close()


def active_generation(service: RunningService, collection: str) -> int:
    """The generation that answers."""
    with database_of(service) as database, database.read() as session:
        found = session.scalar(select(Collection.active_generation_id).where(Collection.name == collection))
        assert found is not None
        return found


def index_folder(service: RunningService, collection: str) -> Path:
    """The folder of the index that answers."""
    return settings_of(service).index_folder(active_generation(service, collection))


def chunks_of(service: RunningService, collection: str, document: str) -> list[int]:
    """The live chunks of a document in the index that answers."""
    statement = (
        select(Chunk.id)
        .join(Document, Document.live_revision_id == Chunk.revision_id)
        .join(Collection, Collection.id == Document.collection_id)
        .join(Revision, Revision.id == Chunk.revision_id)
        .where(
            Collection.name == collection,
            Document.external_id == document,
            Chunk.generation_id == Collection.active_generation_id,
        )
    )
    with database_of(service) as database, database.read() as session:
        return list(session.scalars(statement.order_by(Chunk.ordinal)))


def writer_of(service: RunningService, collection: str):
    """The writer of the index that answers, taken from the service for a moment."""
    return open_writer(settings_of(service), active_generation(service, collection))
