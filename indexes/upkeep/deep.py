"""The long look: does the index hold of each chunk what its text and its revision say, and vectors of its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.database import Database
from core.models import Chunk
from core.settings import Settings
from core.types import Attributes, Ids, IndexEntry
from indexes.columns import Columns
from indexes.columns.hashing import hashes_of, numbers_of
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.blocks import spans
from indexes.lexical.fields import FieldWeights
from indexes.lexical.matches import Rows
from indexes.lexical.postings import Bag, Frequencies, Postings
from indexes.passages import StoredChunk, embedding_text, indexed_body, stored_chunks
from indexes.upkeep.held import Part
from indexes.upkeep.verify import Examined

_CHUNKS_AT_ONCE = 500
_SAMPLE = 64
# Batches of another composition change the last bits of a quantised model's vectors, no more.
_LEAST_COSINE = 0.99

Fingerprints = NDArray[np.uint64]


def looked_into(examined: Examined, settings: Settings, database: Database, embedders: EmbedderPool) -> Examined:
    """Add what a comparison with the texts themselves finds; raises as the embedder does."""
    fields = FieldWeights.of(settings)
    terms: list[int] = []
    attributes: list[int] = []
    for part in examined.held.trusted:
        by_terms, by_attributes = row_fingerprints(part.segment.postings), _of_columns(part.segment.columns)
        for row, chunk in _visible_chunks(part, examined.expected.visible, database):
            if bag_fingerprint(fields.bag(_entry(chunk))) != int(by_terms[row]):
                terms.append(chunk.chunk_id)
            if _of_attributes(chunk.attributes) != int(by_attributes[row]):
                attributes.append(chunk.chunk_id)
    return replace(
        examined,
        wrong_terms=np.array(terms, np.int64),
        wrong_attributes=np.array(attributes, np.int64),
        other_vectors=np.array(_other_vectors(examined, settings, database, embedders), np.int64),
    )


def _visible_chunks(part: Part, visible: Ids, database: Database) -> Iterator[tuple[int, StoredChunk]]:
    """Yield the visible chunks of a part, each with its row."""
    rows = _rows_of(part, visible)
    for start in range(0, len(rows), _CHUNKS_AT_ONCE):
        some = rows[start : start + _CHUNKS_AT_ONCE]
        row_of = dict(zip(part.segment.chunk_ids[some].tolist(), some.tolist(), strict=True))
        for chunk in _stored(database, list(row_of)):
            yield row_of[chunk.chunk_id], chunk


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


def _of_attributes(attributes: Attributes) -> int:
    """Return 64 bits that say what a row's columns hold of a revision's attributes."""
    hashes = np.fromiter(hashes_of(attributes), np.uint64)
    numbers = list(numbers_of(attributes))
    keys = np.array([key for key, _ in numbers], np.uint64)
    values = np.array([value for _, value in numbers], np.float64)
    parts = np.concatenate([_scattered(hashes), _numbers(keys, values)])
    return int(parts.sum(dtype=np.uint64))


def _of_columns(columns: Columns) -> Fingerprints:
    """Return `_of_attributes` of every row, uint64 [rows]."""
    sums = np.zeros(columns.row_count, np.uint64)
    for hashes, rows in columns.facets.pieces():
        np.add.at(sums, rows, _scattered(hashes))
    ranges = columns.ranges
    for key in ranges.hashes.tolist():
        span = ranges.span(key)
        np.add.at(sums, ranges.rows[span], _numbers(np.uint64(key), ranges.values[span]))
    return sums


def _numbers(keys: NDArray[np.uint64] | np.uint64, values: NDArray[np.float64]) -> NDArray[np.uint64]:
    return _scattered(_scattered(values.view(np.uint64)) ^ keys)


def _pieces(
    postings: Postings,
) -> Iterator[tuple[NDArray[np.uint64], Rows, Frequencies]]:
    """Yield terms, rows and frequencies of postings, so many at once."""
    starts = postings.term_starts
    for first, last in spans(starts):
        terms = np.repeat(postings.terms[first:last], np.diff(starts[first : last + 1]))
        yield terms, postings.rows_of_terms(first, last), postings.frequencies_of_terms(first, last)


def _scattered(terms: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Multiply and fold, so that sums of different terms do not meet."""
    mixed = terms * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return mixed * np.uint64(0xBF58476D1CE4E5B9)
