"""What the database says that a generation's index holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, distinct, exists, func, or_, select
from sqlalchemy.orm import Session

from core.models import Chunk, Document, Generation, IndexDeletion, IndexedRevision, Revision
from core.types import Ids

_PENDING = ("queued", "processing", "ready")


@dataclass(frozen=True, slots=True)
class Expected:
    """Chunk ids, each ascending, at one instant.

    visible: the index must hold them. possible: it may, because their revisions are live or can still go live.
    known: all that have a row. waiting: noted for removal, so the index may hold them yet.
    """

    documents: int
    visible: Ids
    possible: Ids
    known: Ids
    waiting: Ids

    @classmethod
    def read(cls, session: Session, generation: Generation) -> Expected:
        """Read one state of the database."""
        of_generation = Chunk.generation_id == generation.id
        newer = or_(Document.live_revision_id.is_(None), Revision.id > Document.live_revision_id)
        live = Document.live_revision_id == Revision.id
        pending = and_(newer, Revision.state.in_(_PENDING))
        held = _held_by(generation)
        return cls(
            documents=session.scalar(
                select(func.count()).select_from(Document).join(Revision, live).where(_in(generation), held)
            )
            or 0,
            visible=_chunks(session, of_generation, live, held),
            possible=_chunks(session, of_generation, or_(live, pending)),
            known=_ids(session, select(Chunk.id).where(of_generation)),
            waiting=_ids(
                session, select(IndexDeletion.chunk_id).where(IndexDeletion.generation_id == generation.id)
            ),
        )


def half_documents(session: Session, generation: Generation) -> list[str]:
    """Return the documents that answer with some of their chunks missing or doubled, by their ids."""
    count = func.count(Chunk.id)
    whole = and_(
        Revision.state == "ready",
        count > 0,
        func.min(Chunk.ordinal) == 0,
        func.max(Chunk.ordinal) == count - 1,
        func.count(distinct(Chunk.ordinal)) == count,
    )
    of_generation = and_(Chunk.revision_id == Revision.id, Chunk.generation_id == generation.id)
    statement = (
        select(Document.external_id)
        .join(Revision, Revision.id == Document.live_revision_id)
        .outerjoin(Chunk, of_generation)
        .where(_in(generation), _held_by(generation))
        .group_by(Document.id, Document.external_id, Revision.id, Revision.state)
        .having(~func.coalesce(whole, False))
        .order_by(Document.external_id)
    )
    return list(session.scalars(statement))


def _in(generation: Generation) -> ColumnElement[bool]:
    return Document.collection_id == generation.collection_id


def _held_by(generation: Generation) -> ColumnElement[bool]:
    """Live revisions that a generation must hold: all where it answers, else those that it was given."""
    if generation.state == "active":
        return Revision.id.is_not(None)
    return exists().where(
        IndexedRevision.revision_id == Revision.id, IndexedRevision.generation_id == generation.id
    )


def _chunks(session: Session, *conditions: ColumnElement[bool]) -> Ids:
    statement = (
        select(Chunk.id)
        .join(Revision, Revision.id == Chunk.revision_id)
        .join(Document, Document.id == Revision.document_id)
        .where(*conditions)
    )
    return _ids(session, statement)


def _ids(session: Session, statement: Select[int]) -> Ids:
    return np.unique(np.fromiter(session.scalars(statement), np.int64))
