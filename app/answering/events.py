"""What a reader of an answer is told, in this order: the sources, text with its citations, the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.answering.citations import Citation, Unsupported
from app.answering.generator import Usage
from core.errors import RagstoneError
from core.types import Source


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """The sources that the answer may cite, numbered from 1 by position; question is what was searched for."""

    answer_id: str
    conversation_id: str
    question: str
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True)
class AnswerText:
    """The next piece of text, with OpenAI's log probabilities of the tokens that came meanwhile."""

    text: str
    logprobs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds from the question on; first_token_ms is when the first text left for the reader."""

    retrieval_ms: float
    first_token_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """The whole answer. reason says why it is not grounded, and is empty where it is.

    no-documents: nothing to search. no-evidence: nothing found answers the question. uncited: the answer names no
    source. unsupported: every sentence was withheld.
    """

    answer_id: str
    conversation_id: str
    text: str
    grounded: bool
    reason: str
    citations: Sequence[Citation]
    unsupported: Sequence[Unsupported]
    finish_reason: str
    usage: Usage
    timings: Timings
    model: str


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """The generator failed after it had begun; text is what it had said."""

    answer_id: str
    conversation_id: str
    error: RagstoneError
    text: str


AnswerEvent = SourcesFound | AnswerText | Citation | AnswerDone | AnswerFailed
