"""Removes for good what was deleted: until then it is invisible, and its bytes lie in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import delete, select

from core import originals
from core.blobs import BlobStore
from core.database import Database
from core.errors import RagstoneError
from core.models import SOURCE_DELETED, Answer, Base, Collection, Generation
from core.settings import Settings
from core.vectors import sweep_vectors
from indexes import compaction
from indexes.upkeep.removals import collect_generations, drain_deletions
from indexes.upkeep.verify import examine
from indexes.writing import check_readable, remove_from_index


@dataclass(frozen=True, slots=True)
class Purged:
    """What was done. left: indexes that could not be purged, with the reason."""

    removed_entries: int
    rewritten_segments: int
    removed_originals: int
    removed_vectors: int
    removed_answers: int
    left: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Return what was done as plain data."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return what was done as lines for people."""
        done = (
            f"purged: {self.removed_entries:,} stray entries, {self.rewritten_segments:,} segments rewritten, "
            f"{self.removed_originals:,} originals, {self.removed_vectors:,} vectors and "
            f"{self.removed_answers:,} answers removed, database rewritten"
        )
        return [done, *self.left]


def purge(settings: Settings, database: Database, collection: str | None, *, rewrite_tables: bool) -> Purged:
    """Remove what was deleted from every file; raises Unavailable, StorageFull.

    Files first, the database last: what is noted there is needed until then. collection: whose index, None for
    all; originals and the database are always purged as a whole. rewrite_tables: see `Database.compact`.
    """
    while drain_deletions(settings, database):
        pass
    stray, rewritten, left = 0, 0, []
    for generation, name in _generations(database, collection):
        if reason := _unreadable(settings, generation):
            left.append(_put_aside(database, generation, name, reason))
            continue
        stray += _remove_stray(settings, database, generation, name)
        rewritten += compaction.rewrite_dead(settings, generation.id)
    collect_generations(settings, database)
    blobs = BlobStore(settings.blob_dir)
    removed = originals.remove_doomed(database, blobs)
    originals.remove_lost(database, blobs)
    vectors = sweep_vectors(database)
    answers = _forget_answers(database)
    database.compact([table.name for table in Base.metadata.sorted_tables], rewrite=rewrite_tables)
    return Purged(stray, rewritten, removed, vectors, answers, [line for line in left if line])


def _forget_answers(database: Database) -> int:
    """Delete what is left of answers that quoted a deleted document: the question, and what was said of them."""
    with database.write() as session:
        forgotten = delete(Answer).where(Answer.reason == SOURCE_DELETED).returning(Answer.id)
        return len(session.scalars(forgotten).all())


def _generations(database: Database, collection: str | None) -> list[tuple[Generation, str]]:
    statement = select(Generation, Collection.name).join(Collection, Collection.id == Generation.collection_id)
    if collection is not None:
        statement = statement.where(Collection.name == collection)
    with database.read() as session:
        return [(generation, name) for generation, name in session.execute(statement.order_by(Generation.id))]


def _unreadable(settings: Settings, generation: Generation) -> str:
    try:
        check_readable(settings, generation.id)
    except RagstoneError as error:
        return error.detail
    return ""


def _put_aside(database: Database, generation: Generation, name: str, reason: str) -> str:
    """Give up an index that does not answer; returns why one that answers keeps what it holds."""
    if generation.state == "active":
        return f"{name}: not purged: {reason}"
    with database.write() as session:
        kept = session.get(Generation, generation.id, with_for_update=True)
        if kept is not None and kept.state in {"retired", "rejected"}:
            kept.state = "abandoned"
    return ""


def _remove_stray(settings: Settings, database: Database, generation: Generation, name: str) -> int:
    """Remove entries that no note tells of: a worker that was killed may have left some."""
    examined = examine(settings, database, generation, name)
    if examined is None:
        return 0
    stray = np.union1d(examined.differences.extra, examined.differences.stale)
    if len(stray):
        remove_from_index(settings, generation.id, stray.tolist())
    return len(stray)
