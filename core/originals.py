"""Original files leave with the last revision that names them: noted in the transaction, removed soon after."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, delete, insert, literal, select
from sqlalchemy.orm import Session

from core.blobs import BlobStore
from core.database import Database
from core.models import DoomedBlob, Revision

# An upload stores its bytes before its row: younger files may still be waiting for theirs.
_GRACE_S = 3600.0
# What a file system's clock may lie behind the time of day.
_CLOCK_S = 0.05
_AT_ONCE = 500


def doom_originals(session: Session, revisions: ColumnElement[bool]) -> None:
    """Note the original files of revisions that are about to be deleted."""
    named = select(Revision.blob_sha256, literal(time.time())).where(revisions)
    session.execute(insert(DoomedBlob).from_select(["sha256", "noted_at"], named))


def remove_doomed(database: Database, blobs: BlobStore) -> int:
    """Remove the noted files that no revision names; returns how many notes there were.

    One that was stored again since is left: an upload may be about to name it.
    """
    done = 0
    while True:
        with database.read() as session:
            notes = session.execute(select(DoomedBlob.id, DoomedBlob.sha256, DoomedBlob.noted_at).limit(_AT_ONCE))
            noted = notes.all()
        for id_, sha256, noted_at in noted:
            _remove_unnamed(database, blobs, sha256, noted_at - _CLOCK_S, id_)
        done += len(noted)
        if len(noted) < _AT_ONCE:
            return done


def remove_lost(database: Database, blobs: BlobStore) -> None:
    """Remove old files that no revision names and nobody noted, and what broken uploads have left."""
    before = time.time() - _GRACE_S
    blobs.remove_unfinished(before)
    for sha256 in blobs.older_than(before):
        _remove_unnamed(database, blobs, sha256, before)


def _remove_unnamed(
    database: Database, blobs: BlobStore, sha256: str, before: float, note: int | None = None
) -> None:
    with database.write() as session:  # the write lock keeps an upload from naming it right now
        if session.scalar(select(Revision.id).where(Revision.blob_sha256 == sha256).limit(1)) is None:
            blobs.remove(sha256, before)
        session.execute(delete(DoomedBlob).where(DoomedBlob.id == note))
