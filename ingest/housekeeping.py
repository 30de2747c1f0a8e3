"""What an idle worker tidies: index entries of removed chunks, replaced generations, files nobody names."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable

from sqlalchemy import and_, delete, or_, select

from core.blobs import BlobStore
from core.database import Database
from core.job_queue import FINAL_STATES
from core.models import Answer, Chunk, Generation, IndexDeletion, Job, Revision
from core.settings import Settings
from core.vectors import drop_unused_vectors, sweep_vectors, trim_vectors
from indexes import compaction
from indexes.writing import remove_from_index

logger = logging.getLogger("ragstone.worker")

_DELETIONS_AT_ONCE = 10_000
_ROWS_AT_ONCE = 2_000
# An upload stores its bytes before its row: younger files may still be waiting for theirs.
_BLOB_GRACE_S = 3600.0


def drain_deletions(settings: Settings, database: Database) -> bool:
    """Remove noted chunks of one generation from its index, and vectors that only they held; tells of any.

    They have been invisible since the transaction that noted them; this frees their place.
    """
    with database.read() as session:
        first = session.scalars(select(IndexDeletion).order_by(IndexDeletion.id).limit(1)).first()
        if first is None:
            return False
        rows = session.execute(
            select(IndexDeletion.id, IndexDeletion.chunk_id, IndexDeletion.content_hash)
            .where(IndexDeletion.generation_id == first.generation_id)
            .order_by(IndexDeletion.id)
            .limit(_DELETIONS_AT_ONCE)
        ).all()
    remove_from_index(settings, first.generation_id, [row.chunk_id for row in rows])
    with database.write() as session:
        drop_unused_vectors(session, {row.content_hash for row in rows if row.content_hash})
        session.execute(delete(IndexDeletion).where(IndexDeletion.id.in_([row.id for row in rows])))
    return True


def merge_segments(settings: Settings, database: Database, stopped: Callable[[], bool]) -> None:
    """Do the merges that commits have left undone, until there is none or the worker stops."""
    with database.read() as session:
        wanted = select(Generation.id).where(Generation.state.in_(("active", "building")))
        generations = list(session.scalars(wanted))
    for generation_id in generations:
        while not stopped() and compaction.merge_segments(settings, generation_id):
            pass


def collect_generations(settings: Settings, database: Database) -> bool:
    """Drop generations kept for long enough or given up, and folders that belong to none; tells of any."""
    doomed = _give_up_old_ones(settings, database)
    for generation_id in doomed:
        _remove_rows(database, generation_id)
    folders = [folder for folder in settings.index_dir.glob("*") if folder.name.isdigit()]
    with database.read() as session:
        known = set(session.scalars(select(Generation.id)))
    orphans = [folder for folder in folders if int(folder.name) not in known]
    for folder in orphans:
        shutil.rmtree(folder, ignore_errors=True)
        logger.info("removed the index of generation %s", folder.name)
    return bool(doomed or orphans)


def _give_up_old_ones(settings: Settings, database: Database) -> list[int]:
    """Return the generations that go; from here on none of them can be rolled back to."""
    kept_long = and_(
        Generation.state.in_(("retired", "rejected")),
        Generation.retired_at < time.time() - settings.generation_keep_s,
    )
    wanted = select(Job.generation_id).where(Job.state.not_in(FINAL_STATES), Job.generation_id.is_not(None))
    statement = select(Generation).where(
        or_(Generation.state == "abandoned", kept_long), Generation.id.not_in(wanted)
    )
    with database.write() as session:
        doomed = list(session.scalars(statement.with_for_update()))
        for generation in doomed:
            generation.state = "abandoned"
        return [generation.id for generation in doomed]


def _remove_rows(database: Database, generation_id: int) -> None:
    """Delete a generation's rows, so many in a transaction that nobody waits for long."""
    chunks = select(Chunk.id).where(Chunk.generation_id == generation_id).limit(_ROWS_AT_ONCE)
    while True:
        with database.write() as session:
            ids = list(session.scalars(chunks))
            if not ids:
                session.execute(delete(Generation).where(Generation.id == generation_id))
                return
            session.execute(delete(Chunk).where(Chunk.id.in_(ids)))


def collect_vectors(settings: Settings, database: Database, *, sweep: bool) -> None:
    """Keep the number of kept vectors within its bound, and with sweep remove all that no chunk holds any more."""
    if sweep and (removed := sweep_vectors(database)):
        logger.info("removed %s vectors of text that is gone", removed)
    trim_vectors(database, settings.vector_cache_size)


def collect_blobs(database: Database, blobs: BlobStore) -> None:
    """Remove original files that no revision names."""
    for sha256 in blobs.older_than(time.time() - _BLOB_GRACE_S):
        with database.write() as session:  # the write lock keeps an upload from naming it right now
            if session.scalar(select(Revision.id).where(Revision.blob_sha256 == sha256).limit(1)) is None:
                blobs.remove(sha256)


def forget_conversations(settings: Settings, database: Database) -> None:
    """Remove answers older than the time that conversations are kept."""
    with database.write() as session:
        session.execute(delete(Answer).where(Answer.created_at < time.time() - settings.conversation_keep_s))
