"""What the index holds of a chunk that the database keeps: the one way from rows to entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.models import Chunk, Document, Revision, RevisionGroup
from core.types import Attributes, Embeddings, IndexEntry


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk in the database, as the index needs it."""

    chunk_id: int
    title: str
    heading: str
    context: str
    text: str
    attributes: Attributes = field(default_factory=Attributes)


def stored_chunks(session: Session, *wanted: ColumnElement[bool]) -> list[StoredChunk]:
    """Return the chunks that meet conditions on Chunk and Revision, by revision and in order."""
    chosen = (
        select(Chunk, Revision, Document)
        .join(Revision, Revision.id == Chunk.revision_id)
        .join(Document, Document.id == Revision.document_id)
        .where(*wanted)
    )
    groups: dict[int, list[str]] = {}
    in_groups = RevisionGroup.revision_id.in_(chosen.with_only_columns(Chunk.revision_id))
    for row in session.scalars(select(RevisionGroup).where(in_groups)):
        groups.setdefault(row.revision_id, []).append(row.name)
    attributes: dict[int, Attributes] = {}
    chunks: list[StoredChunk] = []
    for chunk, revision, document in session.execute(chosen.order_by(Chunk.revision_id, Chunk.ordinal)):
        if revision.id not in attributes:
            attributes[revision.id] = _attributes(document, revision, groups.get(revision.id, ()))
        heading = heading_of(chunk.heading_path)
        chunks.append(
            StoredChunk(chunk.id, revision.title, heading, chunk.context, chunk.text, attributes[revision.id])
        )
    return chunks


def _attributes(document: Document, revision: Revision, groups: Sequence[str]) -> Attributes:
    return Attributes(
        document_id=document.external_id,
        lang=revision.lang,
        created_at=document.created_at,
        updated_at=revision.created_at,
        metadata=revision.meta,
        groups=groups,
    )


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
        IndexEntry(c.chunk_id, c.title, c.heading, indexed_body(c), embedding, c.attributes)
        for c, embedding in zip(chunks, embeddings, strict=True)
    ]
