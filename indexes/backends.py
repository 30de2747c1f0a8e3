"""Which index serves: what every one promises to those who search and to those who write, and the choice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, Self

from core.settings import Settings
from core.types import Ids, IndexEntry
from indexes.hybrid import HybridIndex, HybridQuery, HybridResult
from indexes.lexical.fields import FieldWeights
from indexes.status import IndexStatus, read_status
from indexes.writer import IndexWriter


class Index(Protocol):
    """The committed state of one generation; safe to use from any number of threads."""

    def refresh(self) -> bool:
        """Serve the latest commit from now on; returns whether there was a newer one."""

    @property
    def version(self) -> int:
        """The commit that was the latest at the last refresh."""

    def search(self, query: HybridQuery) -> HybridResult:
        """Search; raises InvalidInput where the question's embedding is missing or of another length."""

    def live_ids(self) -> Ids:
        """Return the chunk ids that can be found, ascending."""

    def status(self) -> IndexStatus:
        """Describe the state."""

    def close(self) -> None:
        """Let go of files and connections; idempotent."""


class Writer(Protocol):
    """The one writer of a generation; not for use from several threads."""

    def add(self, entries: Sequence[IndexEntry]) -> None:
        """Take entries in; one whose chunk id is there replaces it. Raises EmbedderMismatch."""

    def tombstone(self, chunk_ids: Iterable[int]) -> None:
        """Drop chunks; ids that are not there are ignored."""

    def commit(self) -> None:
        """Make everything since the last commit findable."""

    def close(self) -> None:
        """Let the next writer in; what was not committed is forgotten. Idempotent."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_index(settings: Settings, generation_id: int) -> Index:
    """Open a generation for searching; raises IndexDamaged, IndexOutdated, MissingExtra, Unavailable."""
    if settings.index == "milvus":
        from indexes.milvus.index import MilvusIndex  # noqa: PLC0415 - only where it is chosen

        return MilvusIndex.open(settings, generation_id)
    return HybridIndex.open(settings.index_folder(generation_id), settings.lexical, settings.faiss_device)


def open_any_writer(settings: Settings, generation_id: int) -> Writer:
    """Open the writer of a generation; raises IndexLocked where another is open, and as `open_index`."""
    if settings.index == "milvus":
        from indexes.milvus.writer import MilvusWriter  # noqa: PLC0415 - only where it is chosen

        return MilvusWriter.open(settings, generation_id)
    return open_embedded_writer(settings, generation_id)


def open_embedded_writer(
    settings: Settings, generation_id: int, *, without: Collection[str] = (), anew: bool = False
) -> IndexWriter:
    """Open the writer of an embedded generation as `IndexWriter.open`."""
    folder, fields = settings.index_folder(generation_id), FieldWeights.of(settings)
    return IndexWriter.open(folder, fields, without=without, anew=anew, exact_rows=settings.exact_rows)


def status_of(settings: Settings, generation_id: int) -> IndexStatus:
    """Describe the last commit of a generation; raises as `open_index`, and as `read_status`."""
    if settings.index == "embedded":
        return read_status(settings.index_folder(generation_id))
    index = open_index(settings, generation_id)
    try:
        return index.status()
    finally:
        index.close()


def generations_on_server(settings: Settings) -> list[int]:
    """Return the generations that a server holds, none for the embedded index; raises MissingExtra, Unavailable."""
    if settings.index != "milvus":
        return []
    from indexes.milvus.connection import Milvus  # noqa: PLC0415 - only where it is chosen

    milvus = Milvus(settings)
    try:
        return milvus.generations()
    finally:
        milvus.close()


def drop_from_server(settings: Settings, generation_ids: Iterable[int]) -> None:
    """Remove what a server holds of generations; raises as `generations_on_server`."""
    if settings.index != "milvus":
        return
    from indexes.milvus import tables  # noqa: PLC0415 - only where it is chosen
    from indexes.milvus.connection import Milvus  # noqa: PLC0415

    milvus = Milvus(settings)
    try:
        for generation_id in generation_ids:
            tables.drop(milvus, tables.Names.of(milvus, generation_id))
    finally:
        milvus.close()
