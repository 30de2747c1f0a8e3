"""Who may see what: one statement, joined into every query that returns text of a document."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, or_, select

from core.models import Chunk, Document, Revision, RevisionGroup
from core.types import Caller


def readable_by(caller: Caller) -> ColumnElement[bool]:
    """Revisions without groups, or with one of the caller's; an administrator reads all."""
    if caller.is_admin:
        return Revision.id.is_not(None)
    groups = select(RevisionGroup.name).where(RevisionGroup.revision_id == Revision.id)
    return or_(~groups.exists(), groups.where(RevisionGroup.name.in_(caller.groups)).exists())


def readable_documents(caller: Caller, collection_id: int) -> Select[Document, Revision]:
    """Live documents of a collection, with their live revision, that the caller's groups may read."""
    return (
        select(Document, Revision)
        .join(Revision, Revision.id == Document.live_revision_id)
        .where(Document.collection_id == collection_id, readable_by(caller))
    )


def readable_chunks(caller: Caller, collection_id: int, generation_id: int) -> Select[Chunk, Document, Revision]:
    """Chunks of live revisions of live documents that the caller's groups may read, in one generation."""
    return (
        select(Chunk, Document, Revision)
        .join(Revision, Revision.id == Chunk.revision_id)
        .join(Document, Document.live_revision_id == Revision.id)
        .where(
            Document.collection_id == collection_id,
            Chunk.generation_id == generation_id,
            readable_by(caller),
        )
    )
