"""/v1/admin."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from app.admin.schemas import ReindexRequest, RollbackRequest, StatusOut
from app.admin.service import AdminService
from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.jobs.schemas import JobOut
from app.problems import problems
from app.security.dependencies import AdminCaller
from core.errors import Conflict, InvalidInput, NotFound

router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=BoundedRoute)


def _service(services: ServicesDep) -> AdminService:
    return AdminService(services.database, services.settings, services.retriever.embedders)


Admin = Annotated[AdminService, Depends(_service)]


@router.post("/reindex", status_code=202, responses=problems(NotFound, InvalidInput, Conflict))
def reindex(
    wanted: ReindexRequest,
    response: Response,
    caller: AdminCaller,
    admin: Admin,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> JobOut:
    """Build a collection's index anew beside the active one, which answers until the switch."""
    job = admin.reindex(caller, wanted, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.post("/rollback", status_code=202, responses=problems(NotFound, Conflict))
def roll_back(
    wanted: RollbackRequest,
    response: Response,
    caller: AdminCaller,
    admin: Admin,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> JobOut:
    """Let the index that answered before answer again: at once, or as soon as it holds what has changed since."""
    job = admin.roll_back(caller, wanted, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get("/status")
def status(_: AdminCaller, admin: Admin) -> StatusOut:
    """Show what runs here, its settings (secrets masked) and what waits."""
    return admin.status()
