"""/v1/keys."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select

from app.bodies import BoundedRoute
from app.context import ServicesDep
from app.keys.schemas import KeyIn, KeyList, KeyOut, NewKey
from app.problems import problems
from app.security.dependencies import AdminCaller
from app.security.keys import new_secret, secret_hash
from core.errors import InvalidInput, NotFound
from core.models import ApiKey

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=BoundedRoute)


def _fields(key: ApiKey) -> dict[str, Any]:
    revoked = None if key.revoked_at is None else datetime.fromtimestamp(key.revoked_at, UTC)
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "collections": key.collections,
        "groups": key.groups,
        "origins": key.origins,
        "created_at": datetime.fromtimestamp(key.created_at, UTC),
        "revoked_at": revoked,
    }


@router.post("", status_code=201, responses=problems(InvalidInput))
def create_key(wanted: KeyIn, _: AdminCaller, services: ServicesDep) -> NewKey:
    """Make a key for an application; its secret is shown this once."""
    secret = new_secret()
    row = ApiKey(id=uuid.uuid4().hex[:12], secret_hash=secret_hash(secret), **wanted.model_dump())
    with services.database.write() as session:
        session.add(row)
    return NewKey.model_validate(_fields(row) | {"key": secret})


@router.get("")
def list_keys(_: AdminCaller, services: ServicesDep) -> KeyList:
    """List the keys, revoked ones too."""
    with services.database.read() as session:
        rows = session.scalars(select(ApiKey).order_by(ApiKey.created_at)).all()
    return KeyList(keys=[KeyOut.model_validate(_fields(row)) for row in rows])


@router.delete("/{key_id}", status_code=204, responses=problems(NotFound))
def revoke_key(key_id: str, _: AdminCaller, services: ServicesDep) -> None:
    """Revoke a key; it stops working at once."""
    with services.database.write() as session:
        row = session.get(ApiKey, key_id)
        if row is None:
            raise NotFound(f"There is no key {key_id!r}.")
        row.revoked_at = row.revoked_at or time.time()
