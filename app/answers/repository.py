"""Statements about answers and the verdicts on them. A repository never commits."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.models import Answer, AnswerDocument, Collection, Document
from core.types import Caller


def last_answers(
    session: Session, caller: Caller, collection: str, conversation_id: str, limit: int
) -> list[Answer]:
    """Return the last turns of a caller's own conversation about a collection, oldest first."""
    statement = (
        select(Answer)
        .join(Collection, Collection.id == Answer.collection_id)
        .where(
            Answer.conversation_id == conversation_id,
            Answer.key_id == caller.key_id,
            Collection.name == collection,
        )
        .order_by(Answer.created_at.desc(), Answer.id)
        .limit(limit)
    )
    return list(reversed(session.scalars(statement).all()))


def add(session: Session, answer: Answer, document_ids: Sequence[str]) -> None:
    """Keep an answer with the documents that it quotes, by the caller's ids.

    Where one of them was deleted while the answer was written its text is not kept: it would outlive its source.
    """
    found = dict(
        session.execute(
            select(Document.external_id, Document.id).where(
                Document.collection_id == answer.collection_id,
                Document.external_id.in_(document_ids),
                Document.live_revision_id.is_not(None),
            )
        ).all()
    )
    if len(found) < len(set(document_ids)):
        answer.text = ""
    session.add(answer)
    session.flush()
    session.add_all(AnswerDocument(answer_id=answer.id, document_id=row) for row in found.values())


def delete_older(session: Session, keep_s: float) -> None:
    """Delete answers that are older than conversations are kept; what was said of them goes with them."""
    session.execute(delete(Answer).where(Answer.created_at < time.time() - keep_s))


def find(session: Session, caller: Caller, answer_id: str) -> Answer | None:
    """Return an answer that was given to this caller; an administrator finds every one."""
    statement = select(Answer).where(Answer.id == answer_id)
    if not caller.is_admin:
        statement = statement.where(Answer.key_id == caller.key_id)
    return session.scalar(statement)
