"""Taking documents in, showing them and removing them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.collections import repository as collections
from app.documents import repository
from app.documents.schemas import BlockOut, DocumentError, DocumentList, DocumentOut, DocumentText
from app.jobs.schemas import JobOut
from app.jobs.service import job_out
from core.blobs import Blob, BlobStore
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.filters import Filter
from core.job_queue import check_room, job_of_key, new_job, settle_job
from core.models import Document, Job, JobItem, Revision, RevisionGroup
from core.settings import Settings
from core.types import Caller
from core.visibility import readable_documents

_MOST_ID_CHARS = 500
BULK_CONTENT_TYPE = "text/plain"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A document on its way in; its bytes are in the blob folder already."""

    document_id: str
    blob: Blob
    content_type: str
    filename: str
    title: str = ""
    uri: str = ""
    lang: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    groups: Sequence[str] = ()

    def content_key(self) -> str:
        """Hash of all that a revision is made from: equal keys mean that nothing changed."""
        parts = [
            self.blob.sha256,
            self.content_type,
            self.filename,
            self.title,
            self.uri,
            self.lang,
            dict(self.metadata),
            sorted(self.groups),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def check_document_id(document_id: str) -> str:
    """Return a caller's id, or raise InvalidInput saying what is wrong with it."""
    if not document_id or len(document_id) > _MOST_ID_CHARS:
        raise InvalidInput(f"A document id has 1 to {_MOST_ID_CHARS} characters.")
    if any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in document_id):
        raise InvalidInput("A document id may not contain control characters.")
    if "\ufffd" in document_id:  # what the server makes of bytes that are no text: different ids would be one
        raise InvalidInput("A document id is UTF-8, percent-encoded in a path.")
    segments = document_id.split("/")
    if any(segment in {"", ".", ".."} for segment in segments):
        raise InvalidInput("A document id may not have empty, '.' or '..' path segments.")
    if len(segments) > 1 and segments[-1] in {"text", "original"}:
        raise InvalidInput("A document id may not end in '/text' or '/original': those paths are taken.")
    return document_id


