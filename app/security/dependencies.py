"""Who calls, and whether they may: typed dependencies for endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from app.context import ServicesDep
from app.security import keys, local_page
from core.errors import Forbidden, NotFound, Unauthorized
from core.types import Caller

_HOW = "Send it as `Authorization: Bearer <key>`."


def presented_key(request: Request) -> str:
    """Return the key that a request carries, or an empty string."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key", "").strip()


def get_caller(request: Request, services: ServicesDep) -> Caller:
    """Return the caller; raises Unauthorized without a valid key, Forbidden from an origin not its own."""
    secret = presented_key(request)
    if not secret:
        caller = local_page.caller_of(request)
        if caller is None:
            raise Unauthorized(f"This call needs a key. {_HOW}", headers={"WWW-Authenticate": "Bearer"})
        return caller
    with services.database.read() as session:
        found = keys.caller_of(session, secret, request.app.state.admin_hash)
    if found is None:
        raise Unauthorized(f"The key is not valid. {_HOW}", headers={"WWW-Authenticate": "Bearer"})
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if origin and origin not in {own, services.settings.public_url} and origin not in found.origins:
        raise Forbidden(f"This key may not be used from pages of {origin}.")
    return found


def require(scope: str) -> Callable[[Caller], Caller]:
    """Make a dependency that lets callers with a scope through; the admin scope includes every other."""

    def check(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
        if scope not in caller.scopes and not caller.is_admin:
            raise Forbidden(f"This call needs a key with the scope `{scope}`.")
        return caller

    return check


AskCaller = Annotated[Caller, Depends(require("ask"))]
SearchCaller = Annotated[Caller, Depends(require("search"))]
IngestCaller = Annotated[Caller, Depends(require("ingest"))]
AdminCaller = Annotated[Caller, Depends(require("admin"))]
AnyCaller = Annotated[Caller, Depends(get_caller)]


def authorize_collection(caller: Caller, name: str) -> None:
    """Raise NotFound where the key is limited to other collections: what it may not use, it may not see."""
    if caller.collections is not None and name not in caller.collections:
        raise NotFound(f"There is no collection named {name!r}.")
