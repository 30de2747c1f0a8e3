"""Which rows have which value: 64 bits of a value's hash → rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexes.columns.selection import RowList, Selection

Hashes = NDArray[np.uint64]
Renumbered = NDArray[np.int64]
"""Each row's new number, -1 for a row that is dropped."""

# A value of more than this share of the rows takes less room as a bit for each row than as a list, and less time.
COMMON_SHARE = 1 / 32
# Bounds the memory of a merge beside the merged columns themselves.
_PAIRS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Facets:
    """The rows of value i are rows[starts[i]:starts[i + 1]], ascending; those of a common value stand in bits.

    hashes: uint64 [V], ascending; starts: int64 [V + 1]; rows: int32. common: int64 [C], ascending, the numbers of
    the common values, which list no rows; bits: uint8 [C, row_count / 8], rounded up.
    """

    row_count: int
    hashes: Hashes
    starts: NDArray[np.int64]
    rows: RowList
    common: NDArray[np.int64]
    bits: NDArray[np.uint8]

    @classmethod
    def of_pairs(cls, hashes: Hashes, rows: NDArray[np.integer], row_count: int) -> Facets:
        """Build facets from pairs of a value's hash and a row, each pair once, in any order."""
        distinct, places = np.unique(hashes, return_inverse=True)
        return cls._of_places(distinct, places, rows, row_count)

    @classmethod
    def merged(cls, parts: Sequence[tuple[Facets, Renumbered]], row_count: int) -> Facets:
        """Build the facets of rows of several segments under their new numbers, a range of values at a time."""
        every = np.unique(np.concatenate([facets.hashes for facets, _ in parts]))
        counts = np.zeros(len(every), np.int64)
        for facets, _ in parts:
            counts[np.searchsorted(every, facets.hashes)] += facets._counts()
        ranges = np.cumsum(counts) // _PAIRS_AT_ONCE
        borders = [*np.flatnonzero(np.diff(ranges, prepend=-1)).tolist(), len(every)]
        pieces = [cls.of_pairs(np.empty(0, np.uint64), np.empty(0, np.int32), row_count)]
        for start, end in pairwise(borders):
            hashes = every[start:end]
            pairs = [facets._pairs(hashes, renumbered) for facets, renumbered in parts]
            places, rows = (np.concatenate(each) for each in zip(*pairs, strict=True))
            pieces.append(cls._of_places(hashes, places, rows, row_count))
        return cls._joined(pieces, row_count)

    @classmethod
    def _joined(cls, pieces: Sequence[Facets], row_count: int) -> Facets:
        """Put facets of ascending ranges of values one after another."""
        values = np.cumsum([0, *(len(piece.hashes) for piece in pieces)])
        rows = np.cumsum([0, *(len(piece.rows) for piece in pieces)])
        return cls(
            row_count,
            np.concatenate([piece.hashes for piece in pieces]),
            np.concatenate([*(p.starts[:-1] + n for p, n in zip(pieces, rows, strict=False)), rows[-1:]]),
            np.concatenate([piece.rows for piece in pieces]),
            np.concatenate([piece.common + n for piece, n in zip(pieces, values, strict=False)]),
            np.concatenate([piece.bits for piece in pieces]),
        )

    @classmethod
    def _of_places(
        cls, hashes: Hashes, places: NDArray[np.int64], rows: NDArray[np.integer], row_count: int
    ) -> Facets:
        # One number sorts by both, in a third of the time of two.
        packed = (places << 32) | rows
        packed.sort()
        ascending = packed.astype(np.int32)
        counts = np.bincount(places, minlength=len(hashes))
        held = counts > 0
        hashes, counts = hashes[held], counts[held]
        ends = np.cumsum(counts)
        common = np.flatnonzero(counts > max(row_count * COMMON_SHARE, 1))
        bits = np.zeros((len(common), (row_count + 7) // 8), np.uint8)
        listed = np.ones(len(ascending), np.bool_)
        for place, number in enumerate(common.tolist()):
            span = slice(ends[number] - counts[number], ends[number])
            mask = np.zeros(row_count, np.bool_)
            mask[ascending[span]] = True
            bits[place] = np.packbits(mask, bitorder="little")
            listed[span] = False
        counts[common] = 0
        starts = np.append(0, np.cumsum(counts)).astype(np.int64)
        return cls(row_count, hashes, starts, ascending[listed], common, bits)

    def select(self, values: Sequence[int]) -> Selection:
        """Return the rows that have one of the values, given by their hashes."""
        wanted = np.sort(np.array(values, np.uint64))
        places = np.searchsorted(self.hashes, wanted)
        places[places == len(self.hashes)] = 0
        known = places[self.hashes[places] == wanted] if len(self.hashes) else places[:0]
        common = np.flatnonzero(np.isin(self.common, known))
        spans = zip(self.starts[known].tolist(), self.starts[known + 1].tolist(), strict=True)
        lists = [self.rows[start:end] for start, end in spans if start < end]
        if len(common):
            mask = self._mask(np.bitwise_or.reduce(self.bits[common], axis=0))
            for rows in lists:
                mask[rows] = True
            return Selection.of_mask(mask)
        if len(lists) == 1:
            return Selection(self.row_count, lists[0])
        return Selection.of_rows(np.concatenate(lists or [self.rows[:0]]), self.row_count)

    def _mask(self, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.unpackbits(bits, count=self.row_count, bitorder="little").view(np.bool_)

    def pieces(self) -> Iterator[tuple[Hashes, RowList]]:
        """Yield the hash of a value and a row that has it, of all pairs, so many at once."""
        for start in range(0, len(self.rows), _PAIRS_AT_ONCE):
            places = np.arange(start, min(start + _PAIRS_AT_ONCE, len(self.rows)))
            yield self.hashes[np.searchsorted(self.starts, places, side="right") - 1], self.rows[places]
        for number, bits in zip(self.common.tolist(), self.bits, strict=True):
            rows = np.flatnonzero(self._mask(bits)).astype(np.int32)
            yield np.full(len(rows), self.hashes[number]), rows

    def _counts(self) -> NDArray[np.int64]:
        """Return how many rows have each value."""
        counts = np.diff(self.starts)
        counts[self.common] = [np.count_nonzero(self._mask(bits)) for bits in self.bits]
        return counts

    def _pairs(self, hashes: Hashes, renumbered: Renumbered) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each pair the place of its value among hashes (a range) and the new number of its row."""
        first, last = np.searchsorted(self.hashes, hashes[[0, -1]]).tolist()
        last += int(last < len(self.hashes) and self.hashes[last] == hashes[-1])
        numbers = [np.repeat(np.arange(first, last), np.diff(self.starts[first : last + 1]))]
        rows = [self.rows[self.starts[first] : self.starts[last]]]
        for place in np.flatnonzero((self.common >= first) & (self.common < last)).tolist():
            rows.append(np.flatnonzero(self._mask(self.bits[place])).astype(np.int32))
            numbers.append(np.full(len(rows[-1]), self.common[place]))
        new_rows = renumbered[np.concatenate(rows)]
        kept = new_rows >= 0
        places = np.searchsorted(hashes, self.hashes[first:last])
        return places[np.concatenate(numbers)[kept] - first], new_rows[kept]
