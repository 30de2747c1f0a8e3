"""Where the arrays of all segments lie in memory, so that one call of a compiled loop can go through all of them.

numba compiles anew for every number of arrays, and its lists of arrays take a second of each process to prepare; a
call with the arrays of one segment costs as much as the search of a small one. So the loops get a table of
addresses. Whoever holds the table holds the arrays as well.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import carray, njit, types  # type: ignore[attr-defined]  # carray is public, and not in its list
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from indexes.lexical.postings import Postings

# Columns of the table: addresses, then numbers.
TERMS, STARTS, PEAKS, ROWS, FREQUENCIES, LENGTHS, FREQUENT, BY_ROW = range(8)
BASE, ROW_COUNT, TERM_COUNT, POSTING_COUNT, FREQUENT_COUNT, WIDTH = range(8, 14)

Table = NDArray[np.int64]
"""int64 [segments, 14]; WIDTH: bytes of a frequency."""


def table_of(segments: Sequence[tuple[int, Postings]]) -> Table:
    """Return the table of segments, each with the number of its first row; it is good for as long as they live."""
    rows = [
        (
            *(_address(each) for each in _arrays(postings)),
            base,
            postings.row_count,
            len(postings.terms),
            len(postings.rows),
            len(postings.frequent),
            postings.frequencies.dtype.itemsize,
        )
        for base, postings in segments
    ]
    return np.array(rows, np.int64).reshape(len(rows), WIDTH + 1)


def _arrays(postings: Postings) -> tuple[NDArray[Any], ...]:
    return (
        postings.terms,
        postings.starts,
        postings.peaks,
        postings.rows,
        postings.frequencies,
        postings.lengths,
        postings.frequent,
        postings.by_row,
    )


def _address(array: NDArray[Any]) -> int:
    """Return where an array's items begin; raises ValueError where they do not lie in one piece."""
    if not array.flags.c_contiguous:
        raise ValueError("an array of postings in pieces")
    return int(array.__array_interface__["data"][0])


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    """Take a number for an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.intp), generate


@njit(cache=True, nogil=True)
def array_at(address: Any, count: Any, dtype: Any) -> Any:
    """Return the array of so many items at an address; for compiled loops alone."""
    return carray(_pointer(address), (count,), dtype)  # type: ignore[call-arg]  # as numba calls it
