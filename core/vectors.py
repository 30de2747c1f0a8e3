"""Embeddings kept by what they were made from: the embedder's fingerprint and the hash of the text.

They are a cache: any of them can go at any time. Each belongs to a text that some chunk holds in a generation of
its embedder; with the last such chunk it has to go, because a text can be guessed from its vector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.database import Database
from core.models import Chunk, Generation, Vector
from core.types import Embeddings

# Keys in one statement, and vectors looked at in one read.
_AT_ONCE = 500
_SWEPT_AT_ONCE = 10_000
_STORED = np.dtype("<f4")

_T = TypeVar("_T")


def content_hash(text: str) -> bytes:
    """Return the SHA-256 of a text that is embedded."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def stored_vectors(
    session: Session, fingerprint: str, hashes: Iterable[bytes], dimension: int
) -> dict[bytes, Embeddings]:
    """Return what is kept of these hashes, float32 [dimension] each; a vector of another length does not count."""
    found: dict[bytes, Embeddings] = {}
    for keys in _batches(hashes):
        rows = session.execute(
            select(Vector.content_hash, Vector.embedding).where(
                Vector.content_hash.in_(keys), Vector.fingerprint == fingerprint
            )
        )
        found |= {
            key: np.frombuffer(embedding, _STORED).astype(np.float32)
            for key, embedding in rows
            if len(embedding) == dimension * _STORED.itemsize
        }
    return found


def store_vectors(
    session: Session, fingerprint: str, vectors: Mapping[bytes, Embeddings], chunk_ids: Sequence[int]
) -> None:
    """Keep vectors by the hash of their text, unless another worker has, for those of the chunks that still stand.

    The lock on the chunks' rows makes a concurrent delete wait, so that it finds the vector and takes it along.
    """
    standing: set[bytes | None] = set()
    for ids in _batches(chunk_ids):
        locked = select(Chunk.content_hash).where(Chunk.id.in_(ids)).with_for_update(read=True, key_share=True)
        standing.update(session.scalars(locked))
    # In one order everywhere: two workers that keep the same vectors wait for each other and never both.
    rows = [
        {"content_hash": key, "fingerprint": fingerprint, "embedding": vectors[key].astype(_STORED).tobytes()}
        for key in sorted(vectors)
        if key in standing
    ]
    if rows:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(insert(Vector).on_conflict_do_nothing(), rows)


def drop_unused_vectors(session: Session, hashes: Iterable[bytes]) -> None:
    """Remove what is kept of these hashes and no chunk holds any more: call it once the chunks are gone."""
    for keys in _batches(hashes):
        session.execute(delete(Vector).where(Vector.content_hash.in_(keys), ~_in_use()))


def sweep_vectors(database: Database) -> int:
    """Remove every vector that no chunk holds any more; returns how many.

    Looks at each vector once, about a second for 300,000, in many short reads: call it where chunks went without
    being named one by one (a collection or a generation was removed), or where all has to be proved gone.
    """
    removed = 0
    for first in _ranges(database):
        here = Vector.id.between(first, first + _SWEPT_AT_ONCE - 1)
        with database.read() as session:
            unused = list(session.scalars(select(Vector.id).where(here, ~_in_use())))
        for ids in _batches(unused):
            with database.write() as session:  # asked again: a chunk may have come to need it
                session.execute(delete(Vector).where(Vector.id.in_(ids), ~_in_use()))
        removed += len(unused)
    return removed


def forget_vectors(database: Database, fingerprint: str) -> None:
    """Remove all that an embedder has made."""
    for first in _ranges(database):
        here = Vector.id.between(first, first + _SWEPT_AT_ONCE - 1)
        with database.write() as session:
            session.execute(delete(Vector).where(here, Vector.fingerprint == fingerprint))


def trim_vectors(database: Database, most: int) -> int:
    """Remove the oldest vectors over a number; returns how many."""
    with database.read() as session:
        oldest, newest = session.execute(select(func.min(Vector.id), func.max(Vector.id))).one()
        if oldest is None or newest - oldest < most:  # spares the count, which reads a whole index
            return 0
        excess = (session.scalar(select(func.count()).select_from(Vector)) or 0) - most
    left = excess
    while left > 0:
        with database.write() as session:
            doomed = select(Vector.id).order_by(Vector.id).limit(min(left, _AT_ONCE))
            session.execute(delete(Vector).where(Vector.id.in_(list(session.scalars(doomed)))))
        left -= _AT_ONCE
    return max(excess, 0)


def _ranges(database: Database) -> Iterator[int]:
    with database.read() as session:
        oldest, newest = session.execute(select(func.min(Vector.id), func.max(Vector.id))).one()
    if oldest is not None:
        yield from range(oldest, newest + 1, _SWEPT_AT_ONCE)


def _batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(values)
    while batch := list(islice(left, _AT_ONCE)):
        yield batch


def _in_use() -> ColumnElement[bool]:
    return exists().where(
        Chunk.content_hash == Vector.content_hash,
        Generation.id == Chunk.generation_id,
        Generation.fingerprint == Vector.fingerprint,
    )