class DocumentService:
    """The documents resource."""

    def __init__(self, database: Database, blobs: BlobStore, settings: Settings) -> None:
        self._database = database
        self._blobs = blobs
        self._settings = settings

    def check_collection(self, name: str) -> None:
        """Raise NotFound for an unknown collection and Overloaded where too much waits: before bytes are read."""
        with self._database.read() as session:
            collections.by_name(session, name)
            check_room(session, self._settings.max_queued_items)

    def submit(
        self, caller: Caller, collection: str, incoming: Sequence[Incoming], idempotency_key: str | None
    ) -> JobOut:
        """Queue documents as one job, all or none; what has not changed is counted and left alone.

        Raises NotFound, Conflict where an idempotency key was used for another request, or Overloaded.
        """
        with self._database.write() as session:
            row = collections.by_name(session, collection)
            known = job_of_key(session, caller.key_id, idempotency_key, "ingest", row.id)
            if known is not None:
                return job_out(session, known, collection)
            check_room(session, self._settings.max_queued_items)
            job = new_job(session, "ingest", row.id, caller.key_id, idempotency_key)
            # The last of several documents under one id in one request is the one that stays.
            for item in {one.document_id: one for one in incoming}.values():
                if not self._enqueue(session, row.id, job, item):
                    job.unchanged += 1
                job.total += 1
            session.flush()
            settle_job(session, job.id)
            return job_out(session, job, collection)

    @staticmethod
    def _enqueue(session: Session, collection_id: int, job: Job, incoming: Incoming) -> bool:
        document = session.scalar(
            select(Document)
            .where(Document.collection_id == collection_id, Document.external_id == incoming.document_id)
            .with_for_update()
        )
        if document is None:
            document = Document(collection_id=collection_id, external_id=incoming.document_id)
            session.add(document)
            session.flush()
        latest = session.get(Revision, document.latest_revision_id) if document.latest_revision_id else None
        key = incoming.content_key()
        if latest is not None and latest.content_key == key and latest.state != "failed":
            return False
        revision = Revision(
            document_id=document.id,
            blob_sha256=incoming.blob.sha256,
            size_bytes=incoming.blob.size_bytes,
            content_type=incoming.content_type,
            filename=incoming.filename,
            content_key=key,
            title=incoming.title,
            uri=incoming.uri,
            lang=incoming.lang,
            meta=dict(incoming.metadata),
        )
        session.add(revision)
        session.flush()
        session.add_all(RevisionGroup(revision_id=revision.id, name=name) for name in set(incoming.groups))
        document.latest_revision_id = revision.id
        session.add(JobItem(job_id=job.id, document_id=incoming.document_id, revision_id=revision.id))
        return True

    def list(
        self,
        caller: Caller,
        collection: str,
        state: str | None,
        words: str,
        wanted: Filter | None,
        cursor: str,
        limit: int,
    ) -> DocumentList:
        """Return a page of documents."""
        with self._database.read() as session:
            row = collections.by_name(session, collection)
            rows = repository.page(session, caller, row.id, state, words, wanted, cursor, limit + 1)
            shown = [
                _shown(session, document, revision, row.active_generation_id) for document, revision in rows[:limit]
            ]
            return DocumentList(
                documents=shown, next_cursor=rows[limit - 1][0].external_id if len(rows) > limit else None
            )

    def get(self, caller: Caller, collection: str, document_id: str) -> DocumentOut:
        """Return one document; raises NotFound."""
        with self._database.read() as session:
            row = collections.by_name(session, collection)
            document, revision = repository.find(session, caller, row.id, document_id)
            return _shown(session, document, revision, row.active_generation_id)

    def text(self, caller: Caller, collection: str, document_id: str) -> DocumentText:
        """Return the live revision's text; raises NotFound where there is none to read."""
        with self._database.read() as session:
            _, revision = self._live(session, caller, collection, document_id)
            return DocumentText(
                id=document_id,
                title=revision.title,
                text=revision.text or "",
                blocks=[
                    BlockOut(kind=kind, char_start=start, char_end=end, page=page, level=level)
                    for kind, start, end, page, level in revision.blocks or []
                ],
                page_count=revision.page_count,
            )

    def original(self, caller: Caller, collection: str, document_id: str) -> tuple[bytes, str, str]:
        """Return the live revision's bytes, content type and file name; raises NotFound."""
        with self._database.read() as session:
            _, revision = self._live(session, caller, collection, document_id)
        return self._blobs.get(revision.blob_sha256), revision.content_type, revision.filename

    @staticmethod
    def _live(session: Session, caller: Caller, collection: str, document_id: str) -> tuple[Document, Revision]:
        row = collections.by_name(session, collection)
        statement = readable_documents(caller, row.id).where(Document.external_id == document_id)
        found = session.execute(statement).first()
        if found is None:
            raise NotFound(f"There is no searchable document {document_id!r} in this collection.")
        return found

    def delete(self, caller: Caller, collection: str, document_id: str) -> None:
        """Delete a document: when the transaction has committed, nothing of it can be found. Raises NotFound."""
        with self._database.write() as session:
            row = collections.by_name(session, collection)
            document, _ = repository.find(session, caller, row.id, document_id)
            repository.delete_document(session, document)


def _shown(session: Session, document: Document, revision: Revision, generation_id: int | None) -> DocumentOut:
    failed = revision.state == "failed"
    return DocumentOut.model_validate(
        {
            "id": document.external_id,
            "title": revision.title or revision.filename or document.external_id,
            "uri": revision.uri,
            "lang": revision.lang,
            "state": revision.state,
            "stage": revision.stage,
            "error": DocumentError(code=revision.error_code, detail=revision.error_detail) if failed else None,
            "live": document.live_revision_id is not None,
            "content_type": revision.content_type,
            "filename": revision.filename,
            "size_bytes": revision.size_bytes,
            "page_count": revision.page_count,
            "chunks": repository.count_chunks(session, document.live_revision_id, generation_id),
            "warnings": revision.warnings,
            "metadata": revision.meta,
            "groups": repository.groups_of(session, revision.id),
            "created_at": datetime.fromtimestamp(document.created_at, UTC),
            "updated_at": datetime.fromtimestamp(revision.created_at, UTC),
        }
    )
