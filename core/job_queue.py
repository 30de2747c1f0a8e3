"""The job queue: work is a lease on a row, so a worker that dies loses only its lease."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core.errors import Conflict, Overloaded
from core.models import Collection, Document, Generation, Job, JobItem, Revision

FINAL_STATES = frozenset({"succeeded", "partial", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class LeasedItem:
    """A document revision that this worker may work on until its lease ends."""

    item_id: int
    job_id: str
    revision_id: int
    attempts: int


def new_job(session: Session, kind: str, collection_id: int, key_id: str, idempotency_key: str | None) -> Job:
    """Add a queued job; the caller adds its items in the same transaction."""
    job = Job(
        id=uuid.uuid4().hex,
        kind=kind,
        collection_id=collection_id,
        key_id=key_id,
        idempotency_key=idempotency_key,
        lease_until=0.0,
    )
    session.add(job)
    session.flush()
    return job


def job_of_key(
    session: Session, key_id: str, idempotency_key: str | None, kind: str, collection_id: int
) -> Job | None:
    """Return the job that an idempotency key stands for; raises Conflict where that was another request."""
    if not idempotency_key:
        return None
    known = session.scalar(select(Job).where(Job.key_id == key_id, Job.idempotency_key == idempotency_key))
    if known is not None and (known.kind, known.collection_id) != (kind, collection_id):
        raise Conflict("This Idempotency-Key was used for another request: use a new one.")
    return known


def check_room(session: Session, limit: int) -> None:
    """Raise Overloaded where limit documents wait already."""
    waiting = session.scalar(select(func.count()).where(JobItem.state.in_(("queued", "running")))) or 0
    if waiting >= limit:
        raise Overloaded(f"{waiting:,} documents wait to be processed: try again later.", retry_after_s=30)


def lease_items(session: Session, owner: str, lease_s: float, limit: int, now: float) -> list[LeasedItem]:
    """Lease up to limit items of one collection: new ones, or ones whose worker fell silent."""
    ready = (
        select(JobItem.id, Job.collection_id)
        .join(Job, Job.id == JobItem.job_id)
        .where(or_(JobItem.state == "queued", (JobItem.state == "running") & (JobItem.lease_until < now)))
        .order_by(JobItem.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=JobItem)
    )
    rows = session.execute(ready).all()
    ids = [row.id for row in rows if row.collection_id == rows[0].collection_id]
    if not ids:
        return []
    session.execute(
        update(JobItem)
        .where(JobItem.id.in_(ids))
        .values(state="running", lease_owner=owner, lease_until=now + lease_s, attempts=JobItem.attempts + 1)
    )
    items = session.scalars(select(JobItem).where(JobItem.id.in_(ids)).order_by(JobItem.id)).all()
    session.execute(
        update(Job)
        .where(Job.id.in_({item.job_id for item in items}), Job.state == "queued")
        .values(state="running", stage="processing", started_at=now)
    )
    return [LeasedItem(i.id, i.job_id, i.revision_id, i.attempts) for i in items]


def renew_items(session: Session, owner: str, item_ids: Sequence[int], lease_s: float) -> None:
    """Extend the leases that this owner still holds."""
    session.execute(
        update(JobItem)
        .where(JobItem.id.in_(item_ids), JobItem.lease_owner == owner, JobItem.state == "running")
        .values(lease_until=time.time() + lease_s)
    )


def release_items(session: Session, owner: str, item_ids: Sequence[int], *, attempt_counts: bool) -> None:
    """Give back the leases of items that have not ended, so that any worker can start on them at once."""
    session.execute(
        update(JobItem)
        .where(JobItem.id.in_(item_ids), JobItem.lease_owner == owner, JobItem.state == "running")
        .values(
            state="queued",
            lease_owner=None,
            lease_until=0.0,
            attempts=JobItem.attempts - (0 if attempt_counts else 1),
        )
    )


def finish_item(session: Session, item_id: int, state: str, code: str = "", detail: str = "") -> None:
    """Record an item's end (succeeded, failed or cancelled) and, with the last one, the job's."""
    item = session.get(JobItem, item_id)
    if item is None or item.state not in {"queued", "running"}:
        return
    item.state, item.error_code, item.error_detail = state, code, detail
    item.stage = "done" if state == "succeeded" else item.stage
    item.lease_owner, item.lease_until = None, 0.0
    session.flush()
    settle_job(session, item.job_id)


def settle_job(session: Session, job_id: str) -> None:
    """Bring a job's counters and state in line with its items; a job without waiting items has ended."""
    # The row lock makes the last two items of a job, finished by two workers, see each other.
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.state in FINAL_STATES:
        return
    by_state = select(JobItem.state, func.count()).where(JobItem.job_id == job_id).group_by(JobItem.state)
    counts = dict(session.execute(by_state).all())
    job.failed = counts.get("failed", 0)
    job.done = counts.get("succeeded", 0) + job.failed + counts.get("cancelled", 0) + job.unchanged
    if counts.get("queued", 0) or counts.get("running", 0):
        return
    good = counts.get("succeeded", 0) + job.unchanged
    if counts.get("cancelled", 0):
        job.state = "cancelled"
    elif job.failed:
        job.state = "partial" if good else "failed"
    else:
        job.state = "succeeded"
    job.stage, job.finished_at = "done", time.time()


def cancel_job(session: Session, job: Job) -> None:
    """Cancel what has not been made visible; what is visible stays."""
    if job.state in FINAL_STATES:
        return
    if job.generation_id is not None:  # a switch of generations, which is not made now
        job.state, job.stage, job.finished_at = "cancelled", "done", time.time()
        abandon(session, job.generation_id)
        return
    waiting = select(JobItem.revision_id).where(JobItem.job_id == job.id, JobItem.state.in_(("queued", "running")))
    session.execute(
        update(Revision)
        .where(Revision.id.in_(waiting))
        .values(state="failed", error_code="cancelled", error_detail="The job was cancelled.")
    )
    session.execute(
        update(JobItem)
        .where(JobItem.job_id == job.id, JobItem.state.in_(("queued", "running")))
        .values(state="cancelled", lease_owner=None)
    )
    settle_job(session, job.id)


def abandon(session: Session, generation_id: int) -> None:
    """Give up a generation that was being built, so that it is collected at once; one that was complete stays."""
    generation = session.get(Generation, generation_id, with_for_update=True)
    if generation is not None and generation.state == "building":
        generation.state, generation.retired_at = "abandoned", time.time()


def lock_collection(session: Session, collection_id: int) -> Collection | None:
    """Lock a collection's row against a concurrent switch of generation; None where it is gone."""
    return session.get(Collection, collection_id, with_for_update=True, populate_existing=True)


def lock_document(session: Session, document_id: int) -> Document | None:
    """Lock a document's row against a concurrent delete or update; None where it is gone."""
    return session.get(Document, document_id, with_for_update=True, populate_existing=True)
