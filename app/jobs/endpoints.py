"""/v1/jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Query

from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.jobs.schemas import JobList, JobOut, JobState
from app.jobs.service import JobService
from app.problems import problems
from app.security.dependencies import IngestCaller
from app.streaming import EventStreamResponse, event_frame
from core.errors import NotFound
from core.types import Caller

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=BoundedRoute)
_POLL_S = 0.3


def _service(services: ServicesDep) -> JobService:
    return JobService(services.database)


Jobs = Annotated[JobService, Depends(_service)]


@router.get("")
def list_jobs(
    caller: IngestCaller,
    jobs: Jobs,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> JobList:
    """List the newest jobs."""
    return jobs.list(caller, state, limit)


@router.get("/{job_id}", responses=problems(NotFound))
def get_job(job_id: str, caller: IngestCaller, jobs: Jobs) -> JobOut:
    """Show a job's progress and errors."""
    return jobs.get(caller, job_id)


@router.delete("/{job_id}", status_code=204, responses=problems(NotFound))
def cancel_job(job_id: str, caller: IngestCaller, jobs: Jobs) -> None:
    """Cancel a job. Documents that it has made searchable already stay."""
    jobs.cancel(caller, job_id)


@router.get("/{job_id}/events", status_code=200, responses=problems(NotFound), response_class=EventStreamResponse)
async def follow_job(job_id: str, caller: IngestCaller, jobs: Jobs, services: ServicesDep) -> EventStreamResponse:
    """Stream a job's progress: `progress` whenever it changes, then `done`."""
    first = await to_thread.run_sync(jobs.get, caller, job_id)
    settings = services.settings
    return EventStreamResponse(
        _progress(jobs, caller, first), ping_s=settings.ping_s, write_timeout_s=settings.write_timeout_s
    )


async def _progress(jobs: JobService, caller: Caller, job: JobOut) -> AsyncGenerator[bytes, None]:
    shown: JobOut | None = None
    sequence = 0
    while True:
        ended = job.finished_at is not None
        if ended or shown is None or _progress_key(job) != _progress_key(shown):
            sequence += 1
            yield event_frame("done" if ended else "progress", sequence, job.model_dump(mode="json"))
            shown = job
        if ended:
            return
        await asyncio.sleep(_POLL_S)
        job = await to_thread.run_sync(jobs.get, caller, job.id)


def _progress_key(job: JobOut) -> tuple[str, str, int, float, int]:
    return job.state, job.stage, job.done, job.progress, job.failed
