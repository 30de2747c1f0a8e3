"""Which passages speak of which concepts, in compiled loops: what summing.py finds. Needs the extra `fast`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexes.lexical.bm25 import Floats
from indexes.lexical.compiled import EVERY_ROW, sample_postings
from indexes.lexical.heap import put_in_order
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Rows
from indexes.translation import kernels
from indexes.translation.concepts import Concept
from indexes.translation.dictionary import Translations
from indexes.translation.matching import Part, Weighed, match_concepts


class CompiledEngine:
    """As `matching.Engine` has it: without reading the lists that can bring nothing among the best."""

    def top(self, parts: Sequence[Part], weighed: Weighed, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:  # noqa: D102
        k = min(k, sum(part.postings.row_count for part in parts))
        scores, rows = np.empty(k), np.empty(k, np.int64)
        size, asked = 0, weighed.asked
        # The largest first: what it finds lets others stop early.
        for part in sorted(parts, key=lambda part: -part.postings.row_count) if k > 0 else ():
            held, base = part.postings, part.base
            size = kernels.search(
                part.numbers,
                asked.first,
                asked.bounds,
                weighed.order,
                weighed.worth,
                held.starts,
                held.rows,
                held.row_count,
                base,
                EVERY_ROW if allowed is None else allowed[base : base + held.row_count],
                scores,
                rows,
                size,
            )
        put_in_order(scores, rows, size)
        return rows[:size], scores[:size]

    def scores_of(self, part: Part, weighed: Weighed, rows: Rows) -> Floats:  # noqa: D102
        scores = np.zeros(len(rows))
        asked, held = weighed.asked, part.postings
        kernels.score_rows(
            part.numbers,
            asked.first,
            asked.bounds,
            weighed.order,
            weighed.worth,
            held.starts,
            held.rows,
            rows,
            scores,
        )
        return scores

    def warm_up(self) -> None:
        """Compile the loops, which takes seconds, or load them from where numba keeps them."""
        terms = [Concept(Translations.of([np.array([1], np.uint64), np.array([1, 2], np.uint64)]))]
        with sample_postings() as postings:
            matches = match_concepts(terms, [(0, LivePostings(postings))], self)
            for allowed in (None, np.ones(postings.row_count, np.bool_)):
                matches.top(1, allowed)
            matches.of_rows(np.arange(postings.row_count))
