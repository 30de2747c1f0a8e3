"""Starting reindexes and telling how the service stands."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version

from sqlalchemy import func, select

from app.admin.schemas import IndexOut, ReindexRequest, StatusOut
from app.collections import repository as collections
from app.jobs.schemas import JobOut
from app.jobs.service import job_out
from core.database import Database
from core.errors import InvalidInput, RagstoneError
from core.generations import Recipe, begin_reindex
from core.job_queue import FINAL_STATES, job_of_key
from core.models import Collection, Document, Job, JobItem, Revision
from core.settings import Settings
from core.types import Caller
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.fields import FieldWeights
from indexes.status import read_status


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
            job = begin_reindex(session, row.id, recipe, caller.key_id, idempotency_key)
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
            found = read_status(self._settings.index_folder(generation_id))
        except (RagstoneError, OSError, ValueError) as error:
            return IndexOut(collection=collection, problem=str(error))
        return IndexOut(collection=collection, **asdict(found))
