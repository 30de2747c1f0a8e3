"""/v1/collections/{name}/generations and /v1/collections/{name}/golden."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.generations.schemas import GenerationList, GoldenQuestions
from app.generations.service import GenerationService
from app.problems import problems
from app.security.dependencies import AdminCaller, authorize_collection
from core.errors import NotFound

router = APIRouter(prefix="/v1/collections/{name}", tags=["collections"], route_class=BoundedRoute)


def _service(services: ServicesDep) -> GenerationService:
    return GenerationService(services.database, services.settings)


Generations = Annotated[GenerationService, Depends(_service)]


@router.get("/generations", responses=problems(NotFound))
def list_generations(name: str, caller: AdminCaller, generations: Generations) -> GenerationList:
    """List the builds of a collection's index: the one that answers, and those that are made or kept."""
    authorize_collection(caller, name)
    return generations.list(name)


@router.get("/golden", responses=problems(NotFound))
def get_golden(name: str, caller: AdminCaller, generations: Generations) -> GoldenQuestions:
    """Show the golden questions that every reindex of a collection must pass."""
    authorize_collection(caller, name)
    return generations.golden(name)


@router.put("/golden", responses=problems(NotFound))
def put_golden(
    name: str, golden: GoldenQuestions, caller: AdminCaller, generations: Generations
) -> GoldenQuestions:
    """Keep golden questions, in place of those before; an empty list removes them."""
    authorize_collection(caller, name)
    return generations.keep_golden(name, golden)
