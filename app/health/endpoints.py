"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select, text

from app.context import Services, ServicesDep
from app.problems import problems
from app.security.dependencies import AdminCaller
from core.errors import Unavailable
from core.models import Document, JobItem
from core.telemetry import DOCUMENTS, QUEUED

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses=problems(Unavailable))
async def readyz(services: ServicesDep) -> dict[str, Any]:
    """Tell whether questions can be answered: the database, the embedder and the model behind."""
    await to_thread.run_sync(_check_parts, services)
    await services.answering.check()
    return {"status": "ready"}


def _check_parts(services: Services) -> None:
    with services.database.read() as session:
        session.execute(text("SELECT 1"))
    services.retriever.warm_up()


@router.get("/metrics", response_class=Response)
def metrics(_: AdminCaller, services: ServicesDep) -> Response:
    """Show the metrics in Prometheus' text format."""
    with services.database.read() as session:
        DOCUMENTS.set(session.scalar(select(func.count()).where(Document.live_revision_id.is_not(None))) or 0)
        waiting = select(func.count()).where(JobItem.state.in_(("queued", "running")))
        QUEUED.set(session.scalar(waiting) or 0)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
