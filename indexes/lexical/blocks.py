"""Blocks of rows: a segment's rows are numbered anew in every block, so that two bytes hold a row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 1 << 16
# Who reads all postings has so many of them in memory.
_POSTINGS_AT_ONCE = 1 << 20


def block_count(row_count: int) -> int:
    """Return how many blocks so many rows are in, one at least."""
    return max(1, -(-row_count // BLOCK_ROWS))


def counts_by_block(
    terms: NDArray[np.int64], rows: NDArray[np.int64], term_count: int, row_count: int
) -> NDArray[np.int64]:
    """Return how many postings there are of each term in each block, int64 [terms, blocks]."""
    blocks = block_count(row_count)
    counts = np.bincount(terms * blocks + rows // BLOCK_ROWS, minlength=term_count * blocks)
    return counts.reshape(term_count, blocks)


def starts_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where those of each of the counts begin, and a last place after all of them."""
    return np.append(0, np.cumsum(counts, dtype=np.int64))


def spans(term_starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut terms into spans of about a million postings: each one's first term, and the first one after it.

    term_starts: where each term's postings begin, and their end.
    """
    of_span = term_starts[:-1] // _POSTINGS_AT_ONCE
    yield from pairwise([*np.flatnonzero(np.diff(of_span, prepend=-1)).tolist(), len(of_span)])


def in_block(rows: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return rows by their numbers in their blocks."""
    return (rows % BLOCK_ROWS).astype(np.uint16)
