"""What the index holds of a chunk that the database keeps: the one way from rows to entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.models import Chunk, Revision
from core.types import Embeddings, IndexEntry


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk in the database, as the index needs it."""

    chunk_id: int
    title: str
    heading: str
    context: str
    text: str


def stored_chunks(session: Session, *wanted: ColumnElement[bool]) -> list[StoredChunk]:
    """Return the chunks that meet conditions on Chunk and Revision, by revision and in order."""
    rows = session.execute(
        select(Chunk, Revision.title)
        .join(Revision, Revision.id == Chunk.revision_id)
        .where(*wanted)
        .order_by(Chunk.revision_id, Chunk.ordinal)
    )
    return [StoredChunk(c.id, title, heading_of(c.heading_path), c.context, c.text) for c, title in rows]


def heading_of(path: Sequence[str]) -> str:
    """Return the headings above a passage as one line."""
    return " › ".join(path)


def embedding_text(chunk: StoredChunk) -> str:
    """Return what is embedded of a chunk: its place in the document, then the passage."""
    return "\n".join(part for part in (chunk.title, chunk.heading, chunk.context, chunk.text) if part)


def indexed_body(chunk: StoredChunk) -> str:
    """Return the body that is indexed of a chunk: the passage, after the header row of a table cut in several."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text


def index_entries(chunks: Sequence[StoredChunk], embeddings: Embeddings) -> list[IndexEntry]:
    """Return the index entries of chunks and their embeddings, float32 [len(chunks), d]."""
    return [
        IndexEntry(c.chunk_id, c.title, c.heading, indexed_body(c), embedding)
        for c, embedding in zip(chunks, embeddings, strict=True)
    ]
