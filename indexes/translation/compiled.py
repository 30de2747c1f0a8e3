"""Which rows speak of which concepts, in compiled loops: what matching.py finds. Needs the extra `fast`."""

from __future__ import annotations

import numpy as np

from indexes.lexical.bm25 import Floats
from indexes.lexical.live import LivePostings
from indexes.translation import kernels
from indexes.translation.kernels import MOST_CONCEPTS
from indexes.translation.matching import Speaking, Wanted

__all__ = ["MOST_CONCEPTS", "speaking"]
_EVERY_ROW = np.empty(0, np.bool_)


def speaking(wanted: Wanted, part: LivePostings) -> Speaking:
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

    def scores(importance: Floats) -> Floats:
        sums: Floats = kernels.add_up(concepts, importance)
        return sums

    return Speaking(rows, df, scores)
