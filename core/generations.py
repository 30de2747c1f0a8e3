"""The generations of a collection's index: making one, what it lacks, and switching to it in one transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from core.errors import Conflict
from core.job_queue import FINAL_STATES, new_job
from core.models import Collection, Document, Generation, IndexedRevision, Job

# Kinds of jobs that end with a switch; one of them at a time for each collection.
SWITCHING = ("reindex", "rollback")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What shapes an index: the embedder with what it makes, the sizes of chunks, and the analyser."""

    embedder: str
    fingerprint: str
    dimension: int
    chunk_target_tokens: int
    chunk_max_tokens: int
    analyser: str


def new_generation(session: Session, collection_id: int, state: str, recipe: Recipe) -> Generation:
    """Add a generation; one that is active from the start is made with its collection."""
    generation = Generation(
        collection_id=collection_id,
        state=state,
        embedder=recipe.embedder,
        fingerprint=recipe.fingerprint,
        dimension=recipe.dimension,
        chunk_target_tokens=recipe.chunk_target_tokens,
        chunk_max_tokens=recipe.chunk_max_tokens,
        analyser=recipe.analyser,
        activated_at=time.time() if state == "active" else None,
    )
    session.add(generation)
    session.flush()
    return generation


def begin_reindex(
    session: Session,
    collection_id: int,
    recipe: Recipe,
    key_id: str,
    idempotency_key: str | None,
    golden: dict[str, Any] | None = None,
) -> Job:
    """Queue the building of a new generation; raises Conflict where a switch is under way already."""
    check_no_switch_under_way(session, collection_id)
    generation = new_generation(session, collection_id, "building", recipe)
    job = new_job(session, "reindex", collection_id, key_id, idempotency_key)
    job.generation_id, job.golden = generation.id, golden
    session.flush()
    return job


def begin_rollback(
    session: Session, generation: Generation, key_id: str, idempotency_key: str | None = None
) -> Job:
    """Queue the switch to a kept generation, which is caught up first; raises Conflict as `begin_reindex`."""
    check_no_switch_under_way(session, generation.collection_id)
    job = new_job(session, "rollback", generation.collection_id, key_id, idempotency_key)
    job.generation_id = generation.id
    session.flush()
    return job


def check_no_switch_under_way(session: Session, collection_id: int) -> None:
    """Raise Conflict where a job is building a generation of the collection, or rolling back to one."""
    running = select(Job.id).where(
        Job.collection_id == collection_id, Job.kind.in_(SWITCHING), Job.state.not_in(FINAL_STATES)
    )
    if session.scalar(running.limit(1)) is not None:
        raise Conflict("A reindex of this collection is under way: wait for it or cancel its job.")


def missing_revisions(collection_id: int, generation_id: int, after: int = 0) -> Select[int, int | None]:
    """Documents of a collection, from the id after, whose live revision a generation does not hold yet.

    Yields the ids of document and revision, in the order of the documents.
    """
    held = exists().where(
        IndexedRevision.revision_id == Document.live_revision_id,
        IndexedRevision.generation_id == generation_id,
    )
    return (
        select(Document.id, Document.live_revision_id)
        .where(
            Document.collection_id == collection_id,
            Document.id > after,
            Document.live_revision_id.is_not(None),
            ~held,
        )
        .order_by(Document.id)
    )


def count_missing(session: Session, collection_id: int, generation_id: int) -> int:
    """Count what a generation lacks; one pass over the collection's documents."""
    missing = missing_revisions(collection_id, generation_id).subquery()
    return session.scalar(select(func.count()).select_from(missing)) or 0


def count_live(session: Session, collection_id: int) -> int:
    """Count a collection's live documents, whoever may read them."""
    live = select(func.count()).where(
        Document.collection_id == collection_id, Document.live_revision_id.is_not(None)
    )
    return session.scalar(live) or 0


def switch(session: Session, collection: Collection, generation: Generation) -> bool:
    """Let a generation answer from this transaction on, if it lacks nothing; tells whether it does.

    The caller holds the lock on the collection's row, so that no revision goes live meanwhile.
    """
    if session.execute(missing_revisions(collection.id, generation.id).limit(1)).first() is not None:
        return False
    now = time.time()
    former = session.get(Generation, collection.active_generation_id)
    if former is not None and former.id != generation.id:
        former.state, former.retired_at = "retired", now
    generation.state, generation.activated_at, generation.retired_at = "active", now, None
    collection.active_generation_id = generation.id
    session.flush()
    return True


def previous_generation(session: Session, collection: Collection) -> Generation | None:
    """Return the generation that answered before the active one, None where it is not kept any more."""
    statement = (
        select(Generation)
        .where(Generation.collection_id == collection.id, Generation.state == "retired")
        .order_by(Generation.retired_at.desc(), Generation.id.desc())
    )
    return session.scalars(statement.limit(1)).first()
