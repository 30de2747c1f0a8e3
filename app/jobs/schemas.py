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


class GoldenFailure(BaseModel):
    """A golden question that did not pass."""

    question: str
    expected: list[str] = Field(description="Documents of which one should have been found.")
    top: int
    found: list[str] = Field(description="The first documents that were found, best first.")


class GoldenReport(BaseModel):
    """How a new index answered its golden questions."""

    asked: int
    passed: int
    min_pass: float
    failed: list[GoldenFailure]


class JobOut(BaseModel):
    """A job; it has ended once finished_at is set."""

    id: str
    kind: Literal["ingest", "reindex", "rollback"]
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
    generation: int | None = Field(description="The index that a reindex builds or a rollback brings back.")
    report: GoldenReport | None = Field(description="Golden questions, once they were asked.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobOut]
