"""What the calls about generations and golden questions take and return."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_QUESTIONS = 200
DocumentId = Annotated[str, Field(min_length=1, max_length=500)]


class GoldenQuestionIn(BaseModel):
    """A question and the documents of which one must come first."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=2000)
    document_ids: list[DocumentId] = Field(min_length=1, max_length=50, description="One of them must be found.")
    top: int = Field(3, ge=1, le=50, description="So many documents are looked at, best first.")


class GoldenQuestions(BaseModel):
    """What a new index of a collection must find before it answers."""

    model_config = ConfigDict(extra="forbid")

    questions: list[GoldenQuestionIn] = Field(max_length=MOST_QUESTIONS)
    min_pass: float = Field(1.0, ge=0, le=1, description="Share of the questions that must pass.")


class GenerationOut(BaseModel):
    """One build of a collection's index."""

    id: int
    state: Literal["building", "active", "retired", "rejected", "abandoned"]
    embedder: str
    fingerprint: str
    dimension: int
    chunk_target_tokens: int
    chunk_max_tokens: int
    analyser: str
    missing: int = Field(description="Live documents that it does not hold yet: 0 where a rollback is instant.")
    chunks: int | None = Field(description="Passages in the index; null where it cannot be read.")
    dead: int | None = Field(description="Removed passages whose place is not free yet.")
    segments: int | None
    size_bytes: int | None = Field(description="Size of the index's files.")
    damage: str = Field(description="Why the index cannot be read; empty where it can.")
    created_at: datetime
    activated_at: datetime | None = Field(description="When it last began to answer.")
    retired_at: datetime | None
    kept_until: datetime | None = Field(description="When it is removed, unless it answers again.")


class GenerationList(BaseModel):
    """All generations of a collection, the newest first."""

    generations: list[GenerationOut]
