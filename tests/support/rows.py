"""Rows for tests of the database: a collection, documents with a live revision, and jobs that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from core.job_queue import new_job
from core.models import Chunk, Collection, Document, Generation, Job, JobItem, Revision, RevisionGroup
from core.types import JsonScalar


def add_collection(session: Session, name: str) -> Collection:
    """Add a collection with an active generation."""
    collection = Collection(name=name, settings={})
    session.add(collection)
    session.flush()
    generation = Generation(
        collection_id=collection.id,
        state="active",
        embedder="e5",
        fingerprint="f",
        dimension=384,
        chunk_target_tokens=200,
        chunk_max_tokens=400,
        analyser="1",
    )
    session.add(generation)
    session.flush()
    collection.active_generation_id = generation.id
    return collection


def add_revision(
    session: Session,
    collection: Collection,
    document_id: str,
    *,
    live: bool = True,
    groups: Sequence[str] = (),
    meta: Mapping[str, JsonScalar | Sequence[JsonScalar]] | None = None,
    lang: str = "en",
) -> Revision:
    """Add a revision with one chunk that reads as the document's id, and the document if it is new."""
    document = session.query(Document).filter_by(collection_id=collection.id, external_id=document_id).one_or_none()
    if document is None:
        document = Document(collection_id=collection.id, external_id=document_id)
        session.add(document)
        session.flush()
    revision = Revision(
        document_id=document.id,
        state="ready" if live else "queued",
        blob_sha256="0" * 64,
        size_bytes=1,
        content_type="text/plain",
        filename=document_id,
        content_key="k",
        lang=lang,
        meta=dict(meta or {}),
    )
    session.add(revision)
    session.flush()
    session.add_all(RevisionGroup(revision_id=revision.id, name=name) for name in groups)
    session.add(
        Chunk(
            revision_id=revision.id,
            generation_id=collection.active_generation_id,
            ordinal=0,
            text=document_id,
            context="",
            heading_path=[],
            char_start=0,
            char_end=1,
            token_count=1,
        )
    )
    document.latest_revision_id = revision.id
    if live:
        document.live_revision_id = revision.id
    session.flush()
    return revision


def add_job(session: Session, collection: Collection, documents: Sequence[str]) -> Job:
    """Add an ingest job with a waiting item for each document."""
    job = new_job(session, "ingest", collection.id, "k", None)
    job.total = len(documents)
    for name in documents:
        revision = add_revision(session, collection, name, live=False)
        session.add(JobItem(job_id=job.id, document_id=name, revision_id=revision.id))
    session.flush()
    return job
