"""/v1/collections."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.bodies import BoundedRoute
from app.collections.schemas import CollectionList, CollectionOut, CollectionSettings
from app.collections.service import CollectionService
from app.context import ServicesDep
from app.problems import problems
from app.security.dependencies import AdminCaller, AnyCaller, authorize_collection
from core.errors import Conflict, InvalidInput, NotFound

router = APIRouter(prefix="/v1/collections", tags=["collections"], route_class=BoundedRoute)


def _service(services: ServicesDep) -> CollectionService:
    return CollectionService(services.database, services.settings, services.retriever.embedders)


Collections = Annotated[CollectionService, Depends(_service)]


@router.get("")
def list_collections(caller: AnyCaller, collections: Collections) -> CollectionList:
    """List the collections that the key may use."""
    return CollectionList(collections=collections.list(caller))


@router.get("/{name}", responses=problems(NotFound))
def get_collection(name: str, caller: AnyCaller, collections: Collections) -> CollectionOut:
    """Show one collection."""
    authorize_collection(caller, name)
    return collections.get(caller, name)


@router.put("/{name}", responses=problems(InvalidInput, Conflict))
def put_collection(
    name: str, wanted: CollectionSettings, response: Response, caller: AdminCaller, collections: Collections
) -> CollectionOut:
    """Make a collection (201) or change its settings (200)."""
    authorize_collection(caller, name)
    shown, created = collections.put(caller, name, wanted)
    response.status_code = 201 if created else 200
    return shown


@router.delete("/{name}", status_code=204, responses=problems(NotFound))
def delete_collection(name: str, caller: AdminCaller, collections: Collections) -> None:
    """Delete a collection with all its documents. When this returns, no query can surface them."""
    authorize_collection(caller, name)
    collections.delete(name)
