"""Small indexes for tests: chunks with words we choose and vectors that follow from their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from core.types import Embeddings, IndexEntry
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.writer import IndexWriter

DIMENSION = 16


def embedding_of(chunk_id: int) -> Embeddings:
    """Return a vector of length one that is always the same for an id."""
    vector = np.random.default_rng(chunk_id).normal(size=DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def entry(chunk_id: int, body: str, *, title: str = "", heading: str = "") -> IndexEntry:
    """Return a chunk with this text and the vector of its id."""
    return IndexEntry(chunk_id, title, heading, body, embedding_of(chunk_id))


def commit(folder: Path, bodies: Mapping[int, str] | None = None, *, dropped: Iterable[int] = ()) -> None:
    """Add chunks with these bodies, drop others, and commit."""
    with IndexWriter.open(folder) as writer:
        writer.tombstone(dropped)
        writer.add([entry(id_, body) for id_, body in (bodies or {}).items()])
        writer.commit()


def found_by_words(index: HybridIndex, text: str, depth: int = 100) -> list[int]:
    """Return the chunk ids that a lexical search finds, best first."""
    return [hit.chunk_id for hit in index.search(HybridQuery(text, None, depth, "lexical")).hits]
