"""A set of a segment's rows, kept as the shorter of two lists: those in it, or those outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.matches import Mask

RowList = NDArray[np.int32]
"""Rows, ascending, each once."""

# A binary search for a row costs about as much as marking this many rows in a mask.
_SEARCH_COST = 32
# Sorting a row costs about as much as testing this many rows of a mask.
_SORT_COST = 64


@dataclass(frozen=True, slots=True)
class Selection:
    """The listed rows of a segment of so many rows, or all but those.

    Combining two costs in proportion to what they list, not to the segment.
    """

    listed: RowList
    row_count: int
    but_those: bool = False

    @property
    def count(self) -> int:
        """How many rows are selected, exactly: the selectivity costs nothing more than the selection."""
        return self.row_count - len(self.listed) if self.but_those else len(self.listed)

    def __invert__(self) -> Selection:
        """Return the other rows."""
        return Selection(self.listed, self.row_count, not self.but_those)

    def __and__(self, other: Selection) -> Selection:
        """Return the rows of both."""
        if self.but_those and other.but_those:
            return ~Selection(joined([self.listed, other.listed], self.row_count), self.row_count)
        if other.but_those:
            kept = self.listed[~_among(self.listed, other.listed, self.row_count)]
        elif self.but_those:
            return other & self
        else:
            shorter, longer = sorted((self.listed, other.listed), key=len)
            kept = shorter[_among(shorter, longer, self.row_count)]
        return Selection(kept, self.row_count)

    def __or__(self, other: Selection) -> Selection:
        """Return the rows of either."""
        return ~(~self & ~other)

    def mark(self, mask: Mask) -> None:
        """Set the selected rows in a mask of nothing, bool [row_count]."""
        if self.but_those:
            mask[:] = True
        mask[self.listed] = not self.but_those


def all_of(selections: Sequence[Selection], row_count: int) -> Selection:
    """Return the rows that are in every selection: all of them where there is none. The smallest goes first."""
    every = Selection(np.empty(0, np.int32), row_count, but_those=True)
    return reduce(Selection.__and__, sorted(selections, key=lambda each: each.count), every)


def joined(lists: Sequence[RowList], row_count: int, *, ascending: bool = True) -> RowList:
    """Return the rows of any of the lists, which need not be ascending nor free of repeats if it says so."""
    if len(lists) == 1 and ascending:
        return lists[0]
    every = np.concatenate(lists) if lists else np.empty(0, np.int32)
    if len(every) * _SORT_COST < row_count:
        return np.unique(every)
    mask = np.zeros(row_count, np.bool_)
    mask[every] = True
    return np.flatnonzero(mask).astype(np.int32)


def _among(rows: RowList, others: RowList, row_count: int) -> Mask:
    """Return which of rows are among the others, bool [len(rows)]."""
    if not len(others):
        return np.zeros(len(rows), np.bool_)
    if len(rows) * _SEARCH_COST < len(others):
        places = np.minimum(np.searchsorted(others, rows), len(others) - 1)
        found: Mask = others[places] == rows
        return found
    mask = np.zeros(row_count, np.bool_)
    mask[others] = True
    return mask[rows]
