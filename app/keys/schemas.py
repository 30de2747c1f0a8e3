"""What the keys resource takes and returns."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ScopeName = Literal["ask", "search", "ingest", "admin"]
Origin = Annotated[str, Field(pattern=r"^https?://[^/\s]+$", max_length=300)]


class KeyIn(BaseModel):
    """A key to be made for an application."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    scopes: list[ScopeName] = Field(min_length=1)
    collections: list[str] | None = Field(None, description="Collections it may use; null: all.")
    groups: list[str] = Field(default=[], description="Groups whose documents it may read.")
    origins: list[Origin] = Field(default=[], description="Web origins whose pages may use it (the widget's).")


class KeyOut(BaseModel):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[ScopeName]
    collections: list[str] | None
    groups: list[str]
    origins: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewKey(KeyOut):
    """A key just made: the only time that its secret is shown."""

    key: str


class KeyList(BaseModel):
    """All keys."""

    keys: list[KeyOut]
