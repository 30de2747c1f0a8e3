"""What is asked of the answering service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.answering.params import GenerationParams
from app.answering.prompt import Turn
from app.retrieval.options import PassageOptions, RankingOptions
from core.filters import Filter
from core.types import SearchMode


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A question to one collection.

    history is the conversation where the caller keeps it; otherwise conversation_id names one that we keep, and
    an empty one begins a new conversation. k of None means the setting's.
    """

    collection: str
    question: str
    conversation_id: str = ""
    history: Sequence[Turn] = ()
    k: int | None = None
    mode: SearchMode = "hybrid"
    wanted: Filter | None = None
    ranking: RankingOptions = field(default_factory=RankingOptions)
    passages: PassageOptions = field(default_factory=PassageOptions)
    params: GenerationParams = field(default_factory=GenerationParams)
