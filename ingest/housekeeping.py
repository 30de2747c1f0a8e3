"""What a worker tidies of its own: segments to be merged, vectors and conversations past their time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy import delete, select

from core.database import Database
from core.models import Answer, Generation
from core.settings import Settings
from core.vectors import sweep_vectors, trim_vectors
from indexes import compaction
from indexes.manifest import IndexDamaged

logger = logging.getLogger("ragstone.worker")


def merge_segments(settings: Settings, database: Database, stopped: Callable[[], bool]) -> None:
    """Do the merges that commits have left undone, until there is none or the worker stops."""
    with database.read() as session:
        wanted = select(Generation.id).where(Generation.state.in_(("active", "building")))
        generations = list(session.scalars(wanted))
    for generation_id in generations:
        try:
            while not stopped() and compaction.merge_segments(settings, generation_id):
                pass
        except IndexDamaged as damage:  # the other indexes are none the worse for it
            logger.error("index %d is not merged: %s", generation_id, damage.detail)


def collect_vectors(settings: Settings, database: Database, *, sweep: bool) -> None:
    """Keep the number of kept vectors within its bound, and with sweep remove all that no chunk holds any more."""
    if sweep and (removed := sweep_vectors(database)):
        logger.info("removed %s vectors of text that is gone", removed)
    trim_vectors(database, settings.vector_cache_size)


def forget_conversations(settings: Settings, database: Database) -> None:
    """Remove answers older than the time that conversations are kept."""
    with database.write() as session:
        session.execute(delete(Answer).where(Answer.created_at < time.time() - settings.conversation_keep_s))
