"""The long look: does the index hold of each chunk what its text says, and are vectors those of its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.database import Database
from core.models import Chunk
from core.settings import Settings
from core.types import Ids, IndexEntry
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.fields import FieldWeights
from indexes.lexical.matches import Rows
from indexes.lexical.postings import Bag, Postings
from indexes.passages import StoredChunk, embedding_text, indexed_body, stored_chunks
from indexes.upkeep.held import Part
from indexes.upkeep.verify import Examined

_CHUNKS_AT_ONCE = 500
_POSTINGS_AT_ONCE = 1 << 20
_SAMPLE = 64
# Batches of another composition change the last bits of a quantised model's vectors, no more.
_LEAST_COSINE = 0.99

Fingerprints = NDArray[np.uint64]


def looked_into(examined: Examined, settings: Settings, database: Database, embedders: EmbedderPool) -> Examined:
    """Add what a comparison with the texts themselves finds; raises as the embedder does."""
    fields = FieldWeights.of(settings)
    wrong = [
        id_
        for part in examined.held.trusted
        for id_ in _wrong_terms(part, examined.expected.visible, database, fields)
    ]
    others = _other_vectors(examined, settings, database, embedders)
    return replace(examined, wrong_terms=np.array(wrong, np.int64), other_vectors=np.array(others, np.int64))


def _wrong_terms(part: Part, visible: Ids, database: Database, fields: FieldWeights) -> list[int]:
    """Return the visible chunks of a part whose postings are not their text's terms."""
    indexed = row_fingerprints(part.segment.postings)
    rows = _rows_of(part, visible)
    wrong: list[int] = []
    for start in range(0, len(rows), _CHUNKS_AT_ONCE):
        some = rows[start : start + _CHUNKS_AT_ONCE]
        row_of = dict(zip(part.segment.chunk_ids[some].tolist(), some.tolist(), strict=True))
        wrong += [
            chunk.chunk_id
            for chunk in _stored(database, list(row_of))
            if bag_fingerprint(fields.bag(_entry(chunk))) != int(indexed[row_of[chunk.chunk_id]])
        ]
    return wrong


def _other_vectors(
    examined: Examined, settings: Settings, database: Database, embedders: EmbedderPool
) -> list[int]:
    """Embed a sample of chunks anew and return those whose stored vector points elsewhere."""
    generation = examined.generation
    vectors = {}
    for part in examined.held.trusted:
        rows = _rows_of(part, examined.expected.visible)
        for row in rows[:: max(1, len(rows) // _SAMPLE)][:_SAMPLE].tolist():
            vectors[int(part.segment.chunk_ids[row])] = part.segment.dense.vectors[row]
    sample = sorted(vectors)[:: max(1, len(vectors) // _SAMPLE)][:_SAMPLE]
    chunks = _stored(database, sample)
    if not chunks:
        return []
    embedder = embedders.bound(generation.embedder, generation.fingerprint)
    batch = settings.embed_batch
    others = []
    for start in range(0, len(chunks), batch):
        some = chunks[start : start + batch]
        anew = embedder.embed_passages([embedding_text(chunk) for chunk in some])
        for chunk, vector in zip(some, anew, strict=True):
            if float(vector @ vectors[chunk.chunk_id]) < _LEAST_COSINE:
                others.append(chunk.chunk_id)
    return others


def _rows_of(part: Part, chunk_ids: Ids) -> Rows:
    """Return the live rows of a part that hold one of some chunks."""
    rows = np.flatnonzero(~part.dead)
    return rows[np.isin(part.segment.chunk_ids[rows], chunk_ids)]


def _stored(database: Database, ids: list[int]) -> list[StoredChunk]:
    with database.read() as session:
        return stored_chunks(session, Chunk.id.in_(ids))


def _entry(chunk: StoredChunk) -> IndexEntry:
    return IndexEntry(chunk.chunk_id, chunk.title, chunk.heading, indexed_body(chunk), np.empty(0, np.float32))


def bag_fingerprint(bag: Bag) -> int:
    """Return 64 bits that say which terms occur how often, in whatever order."""
    terms = np.fromiter(bag.keys(), np.uint64, len(bag))
    counts = np.fromiter(bag.values(), np.uint64, len(bag))
    return int((_scattered(terms) * counts).sum(dtype=np.uint64))


def row_fingerprints(postings: Postings) -> Fingerprints:
    """Return `bag_fingerprint` of every row, uint64 [rows]."""
    sums = np.zeros(postings.row_count, np.uint64)
    for terms, rows, frequencies in _pieces(postings):
        np.add.at(sums, rows, _scattered(terms) * frequencies.astype(np.uint64))
    return sums


def _pieces(
    postings: Postings,
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.unsignedinteger]]]:
    """Yield terms, rows and frequencies of postings, so many at once."""
    for start in range(0, len(postings.rows), _POSTINGS_AT_ONCE):
        places = np.arange(start, min(start + _POSTINGS_AT_ONCE, len(postings.rows)))
        terms = postings.terms[np.searchsorted(postings.starts, places, side="right") - 1]
        span = slice(places[0], places[-1] + 1)
        yield terms, postings.rows[span], postings.frequencies[span]


def _scattered(terms: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Multiply and fold, so that sums of different terms do not meet."""
    mixed = terms * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return mixed * np.uint64(0xBF58476D1CE4E5B9)
