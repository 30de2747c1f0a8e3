"""Reading, following and cancelling jobs."""

from __future__ import annotations

import time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.jobs.schemas import JobError, JobList, JobOut
from core.database import Database
from core.errors import NotFound
from core.job_queue import FINAL_STATES, cancel_job
from core.models import Collection, Job, JobItem
from core.times import moment
from core.types import Caller

_MOST_ERRORS = 100
# How far a document has come that is at a stage. Embedding takes longest; embedded ones wait for their batch.
_SHARES = {"parse": 0.1, "clean": 0.2, "chunk": 0.3, "embed": 0.6, "commit": 0.9}


class JobService:
    """The jobs resource, on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, caller: Caller, state: str | None, limit: int) -> JobList:
        """Return the newest jobs of the collections that the caller may use."""
        statement = (
            select(Job, Collection.name)
            .join(Collection, Collection.id == Job.collection_id)
            .order_by(Job.created_at.desc())
            .limit(limit)
        )
        if state:
            statement = statement.where(Job.state == state)
        if caller.collections is not None:
            statement = statement.where(Collection.name.in_(caller.collections))
        with self._database.read() as session:
            rows = session.execute(statement)
            return JobList(jobs=[job_out(session, job, name) for job, name in rows])

    def get(self, caller: Caller, job_id: str) -> JobOut:
        """Return one; raises NotFound."""
        with self._database.read() as session:
            job, name = self._find(session, caller, job_id)
            return job_out(session, job, name)

    def cancel(self, caller: Caller, job_id: str) -> None:
        """Stop what is not visible yet; a job that has ended stays as it is. Raises NotFound."""
        with self._database.write() as session:
            cancel_job(session, self._find(session, caller, job_id)[0])

    @staticmethod
    def _find(session: Session, caller: Caller, job_id: str) -> tuple[Job, str]:
        statement = (
            select(Job, Collection.name)
            .join(Collection, Collection.id == Job.collection_id)
            .where(Job.id == job_id)
        )
        found = session.execute(statement).first()
        if found is None or (caller.collections is not None and found[1] not in caller.collections):
            raise NotFound(f"There is no job {job_id!r}.")
        return found


def job_out(session: Session, job: Job, collection: str) -> JobOut:
    """Show a job with its errors."""
    failed = (
        select(JobItem)
        .where(JobItem.job_id == job.id, JobItem.state == "failed")
        .order_by(JobItem.id)
        .limit(_MOST_ERRORS)
    )
    errors = [
        JobError(document_id=i.document_id, stage=i.stage, code=i.error_code, detail=i.error_detail)
        for i in session.scalars(failed)
    ]
    if job.error:
        errors.append(JobError(document_id="", stage=job.stage, code="job", detail=job.error))
    return JobOut.model_validate(
        {
            "id": job.id,
            "kind": job.kind,
            "collection": collection,
            "state": job.state,
            "stage": job.stage,
            "done": job.done,
            "total": job.total,
            "progress": _progress(session, job),
            "failed": job.failed,
            "unchanged": job.unchanged,
            "eta_s": _eta_s(job),
            "errors": errors,
            "generation": job.generation_id,
            "report": job.report,
            "created_at": moment(job.created_at),
            "started_at": moment(job.started_at),
            "finished_at": moment(job.finished_at),
        }
    )


def _progress(session: Session, job: Job) -> float:
    """Return the share of a job's work that is done; only the documents under way are looked at."""
    begun = 0.0
    if job.state == "running":
        stages = (
            select(JobItem.stage, func.count())
            .where(JobItem.state == "running", JobItem.job_id == job.id)
            .group_by(JobItem.stage)
        )
        begun = sum(_SHARES.get(stage, 0.0) * count for stage, count in session.execute(stages))
    return min(1.0, round((job.done + begun) / max(job.total, 1), 3))


def _eta_s(job: Job) -> float | None:
    worked = job.done - job.unchanged
    if job.state in FINAL_STATES or job.started_at is None or worked <= 0:
        return None
    return round((time.time() - job.started_at) / worked * (job.total - job.done), 1)
