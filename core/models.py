"""The database's tables. Truth lives here and in the blob folder; the index can be rebuilt from them."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, MetaData, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only for INTEGER; ids there are 64 bits wide all the same.
RowId = BigInteger().with_variant(Integer, "sqlite")


def now() -> float:
    """Return the time in whole microseconds: what is shown of it, read again, is the same number."""
    return round(time.time(), 6)


class Base(DeclarativeBase):
    """Common naming, so that migrations can name every constraint. Times are seconds since the epoch."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[Any]: JSON,
        str: Text,
        float: Float(53),
    }


class Collection(Base):
    """A named body of documents with one embedder and one chunker."""

    __tablename__ = "collections"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    settings: Mapped[dict[str, Any]]
    active_generation_id: Mapped[int | None] = mapped_column(RowId)
    golden: Mapped[dict[str, Any] | None]
    created_at: Mapped[float] = mapped_column(default=time.time)
    updated_at: Mapped[float] = mapped_column(default=time.time, onupdate=time.time)


class Generation(Base):
    """One complete build of a collection's index.

    state is building, active, retired (it was active and is kept), rejected (it failed its golden questions and is
    kept) or abandoned (its building was cancelled or failed).
    """

    __tablename__ = "generations"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    collection_id: Mapped[int] = mapped_column(RowId, ForeignKey("collections.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    embedder: Mapped[str]
    fingerprint: Mapped[str]
    dimension: Mapped[int]
    chunk_target_tokens: Mapped[int]
    chunk_max_tokens: Mapped[int]
    analyser: Mapped[str]
    created_at: Mapped[float] = mapped_column(default=time.time)
    activated_at: Mapped[float | None]
    retired_at: Mapped[float | None]


class Document(Base):
    """One source item under a stable external id; only its live revision can be seen."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("collection_id", "external_id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    collection_id: Mapped[int] = mapped_column(RowId, ForeignKey("collections.id", ondelete="CASCADE"))
    external_id: Mapped[str]
    live_revision_id: Mapped[int | None] = mapped_column(RowId, index=True)
    latest_revision_id: Mapped[int | None] = mapped_column(RowId)
    created_at: Mapped[float] = mapped_column(default=now)


class Revision(Base):
    """One state of a document. state is queued, processing, ready or failed."""

    __tablename__ = "revisions"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    document_id: Mapped[int] = mapped_column(RowId, ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(default="queued")
    stage: Mapped[str] = mapped_column(default="queued")
    error_code: Mapped[str] = mapped_column(default="")
    error_detail: Mapped[str] = mapped_column(default="")
    blob_sha256: Mapped[str] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    content_type: Mapped[str]
    filename: Mapped[str]
    content_key: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    uri: Mapped[str] = mapped_column(default="")
    lang: Mapped[str] = mapped_column(default="")
    meta: Mapped[dict[str, Any]] = mapped_column(default=dict)
    text: Mapped[str | None] = mapped_column(deferred=True)
    blocks: Mapped[list[Any] | None] = mapped_column(deferred=True)
    page_count: Mapped[int | None]
    warnings: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[float] = mapped_column(default=now)


class RevisionGroup(Base):
    """A group that may read a revision; a revision without groups is readable by every key of the collection."""

    __tablename__ = "revision_groups"
    revision_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("revisions.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)


class Chunk(Base):
    """A passage of one revision in one generation. Ids are never used twice: an index may still hold old ones."""

    __tablename__ = "chunks"
    __table_args__ = (
        Index("ix_chunks_revision_generation", "revision_id", "generation_id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    revision_id: Mapped[int] = mapped_column(RowId, ForeignKey("revisions.id", ondelete="CASCADE"))
    generation_id: Mapped[int] = mapped_column(RowId, ForeignKey("generations.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int]
    text: Mapped[str]
    context: Mapped[str]
    heading_path: Mapped[list[str]]
    page_from: Mapped[int | None]
    page_to: Mapped[int | None]
    char_start: Mapped[int]
    char_end: Mapped[int]
    token_count: Mapped[int]
    content_hash: Mapped[bytes | None] = mapped_column(index=True)  # None: cut before vectors were kept


class Vector(Base):
    """The embedding of a text by an embedder, kept while a chunk holds that text: float32, little-endian."""

    __tablename__ = "vectors"
    __table_args__ = (
        UniqueConstraint("content_hash", "fingerprint"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    content_hash: Mapped[bytes]
    fingerprint: Mapped[str]
    embedding: Mapped[bytes]


class IndexedRevision(Base):
    """A revision whose chunks are all in a generation's committed index: what going live depends on."""

    __tablename__ = "indexed_revisions"
    revision_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("revisions.id", ondelete="CASCADE"), primary_key=True
    )
    generation_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class IndexDeletion(Base):
    """A chunk that an index may still hold and the worker has yet to remove from it."""

    __tablename__ = "index_deletions"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    generation_id: Mapped[int] = mapped_column(RowId, ForeignKey("generations.id", ondelete="CASCADE"), index=True)
    chunk_id: Mapped[int] = mapped_column(RowId)
    content_hash: Mapped[bytes | None]  # of the chunk, which is gone: its vectors may have to go too


class DoomedBlob(Base):
    """An original file that a revision named which is gone: it goes too, unless another revision names it."""

    __tablename__ = "doomed_blobs"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
    noted_at: Mapped[float]


class Job(Base):
    """A request for work: kind is ingest, reindex or rollback; state as the API shows it."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("key_id", "idempotency_key"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    collection_id: Mapped[int] = mapped_column(RowId, ForeignKey("collections.id", ondelete="CASCADE"), index=True)
    generation_id: Mapped[int | None] = mapped_column(RowId)
    state: Mapped[str] = mapped_column(default="queued", index=True)
    stage: Mapped[str] = mapped_column(default="queued")
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    golden: Mapped[dict[str, Any] | None]
    report: Mapped[dict[str, Any] | None]
    key_id: Mapped[str] = mapped_column(default="")
    idempotency_key: Mapped[str | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[float] = mapped_column(default=time.time, index=True)
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class JobItem(Base):
    """One revision to be made searchable: the row that a worker leases."""

    __tablename__ = "job_items"
    __table_args__ = (
        Index("ix_job_items_state_lease", "state", "lease_until"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    document_id: Mapped[str]
    revision_id: Mapped[int] = mapped_column(RowId, index=True)
    state: Mapped[str] = mapped_column(default="queued")
    stage: Mapped[str] = mapped_column(default="queued")
    error_code: Mapped[str] = mapped_column(default="")
    error_detail: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[float] = mapped_column(default=0.0)


class ApiKey(Base):
    """A key of an application: only the hash of its secret is kept."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    collections: Mapped[list[str] | None]
    groups: Mapped[list[str]] = mapped_column(default=list)
    origins: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[float] = mapped_column(default=time.time)
    revoked_at: Mapped[float | None]


# Why an answer has no text any more.
SOURCE_DELETED = "source-deleted"


class Answer(Base):
    """One question and its answer, kept so that a conversation can go on and be judged."""

    __tablename__ = "answers"
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(index=True)
    collection_id: Mapped[int] = mapped_column(RowId, ForeignKey("collections.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[str]
    question: Mapped[str]
    text: Mapped[str]
    grounded: Mapped[bool]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float] = mapped_column(default=time.time, index=True)


class AnswerDocument(Base):
    """A document that an answer quotes: deleting the document erases the answer's text with it."""

    __tablename__ = "answer_documents"
    answer_id: Mapped[str] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True)
    document_id: Mapped[int] = mapped_column(RowId, primary_key=True, index=True)


class Feedback(Base):
    """A reader's verdict on an answer."""

    __tablename__ = "feedback"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    answer_id: Mapped[str] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[str]
    rating: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    correction: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float] = mapped_column(default=time.time)
