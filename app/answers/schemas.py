"""What /v1/answers takes and returns. All offsets count Unicode code points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.answering.citations import Citation, Unsupported
from app.answering.events import AnswerDone, AnswerFailed, AnswerText, SourcesFound
from app.answering.params import GenerationParams
from app.answering.request import AnswerRequest
from app.problems import problem_of
from app.search.filters import FilterIn
from app.search.ranking import PassagesIn, RankingIn
from app.search.schemas import HitOut
from core.types import SearchMode, Source


class AnswerIn(BaseModel):
    """A question to one collection."""

    model_config = ConfigDict(extra="forbid")

    collection: str = Field(max_length=63)
    question: str = Field(min_length=1)
    conversation_id: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9_-]*$", description="Goes on with it.")
    stream: bool = Field(True, description="Server-sent events; otherwise one JSON object at the end.")
    k: int | None = Field(None, ge=1, description="Hits given to the generator.")
    mode: SearchMode = "hybrid"
    filter: FilterIn = Field(default_factory=FilterIn)
    ranking: RankingIn = Field(default_factory=RankingIn)
    passages: PassagesIn = Field(default_factory=PassagesIn)
    params: GenerationParams = Field(default_factory=GenerationParams)

    def to_domain(self) -> AnswerRequest:
        """Return the request as the service takes it."""
        return AnswerRequest(
            collection=self.collection,
            question=self.question,
            conversation_id=self.conversation_id,
            k=self.k,
            mode=self.mode,
            wanted=self.filter.to_domain(),
            ranking=self.ranking.to_domain(),
            passages=self.passages.to_domain(merge=True),
            params=self.params,
        )


class SourceOut(HitOut):
    """A source as the answer numbers it."""

    n: int = Field(description="The number that stands in the answer's markers.")


class CitationOut(BaseModel):
    """A claim of the answer and the words of the source that support it best."""

    n: int
    answer_start: int
    answer_end: int
    document_id: str
    chunk_id: int
    title: str
    uri: str
    page_from: int | None
    page_to: int | None
    char_start: int = Field(description="The quote is `text[char_start:char_end]` of the document.")
    char_end: int
    quote: str
    support: float = Field(ge=0, le=1)


class UnsupportedOut(BaseModel):
    """A sentence that no source supports."""

    answer_start: int
    answer_end: int


class UsageOut(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TimingsOut(BaseModel):
    """Milliseconds since the question came."""

    retrieval_ms: float
    first_token_ms: float
    total_ms: float


class AnswerOut(BaseModel):
    """A whole answer."""

    answer_id: str
    conversation_id: str
    question: str = Field(description="The question as it was searched for.")
    text: str
    grounded: bool
    reason: str = Field(description="Why it is not grounded: no-documents, no-evidence, uncited or unsupported.")
    sources: list[SourceOut]
    citations: list[CitationOut]
    unsupported: list[UnsupportedOut]
    finish_reason: str
    usage: UsageOut
    timings: TimingsOut
    model: str


class FeedbackIn(BaseModel):
    """A reader's verdict on an answer."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["up", "down"]
    reason: str = Field("", max_length=2000)
    correction: str = Field("", max_length=20_000)


def sources_data(found: SourcesFound) -> dict[str, Any]:
    """Return the data of a `sources` event."""
    return {
        "answer_id": found.answer_id,
        "conversation_id": found.conversation_id,
        "question": found.question,
        "sources": [_source(n, source) for n, source in enumerate(found.sources, 1)],
    }


def text_data(text: AnswerText) -> dict[str, Any]:
    """Return the data of a `delta` event."""
    return {"text": text.text, "logprobs": list(text.logprobs)} if text.logprobs else {"text": text.text}


def citation_data(citation: Citation) -> dict[str, Any]:
    """Return the data of a `citation` event."""
    source = citation.source
    return {
        "n": citation.n,
        "answer_start": citation.answer_start,
        "answer_end": citation.answer_end,
        "document_id": source.document_id,
        "chunk_id": source.chunk_id,
        "title": source.title,
        "uri": source.uri,
        "page_from": source.page_from,
        "page_to": source.page_to,
        "char_start": citation.char_start,
        "char_end": citation.char_end,
        "quote": citation.quote,
        "support": citation.support,
    }


def done_data(done: AnswerDone) -> dict[str, Any]:
    """Return the data of a `done` event."""
    return {
        "answer_id": done.answer_id,
        "conversation_id": done.conversation_id,
        "text": done.text,
        "grounded": done.grounded,
        "reason": done.reason,
        "citations": [citation_data(citation) for citation in done.citations],
        "unsupported": [_range(item) for item in done.unsupported],
        "finish_reason": done.finish_reason,
        "usage": {
            "prompt_tokens": done.usage.prompt_tokens,
            "completion_tokens": done.usage.completion_tokens,
            "total_tokens": done.usage.total_tokens,
        },
        "timings": {name: round(value, 1) for name, value in asdict(done.timings).items()},
        "model": done.model,
    }


def failed_data(failed: AnswerFailed) -> dict[str, Any]:
    """Return the data of an `error` event: a problem, with what had been said."""
    return {
        **problem_of(failed.error),
        "answer_id": failed.answer_id,
        "conversation_id": failed.conversation_id,
        "text": failed.text,
    }


def _source(n: int, source: Source) -> Mapping[str, Any]:
    return {"n": n, **HitOut.of(source).model_dump()}


def _range(item: Unsupported) -> dict[str, int]:
    return {"answer_start": item.answer_start, "answer_end": item.answer_end}
