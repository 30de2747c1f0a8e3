"""Changes a generation in Milvus: one writer at a time, held to that by the lock in the data folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from core.settings import Settings
from core.types import Embeddings, IndexEntry
from indexes.background import scattered
from indexes.lexical.fields import FieldWeights
from indexes.locks import FolderLock
from indexes.milvus import statistics, tables
from indexes.milvus.connection import Fields, Milvus
from indexes.milvus.facets import FIELD, facets_of
from indexes.milvus.statistics import Changes, Statistics
from indexes.milvus.tables import Names
from indexes.milvus.terms import counted, saturations
from indexes.writer import LOCK_FILE, check_analyser, dimension_with, language_of


@dataclass(frozen=True, slots=True)
class _Row:
    """A chunk that waits for the commit."""

    language: str
    counts: Mapping[int, int]
    embedding: Embeddings
    facets: list[int]


class MilvusWriter:
    """The one writer of a generation. Nothing that it is given can be found before `commit` is called.

    Not for use from several threads. A commit of many rows is several calls: a reader may find some rows before the
    others, and the database, which names what is visible, hides them until all are there.
    """

    def __init__(self, milvus: Milvus, generation_id: int, lock: FolderLock, fields: FieldWeights) -> None:
        self._milvus = milvus
        self._names = Names.of(milvus, generation_id)
        self._lock = lock
        self._fields = fields
        self._buffer: dict[int, _Row] = {}
        self._dropped: set[int] = set()
        self._there = milvus.exists(self._names.statistics)
        self._dimension = tables.dimension_of(milvus, self._names) if self._there else 0

    @classmethod
    def open(cls, settings: Settings, generation_id: int) -> Self:
        """Open a generation, which may have nothing yet, and count its terms anew if a writer died in a commit.

        Raises IndexLocked where another writer is open, IndexOutdated where another analyser wrote, MissingExtra,
        Unavailable.
        """
        folder = settings.index_folder(generation_id)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder, LOCK_FILE)
        try:
            writer = cls(Milvus(settings), generation_id, lock, FieldWeights.of(settings))
            writer._recover()
        except BaseException:
            lock.release()
            raise
        return writer

    def add(self, entries: Sequence[IndexEntry]) -> None:
        """Take entries in; one whose chunk id is in the index already replaces it.

        Raises EmbedderMismatch where an embedding is not as long as those in the index.
        """
        for entry in entries:
            self._dimension = dimension_with(entry, self._dimension)
            self._dropped.discard(entry.chunk_id)
            self._buffer[entry.chunk_id] = _Row(
                language_of(entry), counted(self._fields.bag(entry)), entry.embedding, facets_of(entry.attributes)
            )

    def tombstone(self, chunk_ids: Iterable[int]) -> None:
        """Drop chunks; ids that the index does not hold are ignored."""
        for id_ in chunk_ids:
            self._buffer.pop(int(id_), None)
            self._dropped.add(int(id_))

    def commit(self) -> None:
        """Make everything since the last commit findable; nothing to commit is no error.

        After an error commit may be called again: what it wrote is written once more.
        """
        if self._there:
            self._recover()  # an earlier try of this commit may have failed half-way
        elif self._buffer:
            self._create()
        else:
            self._dropped.clear()
            return
        known = statistics.read(self._milvus, self._names.statistics)
        touched = sorted({*self._buffer, *self._dropped})
        before = tables.passages(self._milvus, self._names, touched, known.reference_length, vectors=False)
        if not self._buffer and not before:
            self._dropped.clear()
            return
        changes = Changes()
        for passage in before:
            changes.add(passage.language, passage.counts, -1)
        for row in self._buffer.values():
            changes.add(row.language, row.counts)
        known = statistics.read(self._milvus, self._names.statistics, changes.df)
        statistics.doubt(self._milvus, self._names.statistics, known)
        self._milvus.delete(self._names.passages, [p.chunk_id for p in before if p.chunk_id in self._dropped])
        self._milvus.upsert(self._names.passages, self._rows(known.reference_length))
        statistics.apply(self._milvus, self._names.statistics, known, changes)
        self._buffer.clear()
        self._dropped.clear()

    def close(self) -> None:
        """Let go of lock and connection; what was not committed is forgotten. Idempotent."""
        self._buffer.clear()
        self._dropped.clear()
        self._milvus.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _create(self) -> None:
        """Make the collections; the first commit's mean length is what weights are computed with from then on."""
        lengths = [sum(row.counts.values()) for row in self._buffer.values()]
        tables.create(self._milvus, self._names, self._dimension)
        reference = max(sum(lengths) / len(lengths), 1.0)
        statistics.begin(self._milvus, self._names.statistics, self._fields.analyser, reference)
        self._there = True

    def _recover(self) -> None:
        if not self._there:
            return
        known = statistics.read(self._milvus, self._names.statistics)
        if not known.version and not known.analyser:  # a writer died between the two lines of `_create`
            tables.drop(self._milvus, self._names)
            self._there = False
            return
        if known.documents:
            check_analyser(known.analyser, self._fields)
        if not known.sure:
            self._count_anew(known)

    def _count_anew(self, known: Statistics) -> None:
        counts = Changes()
        for rows in self._milvus.every_row(self._names.passages, ["chunk_id", "language", "length", "terms"]):
            for row in rows:
                passage = tables.passage_of(row, known.reference_length)
                counts.add(passage.language, passage.counts)
        statistics.replace_all(self._milvus, self._names.statistics, known, counts)

    def _rows(self, reference_length: float) -> list[Fields]:
        ids = np.array(list(self._buffer), np.int64)
        places = (scattered(ids) >> np.uint64(1)).tolist()
        return [
            {
                "chunk_id": id_,
                "language": row.language,
                "length": sum(row.counts.values()),
                "scattered": place,
                FIELD: row.facets,
                "dense": row.embedding.astype(np.float32),
                "terms": saturations(row.counts, reference_length),
            }
            for place, (id_, row) in zip(places, self._buffer.items(), strict=True)
        ]
