"""Exact top-k without scoring every row: terms in the order of what they can add, until no new row can get in.

Sources: Turtle and Flood, "Query Evaluation: Strategies and Optimizations", IP&M 1995 (MaxScore); Moffat and Zobel,
"Self-Indexing Inverted Files for Fast Text Retrieval", TOIS 1996 (accumulators that stop growing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from indexes.lexical.bm25 import Floats
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.terms import Term
from indexes.top import top_places

if TYPE_CHECKING:
    from indexes.lexical.search import Bm25Search

# Before a list of this length the present k-th score is worth computing; before a longer one, its best bound is.
_WORTH_A_THRESHOLD = 1024
_WORTH_FULL_SCORES = 16_384
# What looking a row up costs against reading one more posting: measured, for lists that are searched and by row.
_SEARCH_COST, _AT_HAND_COST = 8.0, 0.5
# Sums in another order differ by this much at most, relative to the best score.
_ROUNDING = 1e-12


class Pruning:
    """One search for the best k; weights (all positive) are what the saturation of each term is multiplied by."""

    def __init__(self, search: Bm25Search, terms: Sequence[Term], weights: Floats) -> None:
        self._search = search
        bounds = weights * [term.peak for term in terms]
        order = np.argsort(-bounds, kind="stable")
        self._terms = [terms[place] for place in order.tolist()]
        self._weights = weights[order].tolist()
        # What the terms from each on can add at most.
        self._rest = np.append(np.cumsum(bounds[order][::-1])[::-1], 0.0) * (1 + _ROUNDING)

    def candidates(self, k: int, allowed: Mask | None) -> Rows:
        """Return rows, ascending, among which are the k best allowed ones with all that tie with the k-th."""
        with self._search.sums() as sums:
            rows, place, threshold = self._read_lists(k, allowed, sums)
            scores = sums[rows]
            sums[rows] = 0.0
        order = np.argsort(rows)
        return self._refine(rows[order], scores[order], place, k, threshold)

    def _read_lists(self, k: int, allowed: Mask | None, sums: Floats) -> tuple[Rows, int, float]:
        """Add up whole lists; returns the rows met, the number of lists read, and a bound under the k-th score."""
        met: list[Rows] = []
        met_count, threshold = 0, 0.0
        few = _few(allowed)
        for place, (term, weight) in enumerate(zip(self._terms, self._weights, strict=True)):
            if met_count >= k and term.count >= _WORTH_A_THRESHOLD:
                rows = np.concatenate(met)
                met = [rows]
                threshold = max(threshold, self._threshold(rows, sums, k, place))
                if self._rest[place] < threshold:
                    return rows, place, threshold
            if few is not None and len(few) * _look_up_cost(term) < term.count:
                rows, frequencies = few, term.frequencies_in(few)
                holding = np.flatnonzero(frequencies)
                rows, frequencies = rows[holding], frequencies[holding]
            else:
                rows, frequencies = term.read()
                if allowed is not None:
                    kept = allowed[rows]
                    rows, frequencies = rows[kept], frequencies[kept]
            before = sums[rows]
            sums[rows] = before + weight * self._search.saturation(rows, frequencies)
            new = rows[before == 0.0]
            met.append(new)
            met_count += len(new)
        return np.concatenate(met), len(self._terms), threshold

    def _threshold(self, rows: Rows, sums: Floats, k: int, place: int) -> float:
        """Return a score that k of rows reach at least."""
        scores = sums[rows]
        best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
        if self._terms[place].count < _WORTH_FULL_SCORES:
            return float(scores[best].min())
        chosen = np.sort(rows[best])
        full = sums[chosen]
        for term, weight in zip(self._terms[place:], self._weights[place:], strict=True):
            full += weight * self._search.saturation(chosen, term.frequencies_in(chosen))
        return float(full.min())

    def _refine(self, rows: Rows, scores: Floats, place: int, k: int, threshold: float) -> Rows:
        """Drop rows that cannot be among the best k; scores: of rows by the first place terms."""
        for at in range(place, len(self._terms)):
            kept = scores + self._rest[at] >= threshold * (1 - _ROUNDING)
            rows, scores = rows[kept], scores[kept]
            scores = scores + self._weights[at] * self._search.saturation(
                rows, self._terms[at].frequencies_in(rows)
            )
        if len(rows) > k:
            least = scores[top_places(scores, k)[-1]]
            rows = rows[scores >= least * (1 - _ROUNDING)]
        return rows


def _look_up_cost(term: Term) -> float:
    return _AT_HAND_COST if term.has_rows_at_hand else _SEARCH_COST


def _few(allowed: Mask | None) -> Rows | None:
    """Return the allowed rows where they are few enough to be looked up one by one."""
    if allowed is None or np.count_nonzero(allowed) * 4 > len(allowed):
        return None
    return np.flatnonzero(allowed)
