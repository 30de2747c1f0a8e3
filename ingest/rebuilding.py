"""Building anew, without being asked, what an upgrade has made unreadable or out of step."""

from __future__ import annotations

import logging

from sqlalchemy import select

from core.database import Database
from core.errors import Conflict
from core.generations import Recipe, begin_reindex
from core.job_queue import job_of_key
from core.models import Collection, Generation
from core.settings import Settings
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.fields import FieldWeights
from indexes.manifest import FORMAT, IndexDamaged, IndexOutdated
from indexes.writing import check_readable

logger = logging.getLogger("ragstone.worker")

_ASKED_BY = "worker"


def rebuild_outdated(settings: Settings, database: Database, embedders: EmbedderPool) -> None:
    """Queue a reindex of every collection whose index another version wrote; once each, whatever comes of it.

    No golden questions are asked: an index that answers badly is better than none. Raises as the embedder does.
    """
    with database.read() as session:
        statement = select(Generation, Collection.name).join(
            Collection, Collection.active_generation_id == Generation.id
        )
        active = session.execute(statement).all()
    for generation, name in active:
        try:
            check_readable(settings, generation.id)
        except IndexOutdated:
            _rebuild(database, embedders, generation, name, FieldWeights.of(settings).analyser)
        except IndexDamaged:
            continue  # `ragstone verify --repair` mends it at less cost


def _rebuild(database: Database, embedders: EmbedderPool, generation: Generation, name: str, analyser: str) -> None:
    embedder = embedders.get(generation.embedder)
    recipe = Recipe(
        generation.embedder,
        embedder.fingerprint,
        embedder.dimension,
        generation.chunk_target_tokens,
        generation.chunk_max_tokens,
        analyser,
    )
    key = f"outdated-{generation.id}-{FORMAT}-{analyser}"
    try:
        with database.write() as session:
            if job_of_key(session, _ASKED_BY, key, "reindex", generation.collection_id) is not None:
                return
            job = begin_reindex(session, generation.collection_id, recipe, _ASKED_BY, key)
    except Conflict:  # somebody reindexes it already
        return
    logger.warning("the index of %s was written by another version and is built anew: job %s", name, job.id)
