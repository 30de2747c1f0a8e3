"""Statements about documents. A repository never commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, delete, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.filter_sql import matches
from core.filters import Filter
from core.job_queue import settle_job
from core.models import (
    SOURCE_DELETED,
    Answer,
    AnswerDocument,
    Chunk,
    Document,
    IndexDeletion,
    JobItem,
    Revision,
    RevisionGroup,
)
from core.originals import doom_originals
from core.types import Caller
from core.visibility import readable_by


def managed_documents(caller: Caller, collection_id: int) -> Select[Document, Revision]:
    """Documents with their newest revision, searchable or not, that the caller's groups may read."""
    return (
        select(Document, Revision)
        .join(Revision, Revision.id == Document.latest_revision_id)
        .where(Document.collection_id == collection_id, readable_by(caller))
    )


def find(session: Session, caller: Caller, collection_id: int, external_id: str) -> tuple[Document, Revision]:
    """Return a document with its newest revision; raises NotFound."""
    statement = managed_documents(caller, collection_id).where(Document.external_id == external_id)
    found = session.execute(statement).first()
    if found is None:
        raise NotFound(f"There is no document {external_id!r} in this collection.")
    return found


def page(
    session: Session,
    caller: Caller,
    collection_id: int,
    state: str | None,
    words: str,
    wanted: Filter | None,
    after: str,
    limit: int,
) -> list[tuple[Document, Revision]]:
    """Return up to limit documents whose id follows after, in the order of their ids."""
    statement = managed_documents(caller, collection_id).where(Document.external_id > after, matches(wanted))
    if state:
        statement = statement.where(Revision.state == state)
    if words:
        like = f"%{words.lower().replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
        titled = func.lower(Revision.title).like(like, escape="!")
        statement = statement.where(or_(titled, func.lower(Document.external_id).like(like, escape="!")))
    return list(session.execute(statement.order_by(Document.external_id).limit(limit)))


def groups_of(session: Session, revision_id: int) -> list[str]:
    """Return the groups that may read a revision."""
    return list(session.scalars(select(RevisionGroup.name).where(RevisionGroup.revision_id == revision_id)))


def count_chunks(session: Session, revision_id: int | None, generation_id: int | None) -> int:
    """Count a revision's chunks in one generation."""
    statement = select(func.count()).where(Chunk.revision_id == revision_id, Chunk.generation_id == generation_id)
    return session.scalar(statement) or 0


def forget_chunks(session: Session, revision_ids: Sequence[int]) -> None:
    """Note the chunks of revisions for removal from the index; the rows themselves go with the revisions."""
    doomed = select(Chunk.generation_id, Chunk.id, Chunk.content_hash).where(Chunk.revision_id.in_(revision_ids))
    session.execute(insert(IndexDeletion).from_select(["generation_id", "chunk_id", "content_hash"], doomed))


def delete_document(session: Session, document: Document) -> None:
    """Remove a document, its revisions and chunks, the waiting work on it and the answers that quote it."""
    revisions = list(session.scalars(select(Revision.id).where(Revision.document_id == document.id)))
    forget_chunks(session, revisions)
    quoting = select(AnswerDocument.answer_id).where(AnswerDocument.document_id == document.id)
    session.execute(update(Answer).where(Answer.id.in_(quoting)).values(text=literal(""), reason=SOURCE_DELETED))
    session.execute(delete(AnswerDocument).where(AnswerDocument.document_id == document.id))
    waiting = JobItem.revision_id.in_(revisions) & JobItem.state.in_(("queued", "running"))
    jobs = set(session.scalars(select(JobItem.job_id).where(waiting)))
    session.execute(
        update(JobItem).where(waiting).values(state="cancelled", error_detail="deleted", lease_owner=None)
    )
    doom_originals(session, Revision.document_id == document.id)
    session.delete(document)
    session.flush()
    for job_id in jobs:
        settle_job(session, job_id)
