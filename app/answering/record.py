"""Keeps answers, so that a conversation can go on and be judged. All of it runs on worker threads."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from app.answering.events import AnswerDone
from app.answering.prompt import Turn
from app.answers import repository
from core.database import Database
from core.errors import RagstoneError
from core.models import Answer
from core.types import Caller

logger = logging.getLogger("ragstone.answers")


class AnswerRecord:
    """The answers in the database."""

    def __init__(self, database: Database, keep_s: float, max_turns: int) -> None:
        """keep_s: how long answers are kept, 0 for not at all; max_turns: turns of a conversation that are read."""
        self._database = database
        self._keep_s = keep_s
        self._max_turns = max_turns

    def turns(self, caller: Caller, collection: str, conversation_id: str) -> Sequence[Turn]:
        """Return the caller's own last turns, oldest first."""
        with self._database.read() as session:
            answers = repository.last_answers(session, caller, collection, conversation_id, self._max_turns)
            return [Turn(answer.question, answer.text) for answer in answers]

    def keep(
        self, caller: Caller, collection_id: int, question: str, done: AnswerDone, document_ids: Sequence[str]
    ) -> None:
        """Keep an answer; one that cannot be kept was given all the same, so a failure is only logged.

        document_ids: the documents whose deletion erases the text.
        """
        if not self._keep_s:
            return
        answer = Answer(
            id=done.answer_id,
            conversation_id=done.conversation_id,
            collection_id=collection_id,
            key_id=caller.key_id,
            question=question,
            text=done.text,
            grounded=done.grounded,
            reason=done.reason,
        )
        try:
            with self._database.write() as session:
                repository.delete_older(session, self._keep_s)
                repository.add(session, answer, document_ids)
        except RagstoneError as error:
            logger.warning("an answer was not kept: %s", error.detail)
