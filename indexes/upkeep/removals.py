"""What was deleted leaves the index's files too: entries of removed chunks, generations that nobody needs."""

from __future__ import annotations

import logging
import shutil
import time

from sqlalchemy import and_, delete, or_, select

from core.database import Database
from core.errors import RagstoneError
from core.job_queue import FINAL_STATES
from core.models import Chunk, Generation, IndexDeletion, Job
from core.settings import Settings
from core.vectors import drop_unused_vectors
from indexes.backends import drop_from_server, generations_on_server
from indexes.writing import check_readable, remove_from_index

logger = logging.getLogger("ragstone.upkeep")

_DELETIONS_AT_ONCE = 10_000
_ROWS_AT_ONCE = 2_000


def drain_deletions(settings: Settings, database: Database) -> bool:
    """Remove noted chunks from the indexes, and vectors that only they held; tells whether there were any.

    They have been invisible since the transaction that noted them; this frees their place. One index that cannot be
    written keeps no other from its removals; raises what is wrong with one that answers.
    """
    with database.read() as session:
        noted = select(IndexDeletion.generation_id).distinct()
        generations = list(session.scalars(select(Generation).where(Generation.id.in_(noted))))
    worked = False
    failure: RagstoneError | None = None
    for generation in generations:
        try:
            check_readable(settings, generation.id)
            worked = _drain(settings, database, generation.id) or worked
        except RagstoneError as error:
            failure = error if generation.state in {"active", "building"} else failure
    if failure is not None and not worked:
        raise failure
    return worked


def _drain(settings: Settings, database: Database, generation_id: int) -> bool:
    with database.read() as session:
        rows = session.execute(
            select(IndexDeletion.id, IndexDeletion.chunk_id, IndexDeletion.content_hash)
            .where(IndexDeletion.generation_id == generation_id)
            .order_by(IndexDeletion.id)
            .limit(_DELETIONS_AT_ONCE)
        ).all()
    remove_from_index(settings, generation_id, [row.chunk_id for row in rows])
    with database.write() as session:
        drop_unused_vectors(session, {row.content_hash for row in rows if row.content_hash})
        session.execute(delete(IndexDeletion).where(IndexDeletion.id.in_([row.id for row in rows])))
    return bool(rows)


def collect_generations(settings: Settings, database: Database) -> bool:
    """Drop generations kept for long enough or given up, and folders that belong to none; tells of any.

    Their chunks go with them, unnamed: sweep the vectors afterwards.
    """
    doomed = _give_up_old_ones(settings, database)
    for generation_id in doomed:
        _remove_rows(database, generation_id)
    folders = [folder for folder in settings.index_dir.glob("*") if folder.name.isdigit()]
    on_server = generations_on_server(settings)  # before the database: what is made meanwhile is not unknown
    with database.read() as session:
        known = set(session.scalars(select(Generation.id)))
    orphans = [folder for folder in folders if int(folder.name) not in known]
    for folder in orphans:
        shutil.rmtree(folder, ignore_errors=True)
        logger.info("removed the index of generation %s", folder.name)
    unknown = [generation_id for generation_id in on_server if generation_id not in known]
    if unknown:
        drop_from_server(settings, unknown)
        logger.info("removed the index of generations %s from the server", unknown)
    return bool(doomed or orphans or unknown)


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
