"""Which rows have a number or a date in a range: for each key its values, ascending, with their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.filters import Within
from indexes.columns.facets import Hashes, Renumbered
from indexes.columns.selection import Selection


@dataclass(frozen=True, slots=True)
class Ranges:
    """The values of key i are values[starts[i]:starts[i + 1]], ascending, each that of the row beside it.

    hashes: uint64 [K], ascending, of keys; starts: int64 [K + 1]; values: float64; rows: int32.
    """

    hashes: Hashes
    starts: NDArray[np.int64]
    values: NDArray[np.float64]
    rows: NDArray[np.int32]

    @classmethod
    def of_triples(cls, hashes: Hashes, values: NDArray[np.float64], rows: NDArray[np.int64]) -> Ranges:
        """Build ranges from a key's hash, a value and its row each, in any order."""
        order = np.lexsort((values, hashes))
        distinct, starts = np.unique(hashes[order], return_index=True)
        ends = np.append(starts, len(hashes)).astype(np.int64)
        return cls(distinct, ends, values[order], rows[order].astype(np.int32))

    @classmethod
    def merged(cls, parts: Sequence[tuple[Ranges, Renumbered]]) -> Ranges:
        """Build the ranges of rows of several segments under their new numbers, a key at a time."""
        every = np.unique(np.concatenate([ranges.hashes for ranges, _ in parts]))
        hashes: list[int] = []
        values, rows = [np.empty(0)], [np.empty(0, np.int32)]
        for key in every.tolist():
            spans = [(ranges, renumbered, ranges.span(key)) for ranges, renumbered in parts]
            new_rows = np.concatenate([renumbered[ranges.rows[span]] for ranges, renumbered, span in spans])
            kept = np.flatnonzero(new_rows >= 0)
            if len(kept):
                held = np.concatenate([ranges.values[span] for ranges, _, span in spans])[kept]
                # Each part is ascending already, which a stable sort makes use of.
                order = np.argsort(held, kind="stable")
                hashes.append(key)
                values.append(held[order])
                rows.append(new_rows[kept][order].astype(np.int32))
        starts = np.cumsum([len(each) for each in values], dtype=np.int64)
        return cls(np.array(hashes, np.uint64), starts, np.concatenate(values), np.concatenate(rows))

    def span(self, key: int) -> slice:
        """Return where the values of a key are, by its hash."""
        place = int(np.searchsorted(self.hashes, np.uint64(key)))
        if place == len(self.hashes) or self.hashes[place] != key:
            return slice(0, 0)
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def select(self, key: int, bounds: Within, row_count: int) -> Selection:
        """Return the rows that have a value of a key, given by its hash, within bounds."""
        span = self.span(key)
        values = self.values[span]
        start, end = 0, len(values)
        if bounds.gt is not None:
            start = int(np.searchsorted(values, bounds.gt, "right"))
        if bounds.gte is not None:
            start = max(start, int(np.searchsorted(values, bounds.gte, "left")))
        if bounds.lt is not None:
            end = int(np.searchsorted(values, bounds.lt, "left"))
        if bounds.lte is not None:
            end = min(end, int(np.searchsorted(values, bounds.lte, "right")))
        rows = self.rows[span][start : max(start, end)]
        return Selection.of_rows(rows, row_count)
