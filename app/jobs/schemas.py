"""What the jobs resource returns."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

JobState = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]


class JobError(BaseModel):
    """Why a document of a job failed."""

    document_id: str
    stage: str
    code: str
    detail: str


class JobOut(BaseModel):
    """A job; it has ended once finished_at is set."""

    id: str
    kind: Literal["ingest", "reindex"]
    collection: str
    state: JobState
    stage: str
    done: int = Field(description="Documents that have ended, failed ones included.")
    total: int
    progress: float = Field(ge=0, le=1, description="Share of the work done; counts steps of unfinished documents.")
    failed: int
    unchanged: int = Field(description="Documents that were uploaded with the bytes they had already.")
    eta_s: float | None = Field(description="Estimated seconds to the end; null when there is nothing to go by.")
    errors: list[JobError] = Field(description="The first 100.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobOut]
