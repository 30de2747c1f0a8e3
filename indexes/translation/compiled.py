"""Which rows speak of which concepts, in compiled loops: what matching.py finds. Needs the extra `fast`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Rows
from indexes.translation import kernels
from indexes.translation.kernels import MOST_CONCEPTS
from indexes.translation.matching import Numbers, Wanted

__all__ = ["MOST_CONCEPTS", "speaking"]
_EVERY_ROW = np.empty(0, np.bool_)


@dataclass(frozen=True, slots=True)
class CompiledSpeaking:
    """rows: int32, those that speak of any concept, ascending; concepts: of each, as bits."""

    rows: NDArray[np.int32]
    concepts: NDArray[np.uint64]
    df: Numbers

    def best(self, importance: Floats, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """As `Speaking` has it, in one pass without the scores of all rows."""
        k = min(k, len(self.rows))
        scores, rows = np.empty(k), np.empty(k, np.int64)
        if k < 1:
            return rows, scores
        limits = _EVERY_ROW if allowed is None else allowed
        summed = kernels.gains_of_bytes(importance)
        size = kernels.best_of(self.rows, self.concepts, summed, limits, scores, rows)
        order = np.lexsort((rows[:size], -scores[:size]))
        return rows[order], scores[order]

    def scores_of(self, importance: Floats, rows: Rows) -> Floats:
        """As `Speaking` has it."""
        if not len(self.rows):
            return np.zeros(len(rows))
        places = np.minimum(np.searchsorted(self.rows, rows.astype(np.int32)), len(self.rows) - 1)
        scores = kernels.add_up(self.concepts[places], kernels.gains_of_bytes(importance))
        return np.where(self.rows[places] == rows, scores, 0.0)


def speaking(wanted: Wanted, part: LivePostings) -> CompiledSpeaking:
    """Find the rows of a segment that speak of at most MOST_CONCEPTS concepts."""
    df = np.zeros(wanted.count, np.int64)
    held = part.postings
    rows, concepts = kernels.speaking(
        wanted.numbers,
        wanted.bounds,
        wanted.of_alternative,
        held.starts,
        held.rows,
        _EVERY_ROW if part.live is None else part.live,
        held.row_count,
        df,
    )
    return CompiledSpeaking(rows, concepts, df)
