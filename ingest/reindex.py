"""Building a new generation beside the active one, and switching to it in one transaction."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from core.database import Database
from core.errors import DocumentRejected, RagstoneError
from core.job_queue import FINAL_STATES, lock_collection
from core.models import Document, Generation, IndexedRevision, Job
from core.settings import Settings
from indexes.writing import commit_to_index
from ingest import revisions
from ingest.pipeline import Pipeline, Target, target_of

logger = logging.getLogger("ragstone.worker")


@dataclass(frozen=True, slots=True)
class LeasedReindex:
    """A reindex job that this worker may work on until its lease ends."""

    job_id: str
    target: Target


def lease_reindex(session: Session, owner: str, lease_s: float, now: float) -> LeasedReindex | None:
    """Lease the oldest reindex job that waits or whose worker fell silent."""
    job = session.scalars(
        select(Job)
        .where(
            Job.kind == "reindex",
            or_(Job.state == "queued", (Job.state == "running") & (Job.lease_until < now)),
        )
        .order_by(Job.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if job is None:
        return None
    generation = session.get_one(Generation, job.generation_id)
    job.state, job.stage, job.lease_owner, job.lease_until = "running", "embed", owner, now + lease_s
    job.started_at = job.started_at or now
    return LeasedReindex(job.id, target_of(generation))


def missing_revisions(target: Target) -> Select[int | None]:
    """Live revisions of the collection that the generation does not hold yet."""
    held = exists().where(
        IndexedRevision.revision_id == Document.live_revision_id,
        IndexedRevision.generation_id == target.generation_id,
    )
    return (
        select(Document.live_revision_id)
        .where(Document.collection_id == target.collection_id, Document.live_revision_id.is_not(None), ~held)
        .order_by(Document.id)
    )


class Reindexer:
    """Runs reindex jobs step by step; each step is a batch, so that uploads are served in between."""

    def __init__(self, settings: Settings, database: Database, pipeline: Pipeline) -> None:
        self._settings = settings
        self._database = database
        self._pipeline = pipeline

    def step(self, leased: LeasedReindex, owner: str) -> bool:
        """Index a batch of what is missing, or switch; tells whether the job goes on.

        A document that the new chunker cannot take fails the job, and the active generation stays.
        """
        target = leased.target
        with self._database.read() as session:
            batch = [
                revision_id
                for revision_id in session.scalars(missing_revisions(target).limit(self._settings.worker_batch))
                if revision_id is not None
            ]
        if not batch:
            return not self._switch(leased)
        try:
            self._index(batch, target)
        except DocumentRejected as rejected:
            self._abandon(leased, rejected)
            return False
        return self._report(leased, owner)

    def _index(self, batch: list[int], target: Target) -> None:
        chunks, done = [], []
        for revision_id in batch:
            with self._database.read() as session:
                work = revisions.load_work(session, revision_id)
            if work is not None:
                chunks += self._pipeline.cut(work, target, lambda _stage: None)
                done.append(revision_id)
        commit_to_index(self._settings, target.generation_id, self._pipeline.entries(chunks, target))
        with self._database.write() as session:
            for revision_id in done:
                revisions.mark_indexed(session, revision_id, target.generation_id)

    def _report(self, leased: LeasedReindex, owner: str) -> bool:
        with self._database.write() as session:
            job = session.get(Job, leased.job_id, with_for_update=True)
            if job is None or job.state in FINAL_STATES or job.lease_owner != owner:
                return False
            missing = select(func.count()).select_from(missing_revisions(leased.target).subquery())
            live = select(func.count()).where(
                Document.collection_id == leased.target.collection_id, Document.live_revision_id.is_not(None)
            )
            job.total = session.scalar(live) or 0
            job.done = job.total - (session.scalar(missing) or 0)
            job.lease_until = time.time() + self._settings.lease_s
            return True

    def _switch(self, leased: LeasedReindex) -> bool:
        """Switch if nothing is missing at this very instant; tells whether the job has ended."""
        target = leased.target
        with self._database.write() as session:
            collection = lock_collection(session, target.collection_id)
            job = session.get(Job, leased.job_id, with_for_update=True)
            if collection is None or job is None or job.state in FINAL_STATES:
                return True
            if session.scalars(missing_revisions(target).limit(1)).first() is not None:
                return False
            now = time.time()
            previous = session.get(Generation, collection.active_generation_id)
            if previous is not None and previous.id != target.generation_id:
                previous.state, previous.retired_at = "retired", now
            session.get_one(Generation, target.generation_id).state = "active"
            collection.active_generation_id = target.generation_id
            job.state, job.stage, job.finished_at, job.done = "succeeded", "done", now, job.total
            logger.info("collection %s now answers from generation %s", collection.name, target.generation_id)
            return True

    def _abandon(self, leased: LeasedReindex, error: RagstoneError) -> None:
        with self._database.write() as session:
            job = session.get(Job, leased.job_id, with_for_update=True)
            if job is None or job.state in FINAL_STATES:
                return
            job.state, job.error, job.finished_at = "failed", error.detail, time.time()
            generation = session.get(Generation, leased.target.generation_id)
            if generation is not None:
                generation.state, generation.retired_at = "retired", 0.0
