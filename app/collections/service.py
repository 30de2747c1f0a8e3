"""Making, changing and removing collections."""

from __future__ import annotations

import re
import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.collections import repository
from app.collections.schemas import NAME_PATTERN, CollectionOut, CollectionSettings
from core.database import Database
from core.errors import Conflict, InvalidInput
from core.generations import Recipe, new_generation
from core.models import Collection, Document, Generation, Revision
from core.originals import doom_originals
from core.settings import Settings
from core.times import moment
from core.types import Caller
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.fields import FieldWeights

# What a collection keeps as it is given; the rest shapes its index.
_OWN_SETTINGS = {"title", "description", "prompt", "collapse_duplicates"}


class CollectionService:
    """The collections resource, on one database."""

    def __init__(self, database: Database, settings: Settings, embedders: EmbedderPool) -> None:
        self._database = database
        self._settings = settings
        self._embedders = embedders

    def list(self, caller: Caller) -> list[CollectionOut]:
        """Return the collections that the caller may use."""
        with self._database.read() as session:
            return [_shown(session, caller, row) for row in repository.all_of(session, caller)]

    def get(self, caller: Caller, name: str) -> CollectionOut:
        """Return one; raises NotFound."""
        with self._database.read() as session:
            return _shown(session, caller, repository.by_name(session, name))

    def put(self, caller: Caller, name: str, wanted: CollectionSettings) -> tuple[CollectionOut, bool]:
        """Make or change a collection; tells whether it is new.

        Raises InvalidInput for a bad name or sizes that do not fit, Conflict where an existing collection would
        need a reindex.
        """
        if not re.fullmatch(NAME_PATTERN, name):
            raise InvalidInput(
                "A collection's name has 1 to 63 lower-case letters, digits, '.', '_' or '-', "
                "and begins with a letter or digit."
            )
        with self._database.read() as session:
            exists = session.scalar(select(Collection.id).where(Collection.name == name)) is not None
        if not exists:
            self._create(name, wanted)
        with self._database.write() as session:
            row = repository.by_name(session, name)
            _refuse_index_changes(repository.active_generation(session, row), wanted)
            given = wanted.model_dump(include=_OWN_SETTINGS, exclude_none=True)
            row.settings = row.settings | given
            row.updated_at = time.time()
        return self.get(caller, name), not exists

    def _create(self, name: str, wanted: CollectionSettings) -> None:
        spec = wanted.embedder or self._settings.embedder
        target = wanted.chunk_target_tokens or self._settings.chunk_target_tokens
        ceiling = wanted.chunk_max_tokens or max(self._settings.chunk_max_tokens, target)
        if target > ceiling:
            raise InvalidInput("chunk_target_tokens may not exceed chunk_max_tokens.")
        embedder = self._embedders.get(spec)  # opened outside the transaction: a model may take seconds to load
        with self._database.write() as session:
            if session.scalar(select(Collection.id).where(Collection.name == name)) is not None:
                return
            row = Collection(name=name, settings={})
            session.add(row)
            session.flush()
            analyser = FieldWeights.of(self._settings).analyser
            recipe = Recipe(spec, embedder.fingerprint, embedder.dimension, target, ceiling, analyser)
            generation = new_generation(session, row.id, "active", recipe)
            row.active_generation_id = generation.id

    def delete(self, name: str) -> None:
        """Remove a collection with everything in it; raises NotFound."""
        with self._database.write() as session:
            row = repository.by_name(session, name)
            documents = select(Document.id).where(Document.collection_id == row.id)
            doom_originals(session, Revision.document_id.in_(documents))
            session.delete(row)


def _refuse_index_changes(generation: Generation, wanted: CollectionSettings) -> None:
    for field in ("embedder", "chunk_target_tokens", "chunk_max_tokens"):
        value = getattr(wanted, field)
        if value is not None and value != getattr(generation, field):
            raise Conflict(
                f"{field} is {getattr(generation, field)} in this collection's index: "
                "change it with POST /v1/admin/reindex."
            )


def _shown(session: Session, caller: Caller, row: Collection) -> CollectionOut:
    generation = repository.active_generation(session, row)
    return CollectionOut(
        name=row.name,
        title=row.settings.get("title") or row.name,
        description=row.settings.get("description", ""),
        prompt=row.settings.get("prompt", ""),
        collapse_duplicates=row.settings.get("collapse_duplicates"),
        embedder=generation.embedder,
        fingerprint=generation.fingerprint,
        chunk_target_tokens=generation.chunk_target_tokens,
        chunk_max_tokens=generation.chunk_max_tokens,
        documents=repository.count_documents(session, caller, row.id),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
    )
