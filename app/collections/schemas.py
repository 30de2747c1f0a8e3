"""What the collections resource takes and returns."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"


class CollectionSettings(BaseModel):
    """Settings of a collection; what is left out keeps its value, or takes the server's default when new.

    Embedder and chunk sizes shape the index: for an existing collection they change by a reindex only.
    """

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, max_length=200, description="Name shown to people.")
    description: str | None = Field(None, max_length=2000, description="What the collection holds.")
    prompt: str | None = Field(None, max_length=8000, description="Instructions added to the prompt's rules.")
    collapse_duplicates: bool | None = Field(
        None, description="Show passages that say nothing beside a better one with it."
    )
    embedder: str | None = Field(None, max_length=300, description="`e5`, `st:<model>` or `openai:<model>`.")
    chunk_target_tokens: int | None = Field(None, ge=16, le=8000)
    chunk_max_tokens: int | None = Field(None, ge=32, le=8000)


class CollectionOut(BaseModel):
    """A collection as readers see it."""

    name: str
    title: str
    description: str
    prompt: str
    collapse_duplicates: bool | None = Field(description="null: as the server's setting says.")
    embedder: str
    fingerprint: str
    chunk_target_tokens: int
    chunk_max_tokens: int
    documents: int = Field(description="Live documents that the caller may read.")
    created_at: datetime
    updated_at: datetime


class CollectionList(BaseModel):
    """All collections that a key may use."""

    collections: list[CollectionOut]
