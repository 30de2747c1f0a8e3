"""A set of a segment's rows: a list of those in it or of those outside where either is short, else a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.matches import Mask

RowList = NDArray[np.int32]
"""Rows, ascending, each once."""

# Looking a row up in a list costs about as much as marking this many rows of one in a mask.
_LOOK_UP = 32
# Sorting a row costs about as much as this many rows of an empty mask.
_SORT = 256


@dataclass(frozen=True, slots=True)
class Selection:
    """The listed rows of a segment of so many rows, or all but those; or where there is a mask, the rows in it.

    Lists are combined in time proportional to them, not to the segment.
    """

    row_count: int
    listed: RowList
    but_those: bool = False
    mask: Mask | None = None

    @classmethod
    def of_mask(cls, mask: Mask) -> Selection:
        """Select the rows of a mask, bool [row_count]."""
        return cls(len(mask), np.empty(0, np.int32), mask=mask)

    @classmethod
    def of_rows(cls, rows: NDArray[np.int32], row_count: int) -> Selection:
        """Select rows in any order, some of them perhaps twice."""
        if len(rows) * _SORT < row_count:
            ascending = np.sort(rows)
            return cls(row_count, ascending[np.diff(ascending, prepend=-1) > 0])
        return cls.of_mask(_marked(rows, row_count))

    @property
    def count(self) -> int:
        """How many rows are selected, exactly: to know the selectivity takes no estimate."""
        if self.mask is not None:
            return int(np.count_nonzero(self.mask))
        return self.row_count - len(self.listed) if self.but_those else len(self.listed)

    def __invert__(self) -> Selection:
        """Return the other rows."""
        if self.mask is not None:
            return Selection.of_mask(~self.mask)
        return Selection(self.row_count, self.listed, not self.but_those)

    def __and__(self, other: Selection) -> Selection:
        """Return the rows of both."""
        if self.mask is not None:
            return other._within(self.mask)
        if other.mask is not None:
            return self._within(other.mask)
        if self.but_those and other.but_those:
            return ~Selection.of_rows(np.concatenate([self.listed, other.listed]), self.row_count)
        if other.but_those:
            kept = self.listed[~_among(self.listed, other.listed, self.row_count)]
        elif self.but_those:
            kept = other.listed[~_among(other.listed, self.listed, self.row_count)]
        else:
            shorter, longer = sorted((self.listed, other.listed), key=len)
            kept = shorter[_among(shorter, longer, self.row_count)]
        return Selection(self.row_count, kept)

    def __or__(self, other: Selection) -> Selection:
        """Return the rows of either."""
        if self.mask is not None and other.mask is not None:
            return Selection.of_mask(self.mask | other.mask)
        return ~(~self & ~other)

    def mark(self, mask: Mask) -> None:
        """Set the selected rows in a mask of nothing, bool [row_count]."""
        if self.mask is not None:
            mask[:] = self.mask
            return
        if self.but_those:
            mask[:] = True
        mask[self.listed] = not self.but_those

    def _within(self, mask: Mask) -> Selection:
        """Return the selected rows of a mask."""
        if self.mask is not None:
            return Selection.of_mask(self.mask & mask)
        if not self.but_those:
            return Selection(self.row_count, self.listed[mask[self.listed]])
        rest = mask.copy() if len(self.listed) else mask
        rest[self.listed] = False
        return Selection.of_mask(rest)


def all_of(selections: Sequence[Selection], row_count: int) -> Selection:
    """Return the rows that are in every selection: all of them where there is none. The smallest goes first."""
    if not selections:
        return Selection(row_count, np.empty(0, np.int32), but_those=True)
    return reduce(Selection.__and__, sorted(selections, key=lambda each: each.count))


def _among(rows: RowList, others: RowList, row_count: int) -> Mask:
    """Return which of rows are among the others, bool [len(rows)]."""
    if not len(others):
        return np.zeros(len(rows), np.bool_)
    if len(rows) * _LOOK_UP < len(others):
        places = np.minimum(np.searchsorted(others, rows), len(others) - 1)
        found: Mask = others[places] == rows
        return found
    return _marked(others, row_count)[rows]


def _marked(rows: NDArray[np.int32], row_count: int) -> Mask:
    mask = np.zeros(row_count, np.bool_)
    mask[rows] = True
    return mask
