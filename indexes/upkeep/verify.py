"""Compares database, lexical and dense contents and originals, both ways, beside a service that goes on.

What is only happening is told from what is wrong by the order of looks. A chunk is missing if it was visible
before the index was read and still is after: whatever is visible is in a committed index. An entry is extra if the
database knew nothing of it after the index was read, and the index holds it still. Both are looked for again until
two looks agree.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import select

from core.blobs import BlobStore
from core.database import Database
from core.models import Collection, Document, Generation, Revision
from core.settings import Settings
from core.types import Ids
from indexes.lexical.fields import FieldWeights
from indexes.upkeep.expected import Expected, half_documents
from indexes.upkeep.held import Held, wrong_vectors
from indexes.upkeep.report import Finding, Kind, Report

_LOOKS = 4
# Between a commit and the transaction that tells of it lies about this long, on a busy machine.
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Differences:
    """What the index holds too little and too much of, in chunk ids.

    doubtful: chunks that are or can become visible and that broken segments alone hold.
    """

    missing: Ids
    extra: Ids
    stale: Ids
    doubled: Ids
    doubtful: Ids

    @classmethod
    def between(cls, before: Expected, held: Held, after: Expected) -> Differences:
        """Compare one state of the index with the database before and after it was read."""
        everywhere, trusted = held.live_ids(held.parts), held.live_ids(held.trusted)
        visible = np.intersect1d(before.visible, after.visible)
        unaccounted = np.setdiff1d(np.setdiff1d(everywhere, after.possible), after.waiting)
        lacking = np.setdiff1d(visible, everywhere)
        kept = np.intersect1d(everywhere, after.possible)
        ids, counts = np.unique(everywhere, return_counts=True)
        return cls(
            missing=lacking,
            extra=np.setdiff1d(unaccounted, after.known),
            stale=np.intersect1d(unaccounted, after.known),
            doubled=ids[counts > 1],
            doubtful=np.setdiff1d(np.union1d(np.setdiff1d(visible, lacking), kept), trusted),
        )

    def seen_again_in(self, later: Differences) -> Differences:
        """Keep what a later look has seen too."""
        return Differences(
            missing=np.intersect1d(self.missing, later.missing),
            extra=np.intersect1d(self.extra, later.extra),
            stale=np.intersect1d(self.stale, later.stale),
            doubled=np.intersect1d(self.doubled, later.doubled),
            doubtful=later.doubtful,
        )

    def __bool__(self) -> bool:
        return any(map(len, (self.missing, self.extra, self.stale, self.doubled)))


@dataclass(frozen=True, slots=True)
class Examined:
    """A generation with everything that is known about its index.

    wrong_terms, wrong_attributes and other_vectors are of the long look alone (`deep`).
    """

    generation: Generation
    collection: str
    expected: Expected
    held: Held
    differences: Differences
    wrong_vectors: Ids
    half: Sequence[str]
    wrong_terms: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    wrong_attributes: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    other_vectors: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def to_embed(self) -> Ids:
        """Chunks that the index must be given again."""
        differences = self.differences
        wrong = (self.wrong_vectors, self.wrong_terms, self.wrong_attributes, self.other_vectors)
        return np.unique(np.concatenate([differences.missing, differences.doubtful, *wrong]))


def generations_of(database: Database, collection: str | None) -> list[tuple[Generation, str]]:
    """Return the generations that a verification looks at, active ones first; collection: None for all."""
    statement = (
        select(Generation, Collection.name)
        .join(Collection, Collection.id == Generation.collection_id)
        .where(Generation.state.in_(("active", "retired", "rejected")))
        .order_by(Collection.name, Generation.state, Generation.id)
    )
    if collection is not None:
        statement = statement.where(Collection.name == collection)
    with database.read() as session:
        return [(generation, name) for generation, name in session.execute(statement)]


def examine(settings: Settings, database: Database, generation: Generation, collection: str) -> Examined | None:
    """Look at a generation until what it says is certain; None where it was removed meanwhile."""
    found: Differences | None = None
    for look in range(_LOOKS):
        time.sleep(_PAUSE_S if look else 0)
        before = _expected(database, generation)
        held = Held.read(settings.index_folder(generation.id), FieldWeights.of(settings).analyser)
        after = _expected(database, generation)
        if before is None or after is None:
            return None
        now = Differences.between(before, held, after)
        found = now if found is None else found.seen_again_in(now)
        if not found:
            break
    assert found is not None
    assert after is not None
    with database.read() as session:
        half = half_documents(session, generation)
    vectors = [wrong_vectors(part) for part in held.trusted]
    wrong = np.intersect1d(np.concatenate([np.empty(0, np.int64), *vectors]), after.visible)
    return Examined(generation, collection, after, held, found, wrong, half)


def _expected(database: Database, generation: Generation) -> Expected | None:
    with database.read() as session:
        row = session.get(Generation, generation.id)
        return None if row is None else Expected.read(session, row)


def report_of(examined: Examined) -> Report:
    """Put what was found into words."""
    held, differences = examined.held, examined.differences
    readable = not (held.unreadable or held.outdated)
    found: list[Finding | None] = [
        _finding("outdated", held.outdated, ["manifest.json"] if held.outdated else []),
        _finding("unreadable-manifest", held.unreadable, ["manifest.json"] if held.unreadable else []),
        _finding("damaged-file", "files are missing or differ", [f"{p}: {why}" for p, why in held.damaged.items()]),
        _finding("uneven-segment", "segments disagree", [f"{name}: {why}" for name, why in held.uneven.items()]),
    ]
    if readable:
        found += [
            _finding("missing-chunks", "visible chunks are not in the index", differences.missing.tolist()),
            _finding("extra-entries", "entries of chunks that the database has not", differences.extra.tolist()),
            _finding("wrong-revision", "entries of revisions that do not answer", differences.stale.tolist()),
            _finding("doubled-entries", "chunks are in the index twice", differences.doubled.tolist()),
            _finding("wrong-vectors", "vectors are not of length one", examined.wrong_vectors.tolist()),
            _finding("wrong-terms", "terms are not those of the text", examined.wrong_terms.tolist()),
            _finding(
                "wrong-attributes",
                "what filters and groups go by is not that of the document",
                examined.wrong_attributes.tolist(),
            ),
            _finding("other-vectors", "vectors are not those of the text", examined.other_vectors.tolist()),
        ]
        if held.dimension not in {0, examined.generation.dimension}:
            detail = f"vectors have {held.dimension} dimensions instead of {examined.generation.dimension}"
            found.append(_finding("wrong-vectors", detail, ["all"]))
    found.append(_finding("half-document", "documents answer with some of their chunks", examined.half))
    return Report(
        collection=examined.collection,
        generation=examined.generation.id,
        state=examined.generation.state,
        documents=examined.expected.documents,
        chunks=len(examined.expected.visible),
        entries=len(held.live_ids(held.parts)),
        waiting_removals=len(examined.expected.waiting),
        findings=[finding for finding in found if finding is not None],
    )


def _finding(kind: Kind, detail: str, concerned: Sequence[int | str]) -> Finding | None:
    return Finding.of(kind, detail, concerned) if concerned else None


def with_originals(report: Report, settings: Settings, database: Database, *, content: bool) -> Report:
    """Add the live documents whose original file is missing or damaged; content: compare checksums."""
    blobs = BlobStore(settings.blob_dir)
    statement = (
        select(Document.external_id, Revision.blob_sha256, Revision.size_bytes)
        .join(Revision, Revision.id == Document.live_revision_id)
        .join(Collection, Collection.id == Document.collection_id)
        .where(Collection.name == report.collection)
        .order_by(Document.id)
    )
    with database.read() as session:
        rows = session.execute(statement).all()
    wrong = [
        f"{name} {why}"
        for name, sha256, size in rows
        if (why := blobs.damage(sha256, size, content=content)) and _lives(database, sha256)
    ]
    finding = _finding("damaged-original", "original files are damaged", wrong)
    return replace(report, findings=[*report.findings, *([finding] if finding else [])])


def _lives(database: Database, sha256: str) -> bool:
    """Whether a live document still names an original: it may have been deleted while we looked."""
    statement = (
        select(Document.id)
        .join(Revision, Revision.id == Document.live_revision_id)
        .where(Revision.blob_sha256 == sha256)
    )
    with database.read() as session:
        return session.scalars(statement.limit(1)).first() is not None
