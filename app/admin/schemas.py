"""What the administration calls take and return."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ReindexRequest(BaseModel):
    """Builds a collection's index anew; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    collection: str
    embedder: str | None = Field(None, max_length=300)
    chunk_target_tokens: int | None = Field(None, ge=16, le=8000)
    chunk_max_tokens: int | None = Field(None, ge=32, le=8000)


class StatusOut(BaseModel):
    """What runs here; secrets are masked."""

    version: str
    settings: dict[str, Any]
    collections: int
    documents: int
    queued_documents: int
    running_jobs: int
    failed_documents: int
