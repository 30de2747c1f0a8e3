"""What the documents resource takes and returns."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.values import PlainText, Scalars
from core.types import JsonScalar

DocumentState = Literal["queued", "processing", "ready", "failed"]


class BulkLine(BaseModel):
    """One line of a bulk request: a document whose text is given directly."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: PlainText = Field("", max_length=1000)
    text: str
    uri: PlainText = Field("", max_length=4000)
    lang: PlainText = Field("", max_length=16)
    metadata: dict[PlainText, Scalars] = Field(default={}, max_length=100)
    groups: list[PlainText] = Field(default=[], max_length=100)


class DocumentError(BaseModel):
    """Why the newest revision of a document is not searchable."""

    code: str
    detail: str


class DocumentOut(BaseModel):
    """A document. `state` tells of its newest revision; `live` whether one of its revisions is searchable."""

    id: str
    title: str
    uri: str
    lang: str
    state: DocumentState
    stage: str
    error: DocumentError | None
    live: bool
    content_type: str
    filename: str
    size_bytes: int
    page_count: int | None
    chunks: int
    warnings: list[str]
    metadata: dict[str, JsonScalar | list[JsonScalar]]
    groups: list[str]
    created_at: datetime
    updated_at: datetime


class DocumentList(BaseModel):
    """A page of documents by id; next_cursor asks for the next one."""

    documents: list[DocumentOut]
    next_cursor: str | None


class BlockOut(BaseModel):
    """A structural unit of the text."""

    kind: str
    char_start: int
    char_end: int
    page: int | None
    level: int


class DocumentText(BaseModel):
    """The parsed text of the live revision; offsets count Unicode code points."""

    id: str
    title: str
    text: str
    blocks: list[BlockOut]
    page_count: int | None
