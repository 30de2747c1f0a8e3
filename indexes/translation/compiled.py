"""Which passages speak of which concepts, in compiled loops: what summing.py finds. Needs the extra `fast`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from indexes.lexical import lookups
from indexes.lexical.blocks import BLOCK_ROWS
from indexes.lexical.bm25 import Floats
from indexes.lexical.compiled import EVERY_ROW, sample_postings
from indexes.lexical.heap import put_in_order
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.table import table_of
from indexes.translation import kernels
from indexes.translation.flat import Concepts, Hashes, Numbers
from indexes.translation.matching import ConceptMatches, Part, match_concepts

_Asked = tuple[Numbers, Numbers, Numbers, Numbers, Floats, Numbers, Numbers, NDArray[np.uint16]]


class CompiledConceptMatches(ConceptMatches):
    """Does not read the lists that can bring nothing among the best."""

    @staticmethod
    def find(hashes: Hashes, parts: Sequence[tuple[int, LivePostings]]) -> tuple[Numbers, Numbers]:  # noqa: D102 - see ConceptMatches
        shape = (len(parts), len(hashes))
        numbers, df = np.empty(shape, np.int64), np.empty(shape, np.int64)
        lookups.find(hashes, table_of(parts), numbers, df)
        for own, held, (_, part) in zip(numbers, df, parts, strict=True):
            if part.live is not None:
                held[:] = part.df(own)
        return numbers, df.sum(axis=0)

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:  # noqa: D102 - see ConceptMatches
        k = min(k, sum(part.postings.row_count for part in self.parts))
        scores, rows = np.empty(k), np.empty(k, np.int64)
        size = 0
        # The largest first: what it finds lets others stop early.
        for part in sorted(self.parts, key=lambda part: -part.postings.row_count) if k > 0 else ():
            for first, held, asked in self._blocks(part):
                base = part.base + first
                limits = EVERY_ROW if allowed is None else allowed[base : base + held]
                size = kernels.search(*asked, held, base, limits, scores, rows, size)
        put_in_order(scores, rows, size)
        return rows[:size], scores[:size]

    def scores_in(self, place: int, rows: Rows) -> Floats:  # noqa: D102 - see ConceptMatches
        scores = np.zeros(len(rows))
        for first, held, asked in self._blocks(self.parts[place]):
            low, high = np.searchsorted(rows, (first, first + held)).tolist()
            if low < high:
                kernels.score_rows(*asked, rows[low:high] - first, scores[low:high])
        return scores

    def _blocks(self, part: Part) -> Iterator[tuple[int, int, _Asked]]:
        """Yield each block's first row, its number of rows, and what both kernels take of it first."""
        concepts, postings = self.weighed.asked, part.postings
        asked = (part.numbers, concepts.first, concepts.bounds, self.weighed.order, self.weighed.worth)
        for number in range(postings.block_count):
            first = number * BLOCK_ROWS
            held = min(BLOCK_ROWS, postings.row_count - first)
            yield first, held, (*asked, *postings.block(number), postings.rows)


def warm_up() -> None:
    """Compile the loops, which takes seconds, or load them from where numba keeps them."""
    terms = Concepts.of([[np.array([1], np.uint64), np.array([1, 2], np.uint64)]])
    with sample_postings() as postings:
        matches = match_concepts(terms, [(0, LivePostings(postings))], CompiledConceptMatches)
        for allowed in (None, np.ones(postings.row_count, np.bool_)):
            matches.top(1, allowed)
        matches.of_rows(np.arange(postings.row_count))
