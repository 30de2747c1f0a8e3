"""Verdicts on answers."""

from __future__ import annotations

from app.answers import repository
from app.answers.schemas import FeedbackIn
from core.database import Database
from core.errors import NotFound
from core.models import Feedback
from core.types import Caller


def add_feedback(database: Database, caller: Caller, answer_id: str, verdict: FeedbackIn) -> None:
    """Keep a verdict; raises NotFound for an answer that this caller was not given."""
    with database.write() as session:
        if repository.find(session, caller, answer_id) is None:
            raise NotFound(f"There is no answer {answer_id!r}.")
        session.add(
            Feedback(
                answer_id=answer_id,
                key_id=caller.key_id,
                rating=verdict.rating,
                reason=verdict.reason,
                correction=verdict.correction,
            )
        )
