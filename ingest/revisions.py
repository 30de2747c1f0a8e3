"""A revision's way through the database: what is kept at each step, and the instant it becomes visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session, undefer

from core.job_queue import finish_item, lock_collection, lock_document
from core.models import Chunk, Document, Generation, IndexDeletion, IndexedRevision, JobItem, Revision
from core.originals import doom_originals
from core.types import Block, BlockKind, ChunkDraft, ParsedDocument
from core.vectors import content_hash
from indexes.passages import StoredChunk, embedding_text, heading_of, stored_chunks


@dataclass(frozen=True, slots=True)
class Work:
    """A revision to be worked on, and the generation that it goes into."""

    revision_id: int
    document_id: int
    blob_sha256: str
    filename: str
    content_type: str
    given_title: str
    given_lang: str
    parsed: ParsedDocument | None


def load_work(session: Session, revision_id: int) -> Work | None:
    """Return a revision that still wants to become visible; None where it was deleted or replaced."""
    revision = session.get(
        Revision, revision_id, options=[undefer(Revision.text), undefer(Revision.blocks)], populate_existing=True
    )
    if revision is None:
        return None
    document = session.get(Document, revision.document_id)
    if document is None or (document.live_revision_id or 0) > revision_id:
        return None
    return Work(
        revision.id,
        document.id,
        revision.blob_sha256,
        revision.filename,
        revision.content_type,
        revision.title,
        revision.lang,
        _stored_text(revision),
    )


def _stored_text(revision: Revision) -> ParsedDocument | None:
    if revision.text is None:
        return None
    blocks = [
        Block(BlockKind(kind), start, end, page, level) for kind, start, end, page, level in revision.blocks or []
    ]
    return ParsedDocument(revision.text, blocks, revision.title, revision.lang, revision.page_count)


def save_text(session: Session, work: Work, parsed: ParsedDocument) -> None:
    """Keep a parsed text; what the caller gave as title and language stands."""
    session.execute(
        update(Revision)
        .where(Revision.id == work.revision_id)
        .values(
            text=parsed.text,
            blocks=[[str(b.kind), b.char_start, b.char_end, b.page, b.level] for b in parsed.blocks],
            title=work.given_title or parsed.title or work.filename,
            lang=work.given_lang or parsed.language,
            page_count=parsed.page_count,
            warnings=list(parsed.warnings),
            state="processing",
            stage="chunk",
        )
    )


def save_chunks(session: Session, revision_id: int, generation_id: int, drafts: Sequence[ChunkDraft]) -> None:
    """Keep a revision's chunks, all or none: their presence says that this stage is over.

    Does nothing where revision or generation are gone, or where a worker whose lease had ended was there first.
    """
    revision = session.get(Revision, revision_id, with_for_update=True, populate_existing=True)
    generation = session.get(Generation, generation_id, with_for_update={"read": True, "key_share": True})
    if revision is None or generation is None or load_chunks(session, revision_id, generation_id):
        return
    session.execute(
        insert(Chunk),
        [
            {
                "revision_id": revision_id,
                "generation_id": generation_id,
                "ordinal": draft.ordinal,
                "text": draft.text,
                "context": draft.context,
                "content_hash": content_hash(embedding_text(_not_stored_yet(revision.title, draft))),
                "heading_path": list(draft.heading_path),
                "page_from": draft.page_from,
                "page_to": draft.page_to,
                "char_start": draft.char_start,
                "char_end": draft.char_end,
                "token_count": draft.token_count,
            }
            for draft in drafts
        ],
    )


def _not_stored_yet(title: str, draft: ChunkDraft) -> StoredChunk:
    return StoredChunk(0, title, heading_of(draft.heading_path), draft.context, draft.text)


def load_chunks(session: Session, revision_id: int, generation_id: int) -> list[StoredChunk]:
    """Return a revision's chunks in one generation, in order; empty where they are not cut yet."""
    return stored_chunks(session, Chunk.revision_id == revision_id, Chunk.generation_id == generation_id)


def mark_indexed(session: Session, revision_id: int, generation_id: int) -> None:
    """Note that a generation's committed index holds all chunks of a revision; does nothing where it is gone."""
    known = session.get(IndexedRevision, (revision_id, generation_id)) is not None
    here = session.get(Revision, revision_id) is not None and session.get(Generation, generation_id) is not None
    if here and not known:
        session.add(IndexedRevision(revision_id=revision_id, generation_id=generation_id))
        session.flush()


def go_live(session: Session, work: Work, collection_id: int, generation_id: int) -> str:
    """Make an indexed revision the visible one, at the instant the caller's transaction commits.

    Returns "live"; "gone" where the document was deleted or a newer revision is visible already; or "moved"
    where the collection has switched to another generation meanwhile, which must be indexed first.
    """
    collection = lock_collection(session, collection_id)
    document = lock_document(session, work.document_id)
    if collection is None or document is None or (document.live_revision_id or 0) > work.revision_id:
        return "gone"
    indexed = collection.active_generation_id == generation_id or (
        session.get(IndexedRevision, (work.revision_id, collection.active_generation_id)) is not None
    )
    if not indexed:
        return "moved"
    revision = session.get(Revision, work.revision_id, populate_existing=True)
    if revision is None or revision.state == "failed":  # failed: cancelled while we worked
        return "gone"
    revision.state, revision.stage, revision.error_code, revision.error_detail = "ready", "done", "", ""
    document.live_revision_id = work.revision_id
    session.flush()
    older = select(Revision.id).where(Revision.document_id == work.document_id, Revision.id < work.revision_id)
    drop_revisions(session, list(session.scalars(older)))
    return "live"


def drop_revisions(session: Session, revision_ids: Sequence[int]) -> None:
    """Remove revisions with their chunks, and note those for removal from the index."""
    if not revision_ids:
        return
    _note_removal(session, Chunk.revision_id.in_(revision_ids))
    doom_originals(session, Revision.id.in_(revision_ids))
    session.execute(delete(Revision).where(Revision.id.in_(revision_ids)))


def _note_removal(session: Session, which: ColumnElement[bool]) -> None:
    """Note chunks, before their rows go, for removal from the index and of vectors that nothing else needs."""
    doomed = select(Chunk.generation_id, Chunk.id, Chunk.content_hash).where(which)
    session.execute(insert(IndexDeletion).from_select(["generation_id", "chunk_id", "content_hash"], doomed))


def forget_entries(session: Session, generation_id: int, chunk_ids: Sequence[int]) -> None:
    """Note chunks that were put into the index for a revision that is gone."""
    if chunk_ids and session.get(Generation, generation_id) is not None:
        session.execute(insert(IndexDeletion), [{"generation_id": generation_id, "chunk_id": c} for c in chunk_ids])


def fail(session: Session, item_id: int, revision_id: int, stage: str, code: str, detail: str) -> None:
    """Record why a revision failed; its document keeps the revision that is live."""
    session.execute(
        update(Revision)
        .where(Revision.id == revision_id)
        .values(state="failed", stage=stage, error_code=code, error_detail=detail)
    )
    session.execute(update(JobItem).where(JobItem.id == item_id).values(stage=stage))
    session.flush()
    _note_removal(session, Chunk.revision_id == revision_id)
    session.execute(delete(Chunk).where(Chunk.revision_id == revision_id))
    finish_item(session, item_id, "failed", code, detail)
