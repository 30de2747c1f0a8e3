"""Which rows have which value: 64 bits of a value's hash → rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.columns.selection import RowList, Selection, joined

Hashes = NDArray[np.uint64]
Renumbered = NDArray[np.int64]
"""Each row's new number, -1 for a row that is dropped."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The rows of value i are rows[starts[i]:starts[i + 1]], ascending.

    hashes: uint64 [V], ascending; starts: int64 [V + 1]; rows: int32.
    """

    hashes: Hashes
    starts: NDArray[np.int64]
    rows: RowList

    @classmethod
    def of_pairs(cls, hashes: Hashes, rows: NDArray[np.integer]) -> Facets:
        """Build facets from pairs of a value's hash and a row, each pair once, in any order."""
        distinct, places = np.unique(hashes, return_inverse=True)
        return cls._of_places(distinct, places, rows)

    @classmethod
    def merged(cls, parts: Sequence[tuple[Facets, Renumbered]]) -> Facets:
        """Build the facets of rows of several segments under their new numbers."""
        every = np.unique(np.concatenate([facets.hashes for facets, _ in parts]))
        places, rows = [], []
        for facets, renumbered in parts:
            new_rows = renumbered[facets.rows]
            kept = new_rows >= 0
            places.append(np.repeat(np.searchsorted(every, facets.hashes), np.diff(facets.starts))[kept])
            rows.append(new_rows[kept])
        return cls._of_places(every, np.concatenate(places), np.concatenate(rows))

    @classmethod
    def _of_places(cls, hashes: Hashes, places: NDArray[np.int64], rows: NDArray[np.integer]) -> Facets:
        # One number sorts by both, in a third of the time of two.
        packed = (places << 32) | rows
        packed.sort()
        counts = np.bincount(places, minlength=len(hashes))
        held = counts > 0
        starts = np.append(0, np.cumsum(counts[held])).astype(np.int64)
        return cls(hashes[held], starts, packed.astype(np.int32))

    def select(self, values: Sequence[int], row_count: int) -> Selection:
        """Return the rows that have one of the values, given by their hashes."""
        wanted = np.unique(np.array(values, np.uint64))
        places = np.searchsorted(self.hashes, wanted)
        places[places == len(self.hashes)] = 0
        known = places[self.hashes[places] == wanted] if len(self.hashes) else places[:0]
        spans = zip(self.starts[known].tolist(), self.starts[known + 1].tolist(), strict=True)
        return Selection(joined([self.rows[start:end] for start, end in spans], row_count), row_count)
