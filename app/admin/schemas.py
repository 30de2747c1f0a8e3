"""What the administration calls take and return."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.generations.schemas import MOST_QUESTIONS, GoldenQuestionIn


class ReindexRequest(BaseModel):
    """Builds a collection's index anew; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    collection: str
    embedder: str | None = Field(None, max_length=300)
    chunk_target_tokens: int | None = Field(None, ge=16, le=8000)
    chunk_max_tokens: int | None = Field(None, ge=32, le=8000)
    golden: list[GoldenQuestionIn] | None = Field(
        None, max_length=MOST_QUESTIONS, description="Asked before the switch, in place of the collection's own."
    )
    min_pass: float | None = Field(None, ge=0, le=1, description="Share of the golden questions that must pass.")


class RollbackRequest(BaseModel):
    """Lets a kept generation answer again."""

    model_config = ConfigDict(extra="forbid")

    collection: str
    generation: int | None = Field(None, description="The one that answered before, where it is left out.")


class DenseOut(BaseModel):
    """How an index's vectors are searched."""

    exact_vectors: int = Field(description="Compared one by one.")
    listed_vectors: int = Field(description="In segments so large that a search reads a part of them.")
    lists: int = Field(description="That the latter lie in.")
    read_share: float | None = Field(description="Part of the latter that a search without a filter reads.")
    recall: float | None = Field(description="Part of the best ten so found, where lowest, when it was measured.")


class IndexOut(BaseModel):
    """The active index of a collection; where it cannot be read, problem says why."""

    collection: str
    problem: str | None = None
    version: int = Field(0, description="Commits so far.")
    chunks: int = 0
    dead: int = Field(0, description="Deleted chunks that a merge has yet to drop.")
    segments: int = 0
    size_bytes: int = 0
    dense: DenseOut | None = None


class StatusOut(BaseModel):
    """What runs here; secrets are masked."""

    version: str
    settings: dict[str, Any]
    collections: int
    documents: int
    queued_documents: int
    running_jobs: int
    failed_documents: int
    indexes: list[IndexOut]
