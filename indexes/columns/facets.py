"""Which rows have which value: 64 bits of a value's hash → rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.columns.selection import RowList, Selection

Hashes = NDArray[np.uint64]
Renumbered = NDArray[np.int64]
"""Each row's new number, -1 for a row that is dropped."""

# A value of more than this share of the rows takes less room as a bit for each row than as a list, and less time.
COMMON_SHARE = 1 / 32


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
        """Build the facets of rows of several segments under their new numbers."""
        every = np.unique(np.concatenate([facets.hashes for facets, _ in parts]))
        places, rows = [], []
        for facets, renumbered in parts:
            numbers, old_rows = facets._pairs()
            new_rows = renumbered[old_rows]
            kept = new_rows >= 0
            places.append(np.searchsorted(every, facets.hashes)[numbers[kept]])
            rows.append(new_rows[kept])
        return cls._of_places(every, np.concatenate(places), np.concatenate(rows), row_count)

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
        if len(lists) == 1:
            listed = Selection(self.row_count, lists[0])
        else:
            listed = Selection.of_rows(np.concatenate(lists or [self.rows[:0]]), self.row_count)
        if not len(common):
            return listed
        return listed | Selection.of_mask(self._mask(np.bitwise_or.reduce(self.bits[common], axis=0)))

    def _mask(self, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.unpackbits(bits, count=self.row_count, bitorder="little").view(np.bool_)

    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the number of a value and a row for each of all pairs."""
        of_common = [np.flatnonzero(self._mask(bits)).astype(np.int32) for bits in self.bits]
        numbers = [np.repeat(np.arange(len(self.hashes)), np.diff(self.starts))]
        numbers += [
            np.full(len(rows), number) for number, rows in zip(self.common.tolist(), of_common, strict=True)
        ]
        return np.concatenate(numbers), np.concatenate([self.rows, *of_common])
