"""Where the arrays of all segments lie in memory, so that one call of a compiled loop can go through all of them.

numba compiles anew for every number of arrays, and its lists of arrays take a second of each process to prepare; a
call with the arrays of one segment costs as much as the search of a small one. So the loops get a table of
addresses. Whoever holds the table holds the arrays as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.postings import Postings

if TYPE_CHECKING:
    from indexes.lexical.live import LivePostings

# Columns of the table: the number of the first row, addresses, then other numbers.
BASE, TERMS, STARTS, PEAKS, ROWS, FREQUENCIES, LENGTHS, FREQUENT, BY_ROW = range(9)
ROW_COUNT, TERM_COUNT, POSTING_COUNT, FREQUENT_COUNT, WIDTH = range(9, 14)

Table = NDArray[np.int64]
"""int64 [segments, 14]; WIDTH: bytes of a frequency."""


def table_of(segments: Sequence[tuple[int, LivePostings]]) -> Table:
    """Return the table of segments, each with the number of its first row; it is good for as long as they live."""
    rows = [(base, *segment.columns) for base, segment in segments]
    return np.array(rows, np.int64).reshape(len(rows), WIDTH + 1)


def columns_of(postings: Postings) -> tuple[int, ...]:
    """Return the columns of one segment but for the first."""
    arrays: tuple[NDArray[Any], ...] = (
        postings.terms,
        postings.starts,
        postings.peaks,
        postings.rows,
        postings.frequencies,
        postings.lengths,
        postings.frequent,
        postings.by_row,
    )
    return (
        *(_address(array) for array in arrays),
        postings.row_count,
        len(postings.terms),
        len(postings.rows),
        len(postings.frequent),
        postings.frequencies.dtype.itemsize,
    )


def _address(array: NDArray[Any]) -> int:
    """Return where an array's items begin; raises ValueError where they do not lie in one piece."""
    if not array.flags.c_contiguous:
        raise ValueError("an array of postings in pieces")
    return int(array.__array_interface__["data"][0])
