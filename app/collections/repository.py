"""Statements about collections and their generations. A repository never commits."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.models import Collection, Document, Generation, Revision
from core.types import Caller
from core.visibility import readable_by


def by_name(session: Session, name: str) -> Collection:
    """Return a collection; raises NotFound."""
    found = session.scalar(select(Collection).where(Collection.name == name))
    if found is None:
        raise NotFound(f"There is no collection named {name!r}.")
    return found


def active_generation(session: Session, collection: Collection) -> Generation:
    """Return the generation that answers queries; every collection has one from its creation."""
    return session.get_one(Generation, collection.active_generation_id)


def all_of(session: Session, caller: Caller) -> list[Collection]:
    """Return the collections that a caller may use, by name."""
    statement = select(Collection).order_by(Collection.name)
    if caller.collections is not None:
        statement = statement.where(Collection.name.in_(caller.collections))
    return list(session.scalars(statement))


def count_documents(session: Session, caller: Caller, collection_id: int) -> int:
    """Count the live documents that a caller may read; one pass over the collection's documents."""
    statement = (
        select(func.count())
        .select_from(Document)
        .join(Revision, Revision.id == Document.live_revision_id)
        .where(Document.collection_id == collection_id, readable_by(caller))
    )
    return session.scalar(statement) or 0
