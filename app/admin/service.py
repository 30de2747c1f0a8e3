"""Starting reindexes and telling how the service stands."""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.admin.schemas import IndexOut, ReindexRequest, RollbackRequest, StatusOut
from app.collections import repository as collections
from app.jobs.schemas import JobOut
from app.jobs.service import job_out
from core.database import Database
from core.errors import Conflict, InvalidInput, NotFound, RagstoneError
from core.generations import (
    Recipe,
    begin_reindex,
    begin_rollback,
    count_live,
    count_missing,
    previous_generation,
    switch,
)
from core.job_queue import FINAL_STATES, job_of_key, lock_collection
from core.models import Collection, Document, Generation, Job, JobItem, Revision
from core.settings import Settings
from core.types import Caller
from indexes.backends import status_of
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.fields import FieldWeights
from indexes.writing import check_readable


class AdminService:
    """What an administrator does beyond single resources."""

    def __init__(self, database: Database, settings: Settings, embedders: EmbedderPool) -> None:
        self._database = database
        self._settings = settings
        self._embedders = embedders

    def reindex(self, caller: Caller, wanted: ReindexRequest, idempotency_key: str | None) -> JobOut:
        """Queue a reindex; raises NotFound, InvalidInput, or Conflict where one is under way already."""
        with self._database.read() as session:
            active = collections.active_generation(session, collections.by_name(session, wanted.collection))
        spec = wanted.embedder or active.embedder
        target = wanted.chunk_target_tokens or active.chunk_target_tokens
        ceiling = wanted.chunk_max_tokens or active.chunk_max_tokens
        if target > ceiling:
            raise InvalidInput("chunk_target_tokens may not exceed chunk_max_tokens.")
        embedder = self._embedders.get(spec)
        with self._database.write() as session:
            row = collections.by_name(session, wanted.collection)
            known = job_of_key(session, caller.key_id, idempotency_key, "reindex", row.id)
            if known is not None:
                return job_out(session, known, row.name)
            analyser = FieldWeights.of(self._settings).analyser
            recipe = Recipe(spec, embedder.fingerprint, embedder.dimension, target, ceiling, analyser)
            job = begin_reindex(session, row.id, recipe, caller.key_id, idempotency_key, _golden(wanted, row))
            return job_out(session, job, row.name)

    def roll_back(self, caller: Caller, wanted: RollbackRequest, idempotency_key: str | None) -> JobOut:
        """Switch to a kept generation: here if it holds everything, else by a job that brings it up to date first.

        Raises NotFound, Conflict where there is none or a switch is under way, and what keeps it from answering:
        its model is another one or not there, its index damaged or outdated.
        """
        with self._database.read() as session:
            generation = _kept(session, collections.by_name(session, wanted.collection), wanted.generation)
        self._embedders.bound(generation.embedder, generation.fingerprint)
        check_readable(self._settings, generation.id)
        with self._database.write() as session:
            found = collections.by_name(session, wanted.collection)
            known = job_of_key(session, caller.key_id, idempotency_key, "rollback", found.id)
            if known is not None:
                return job_out(session, known, found.name)
            row = lock_collection(session, found.id) or found
            generation = _kept(session, row, generation.id, lock=True)
            job = begin_rollback(session, generation, caller.key_id, idempotency_key)
            job.total = count_live(session, row.id)
            job.done = job.total - count_missing(session, row.id, generation.id)
            if switch(session, row, generation):
                job.state, job.stage = "succeeded", "done"
                job.started_at = job.finished_at = time.time()
            session.flush()
            return job_out(session, job, row.name)

    def status(self) -> StatusOut:
        """Count what is there and show the settings; counts walk whole tables."""
        waiting = JobItem.state.in_(("queued", "running"))
        with self._database.read() as session:
            counts = {
                "collections": select(func.count()).select_from(Collection),
                "documents": select(func.count()).where(Document.live_revision_id.is_not(None)),
                "queued_documents": select(func.count()).select_from(JobItem).where(waiting),
                "running_jobs": select(func.count()).select_from(Job).where(Job.state.not_in(FINAL_STATES)),
                "failed_documents": select(func.count()).select_from(Revision).where(Revision.state == "failed"),
            }
            shown = {name: session.scalar(statement) or 0 for name, statement in counts.items()}
            active = session.execute(select(Collection.name, Collection.active_generation_id)).all()
        return StatusOut(
            version=version("ragstone"),
            settings=self._settings.model_dump(mode="json"),
            indexes=[self._index(name, generation) for name, generation in active if generation],
            **shown,
        )

    def _index(self, collection: str, generation_id: int) -> IndexOut:
        try:
            found = status_of(self._settings, generation_id)
        except (RagstoneError, OSError, ValueError) as error:
            return IndexOut(collection=collection, problem=str(error))
        return IndexOut(collection=collection, **asdict(found))


def _golden(wanted: ReindexRequest, row: Collection) -> dict[str, Any] | None:
    """Return the golden questions of a reindex: its own, else the collection's; None for none."""
    golden = dict(row.golden or {"questions": [], "min_pass": 1.0})
    if wanted.golden is not None:
        golden["questions"] = [question.model_dump() for question in wanted.golden]
    if wanted.min_pass is not None:
        golden["min_pass"] = wanted.min_pass
    return golden if golden["questions"] else None


def _kept(session: Session, row: Collection, generation_id: int | None, *, lock: bool = False) -> Generation:
    """Return the generation to roll back to, on request locked; raises NotFound, Conflict."""
    if generation_id is None:
        previous = previous_generation(session, row)
        if previous is None:
            raise Conflict(
                "There is nothing to roll back to: no replaced index of this collection is kept any more."
            )
        return previous
    found = session.get(Generation, generation_id, with_for_update=lock, populate_existing=True)
    if found is None or found.collection_id != row.id:
        raise NotFound(f"This collection has no generation {generation_id}.")
    if found.state not in {"retired", "rejected"}:
        raise Conflict(f"Generation {generation_id} is {found.state}: only a retired or rejected one can be taken.")
    return found
