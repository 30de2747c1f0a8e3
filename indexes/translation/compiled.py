"""Which passages speak of which concepts, in compiled loops: what summing.py finds. Needs the extra `fast`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from indexes.lexical.blocks import BLOCK_ROWS
from indexes.lexical.bm25 import Floats
from indexes.lexical.compiled import EVERY_ROW, sample_postings
from indexes.lexical.heap import put_in_order
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import Postings
from indexes.translation import kernels
from indexes.translation.flat import Concepts, Numbers
from indexes.translation.matching import Part, Weighed, match_concepts


class CompiledEngine:
    """As `matching.Engine` has it: without reading the lists that can bring nothing among the best."""

    def top(self, parts: Sequence[Part], weighed: Weighed, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:  # noqa: D102
        k = min(k, sum(part.postings.row_count for part in parts))
        scores, rows = np.empty(k), np.empty(k, np.int64)
        size, asked = 0, weighed.asked
        # The largest first: what it finds lets others stop early.
        for part in sorted(parts, key=lambda part: -part.postings.row_count) if k > 0 else ():
            for first, rows_held, begins, ends in _blocks(part.postings):
                base = part.base + first
                size = kernels.search(
                    part.numbers,
                    asked.first,
                    asked.bounds,
                    weighed.order,
                    weighed.worth,
                    begins,
                    ends,
                    part.postings.rows,
                    rows_held,
                    base,
                    EVERY_ROW if allowed is None else allowed[base : base + rows_held],
                    scores,
                    rows,
                    size,
                )
        put_in_order(scores, rows, size)
        return rows[:size], scores[:size]

    def scores_of(self, part: Part, weighed: Weighed, rows: Rows) -> Floats:  # noqa: D102
        scores = np.zeros(len(rows))
        asked = weighed.asked
        for first, rows_held, begins, ends in _blocks(part.postings):
            low, high = np.searchsorted(rows, (first, first + rows_held)).tolist()
            if low < high:
                kernels.score_rows(
                    part.numbers,
                    asked.first,
                    asked.bounds,
                    weighed.order,
                    weighed.worth,
                    begins,
                    ends,
                    part.postings.rows,
                    rows[low:high] - first,
                    scores[low:high],
                )
        return scores


def warm_up() -> None:
    """Compile the loops, which takes seconds, or load them from where numba keeps them."""
    terms = Concepts.of([[np.array([1], np.uint64), np.array([1, 2], np.uint64)]])
    with sample_postings() as postings:
        matches = match_concepts(terms, [(0, LivePostings(postings))], CompiledEngine())
        for allowed in (None, np.ones(postings.row_count, np.bool_)):
            matches.top(1, allowed)
        matches.of_rows(np.arange(postings.row_count))


def _blocks(postings: Postings) -> Iterator[tuple[int, int, Numbers, Numbers]]:
    """Yield each block's first row, its number of rows, and where each term's postings in it begin and end."""
    for number in range(postings.block_count):
        first = number * BLOCK_ROWS
        yield first, min(BLOCK_ROWS, postings.row_count - first), *postings.block(number)
