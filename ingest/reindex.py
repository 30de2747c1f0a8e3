"""Bringing a generation up to date beside the active one, and switching to it in one transaction.

A reindex builds a new one, a rollback brings a kept one back: both index what is missing, step by step, until
nothing is, and only then switch. What counts as missing is asked of the database each time, so that a worker that
takes over goes on where another one stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.database import Database
from core.errors import DocumentRejected, EmbedderMismatch, MissingExtra
from core.generations import SWITCHING, count_live, count_missing, missing_revisions, switch
from core.job_queue import FINAL_STATES, abandon, lock_collection
from core.models import Generation, Job
from core.settings import Settings
from indexes.golden import Examiner, Golden, GoldenReport
from indexes.manifest import IndexDamaged, IndexOutdated
from indexes.writing import commit_to_index
from ingest import revisions
from ingest.pipeline import Pipeline, Target, target_of

logger = logging.getLogger("ragstone.worker")

# What no waiting mends: the job has failed.
_FATAL = (DocumentRejected, EmbedderMismatch, MissingExtra, IndexDamaged, IndexOutdated)

# What has changed since a generation was complete is indexed in so many batches at a time. With a single one, each
# step would find what uploads have brought since the one before, and nothing would switch until they pause.
_BATCHES_TO_CATCH_UP = 8


@dataclass(slots=True)
class LeasedReindex:
    """A job that this worker may work on until its lease ends.

    after: the document up to which it has looked; complete: whether everything of when it was leased is indexed.
    """

    job_id: str
    target: Target
    after: int = 0
    complete: bool = False


def lease_reindex(session: Session, owner: str, lease_s: float, now: float) -> LeasedReindex | None:
    """Lease the oldest reindex or rollback that waits or whose worker fell silent."""
    job = session.scalars(
        select(Job)
        .where(
            Job.kind.in_(SWITCHING),
            or_(Job.state == "queued", (Job.state == "running") & (Job.lease_until < now)),
        )
        .order_by(Job.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if job is None:
        return None
    generation = session.get(Generation, job.generation_id)
    if generation is None:  # collected since
        job.state, job.error, job.finished_at = "failed", "The generation is not kept any more.", now
        return None
    job.state, job.stage, job.lease_owner, job.lease_until = "running", "embed", owner, now + lease_s
    job.started_at = job.started_at or now
    job.total = count_live(session, generation.collection_id)
    job.done = job.total - count_missing(session, generation.collection_id, generation.id)
    return LeasedReindex(job.id, target_of(generation))


def renew_reindex(session: Session, owner: str, job_id: str, lease_s: float) -> None:
    """Extend the lease that this owner still holds."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is not None and job.state == "running" and job.lease_owner == owner:
        job.lease_until = time.time() + lease_s


def release_reindex(session: Session, owner: str, job_id: str) -> None:
    """Give back a lease, so that another worker goes on at once."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is not None and job.state == "running" and job.lease_owner == owner:
        job.lease_owner, job.lease_until = None, 0.0


class Reindexer:
    """Runs reindexes and rollbacks step by step; each step is a batch, so that uploads are served in between."""

    def __init__(self, settings: Settings, database: Database, pipeline: Pipeline, examiner: Examiner) -> None:
        self._settings = settings
        self._database = database
        self._pipeline = pipeline
        self._examiner = examiner

    def step(self, leased: LeasedReindex, owner: str) -> bool:
        """Index a batch of what is missing, several where that is what has changed meanwhile, or switch.

        Tells whether the job goes on.

        What no waiting mends (a document that the new chunker cannot take) fails the job, and the active generation
        stays. Raises what time mends.
        """
        try:
            for _ in range(_BATCHES_TO_CATCH_UP):
                batch, leased.after = self.next_batch(leased.target, leased.after)
                if not batch:
                    return not self._finish(leased)
                self.index(batch, leased.target)
                if not self._report(leased, owner, len(batch)):
                    return False
                if not leased.complete:
                    break
        except _FATAL as error:
            self._fail(leased, error.detail)
            return False
        return True

    def next_batch(self, target: Target, after: int) -> tuple[Sequence[int], int]:
        """Return revisions that a generation lacks, from a document on and round again, and where to go on."""
        for start in dict.fromkeys((after, 0)):
            missing = missing_revisions(target.collection_id, target.generation_id, start)
            with self._database.read() as session:
                rows = session.execute(missing.limit(self._settings.worker_batch)).all()
            if rows:
                return [revision_id for _, revision_id in rows if revision_id is not None], rows[-1][0]
        return [], 0

    def index(self, batch: Sequence[int], target: Target) -> None:
        """Put revisions into a generation. Raises as the pipeline does."""
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

    def _report(self, leased: LeasedReindex, owner: str, indexed: int) -> bool:
        with self._database.write() as session:
            job = session.get(Job, leased.job_id, with_for_update=True)
            if job is None or job.state in FINAL_STATES or job.lease_owner != owner:
                return False
            job.done += indexed
            leased.complete = job.done >= job.total  # and so for each later batch, for the total grows with it
            job.total = max(job.total, job.done)
            job.lease_until = time.time() + self._settings.lease_s
            return True

    def _finish(self, leased: LeasedReindex) -> bool:
        """Ask the golden questions, then switch if nothing is missing at this instant; tells of the job's end."""
        report = self._examine(leased)
        with self._database.write() as session:
            collection = lock_collection(session, leased.target.collection_id)
            job = session.get(Job, leased.job_id, with_for_update=True)
            generation = session.get(Generation, leased.target.generation_id, with_for_update=True)
            if collection is None or generation is None or job is None or job.state in FINAL_STATES:
                return True
            job.report = None if report is None else report.as_json()
            if report is not None and not report.good_enough:
                _reject(job, generation, report)
                return True
            if not switch(session, collection, generation):
                return False
            job.total = job.done = count_live(session, collection.id)
            job.state, job.stage, job.finished_at = "succeeded", "done", time.time()
            logger.info("collection %s now answers from generation %s", collection.name, generation.id)
            return True

    def _examine(self, leased: LeasedReindex) -> GoldenReport | None:
        with self._database.write() as session:
            job = session.get(Job, leased.job_id, with_for_update=True)
            generation = session.get(Generation, leased.target.generation_id)
            if job is None or generation is None or job.state in FINAL_STATES or not job.golden:
                return None
            job.stage, golden = "golden", Golden.from_json(job.golden)
        return self._examiner.ask(golden, generation)

    def _fail(self, leased: LeasedReindex, reason: str) -> None:
        with self._database.write() as session:
            job = session.get(Job, leased.job_id, with_for_update=True)
            if job is None or job.state in FINAL_STATES:
                return
            job.state, job.error, job.finished_at = "failed", reason, time.time()
            abandon(session, leased.target.generation_id)


def _reject(job: Job, generation: Generation, report: GoldenReport) -> None:
    """End a job whose generation knows too few of its golden questions; it is kept to be looked at, or forced."""
    now = time.time()
    job.state, job.finished_at = "failed", now
    job.error = (
        f"{report.passed} of {report.asked} golden questions passed, {report.min_pass:.0%} are asked for. "
        f"The former index answers on; generation {generation.id} is kept for a while."
    )
    if generation.state == "building":
        generation.state, generation.retired_at = "rejected", now
