"""Listing generations and keeping golden questions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from app.collections import repository as collections
from app.generations.schemas import GenerationList, GenerationOut, GoldenQuestions
from core.database import Database
from core.errors import RagstoneError
from core.generations import count_missing
from core.models import Generation
from core.settings import Settings
from core.times import moment
from indexes.backends import status_of

_KEPT = ("retired", "rejected")


@dataclass(frozen=True, slots=True)
class _Files:
    """Figures of an index's files; all None where they cannot be read."""

    chunks: int | None = None
    dead: int | None = None
    segments: int | None = None
    size_bytes: int | None = None
    damage: str = ""


class GenerationService:
    """The generations of the collections, on one database and data folder."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    def list(self, collection: str) -> GenerationList:
        """Return a collection's generations, the newest first; walks its documents for each. Raises NotFound."""
        with self._database.read() as session:
            row = collections.by_name(session, collection)
            statement = select(Generation).where(Generation.collection_id == row.id).order_by(Generation.id.desc())
            found = [
                (generation, count_missing(session, row.id, generation.id))
                for generation in session.scalars(statement)
            ]
        return GenerationList(generations=[self._shown(generation, missing) for generation, missing in found])

    def golden(self, collection: str) -> GoldenQuestions:
        """Return the golden questions that are kept, none where there are none; raises NotFound."""
        with self._database.read() as session:
            kept = collections.by_name(session, collection).golden
        return GoldenQuestions.model_validate(kept or {"questions": []})

    def keep_golden(self, collection: str, golden: GoldenQuestions) -> GoldenQuestions:
        """Keep questions for every later reindex of a collection; raises NotFound."""
        with self._database.write() as session:
            collections.by_name(session, collection).golden = golden.model_dump() if golden.questions else None
        return golden

    def _shown(self, generation: Generation, missing: int) -> GenerationOut:
        files = self._files(generation)
        until = None
        if generation.state in _KEPT and generation.retired_at is not None:
            until = generation.retired_at + self._settings.generation_keep_s
        return GenerationOut.model_validate(
            {
                "id": generation.id,
                "state": generation.state,
                "embedder": generation.embedder,
                "fingerprint": generation.fingerprint,
                "dimension": generation.dimension,
                "chunk_target_tokens": generation.chunk_target_tokens,
                "chunk_max_tokens": generation.chunk_max_tokens,
                "analyser": generation.analyser,
                "missing": missing,
                "chunks": files.chunks,
                "dead": files.dead,
                "segments": files.segments,
                "size_bytes": files.size_bytes,
                "damage": files.damage,
                "created_at": moment(generation.created_at),
                "activated_at": moment(generation.activated_at),
                "retired_at": moment(generation.retired_at),
                "kept_until": moment(until),
            }
        )

    def _files(self, generation: Generation) -> _Files:
        try:
            status = status_of(self._settings, generation.id)
        except (RagstoneError, OSError, ValueError) as error:
            return _Files(damage=error.detail if isinstance(error, RagstoneError) else str(error))
        return _Files(status.chunks, status.dead, status.segments, status.size_bytes)
