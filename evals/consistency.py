"""Compares database and index both ways: `python -m evals.consistency` on the data folder of the settings."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

from sqlalchemy import select

from core.blobs import BlobStore
from core.database import Database
from core.errors import NotFound, RagstoneError
from core.models import Chunk, Collection, Document, IndexDeletion, Revision
from core.settings import Settings, load_settings
from indexes.hybrid import HybridIndex


@dataclass(frozen=True, slots=True)
class Report:
    """What does not agree; a sound collection has none but the waiting removals."""

    collection: str
    documents: int
    chunks: int
    unindexed_chunks: list[int]
    unknown_entries: list[int]
    half_documents: list[str]
    missing_originals: list[str]
    waiting_removals: int

    @property
    def sound(self) -> bool:
        """Whether every visible chunk is in the index once, and nothing else is."""
        return not (self.unindexed_chunks or self.unknown_entries or self.half_documents or self.missing_originals)


def check(settings: Settings) -> list[Report]:
    """Report on every collection. Reads only; what changes meanwhile may show as a difference."""
    database = Database(settings.resolved_database_url)
    try:
        with database.read() as session:
            names = list(session.execute(select(Collection.id, Collection.name)))
        return [_check_collection(settings, database, id_, name) for id_, name in names]
    finally:
        database.close()


def _check_collection(settings: Settings, database: Database, collection_id: int, name: str) -> Report:
    blobs = BlobStore(settings.blob_dir)
    with database.read() as session:
        collection = session.get_one(Collection, collection_id)
        generation_id = collection.active_generation_id or 0
        live = list(
            session.execute(
                select(Document.external_id, Revision.id, Revision.state, Revision.blob_sha256)
                .join(Revision, Revision.id == Document.live_revision_id)
                .where(Document.collection_id == collection_id)
            )
        )
        ordinals: dict[int, list[int]] = {}
        visible: set[int] = set()
        known: set[int] = set()
        rows = select(Chunk.id, Chunk.revision_id, Chunk.ordinal).where(Chunk.generation_id == generation_id)
        live_ids = {revision_id for _, revision_id, _, _ in live}
        for chunk_id, revision_id, ordinal in session.execute(rows.order_by(Chunk.ordinal)):
            known.add(chunk_id)
            if revision_id in live_ids:
                visible.add(chunk_id)
                ordinals.setdefault(revision_id, []).append(ordinal)
        waiting = set(
            session.scalars(select(IndexDeletion.chunk_id).where(IndexDeletion.generation_id == generation_id))
        )
    with HybridIndex.open(settings.index_folder(generation_id)) as index:
        indexed = set(index.live_ids().tolist())
    half = [
        document
        for document, revision_id, state, _ in live
        if state != "ready"
        or not ordinals.get(revision_id)
        or ordinals[revision_id] != list(range(len(ordinals[revision_id])))
    ]
    return Report(
        name,
        len(live),
        len(visible),
        sorted(visible - indexed),
        sorted(indexed - known - waiting),
        half,
        [document for document, _, _, sha256 in live if not _has_blob(blobs, sha256)],
        len(waiting),
    )


def _has_blob(blobs: BlobStore, sha256: str) -> bool:
    try:
        blobs.get(sha256)
    except NotFound:
        return False
    return True


def main() -> None:
    """Print a line of JSON for each collection; exit with 1 where something does not agree."""
    try:
        reports = check(load_settings())
    except RagstoneError as error:
        print(f"consistency: {error.detail}", file=sys.stderr)
        sys.exit(2)
    for report in reports:
        print(json.dumps(asdict(report) | {"sound": report.sound}, ensure_ascii=False))
    sys.exit(0 if all(report.sound for report in reports) else 1)


if __name__ == "__main__":
    main()
