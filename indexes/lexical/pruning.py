"""Exact top-k without scoring every row: the lists of the terms that can add most first, until no new row gets in.

Sources: Turtle and Flood, "Query Evaluation: Strategies and Optimizations", IP&M 1995 (MaxScore); Moffat and Zobel,
"Self-Indexing Inverted Files for Fast Text Retrieval", TOIS 1996 (accumulators that stop growing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats
from indexes.lexical.lists import Lists
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import Frequencies

if TYPE_CHECKING:
    from indexes.lexical.search import Bm25Search

# Before a list of this length is read, the k rows that lead are scored in full for a better threshold.
_WORTH_FULL_SCORES = 16_384
# What looking a row up costs against reading one more posting: measured, for lists that are searched and by row.
_SEARCH_COST, _AT_HAND_COST = 8.0, 0.5
# Sums in another order differ by this much at most, relative to the best score.
_ROUNDING = 1e-12


class Sums:
    """Scores that grow: of every row, zero but for those met, which `forget` clears again."""

    def __init__(self, row_count: int) -> None:
        self.scores = np.zeros(row_count)
        self._first = np.empty(row_count, np.int32)
        self.met = np.empty(0, np.int64)

    def add(self, rows: Rows, values: Floats) -> None:
        """Add positive values to rows, each of which may occur several times."""
        self._first[rows] = np.arange(len(rows))
        once = self._first[rows] == np.arange(len(rows))
        new = rows[once & (self.scores[rows] == 0.0)]
        np.add.at(self.scores, rows, values)
        self.met = np.concatenate([self.met, new])

    def forget(self) -> None:
        """Make every score zero."""
        self.scores[self.met] = 0.0
        self.met = np.empty(0, np.int64)


class Pruning:
    """One search for the best k; weights and bounds (over weight × saturation) of the terms of the lists."""

    def __init__(self, search: Bm25Search, lists: Lists, weights: Floats, bounds: Floats) -> None:
        self._search = search
        self._lists = lists
        self._weights = weights
        long = np.array([term for term, held in enumerate(lists.long) if held], np.int64)
        # Terms with long lists, the highest bound first; what those from each on can add at most.
        self._long = long[np.argsort(-bounds[long], kind="stable")]
        self._rest = np.append(np.cumsum(bounds[self._long][::-1])[::-1], 0.0) * (1 + _ROUNDING)

    def candidates(self, k: int, allowed: Mask | None) -> Rows:
        """Return allowed rows, ascending, among which are the k best with all that tie with the k-th."""
        few = None
        if allowed is not None and (count := int(np.count_nonzero(allowed))) * 4 < len(allowed):
            few = np.flatnonzero(allowed)
            if count * len(self._weights) * _SEARCH_COST < self._lists.posting_count:
                return few
        if self._weights.min() <= 0:  # Robertson's idf in a collection of a few passages: nothing bounds a score
            return np.flatnonzero(allowed) if allowed is not None else np.arange(self._search.row_count)
        with self._search.sums() as sums:
            self._add_short_lists(sums, allowed)
            place, threshold = self._add_long_lists(sums, k, allowed, few)
            rows = np.sort(sums.met)
            scores = sums.scores[rows]
            sums.forget()
        return self._refined(rows, scores, place, k, threshold)

    def _add_short_lists(self, sums: Sums, allowed: Mask | None) -> None:
        rows, frequencies, terms = self._lists.rows, self._lists.frequencies, self._lists.terms
        if allowed is not None:
            kept = np.flatnonzero(allowed[rows])
            rows, frequencies, terms = rows[kept], frequencies[kept], terms[kept]
        if len(rows):
            sums.add(rows, self._weights[terms] * self._search.saturation(rows, frequencies))

    def _add_long_lists(self, sums: Sums, k: int, allowed: Mask | None, few: Rows | None) -> tuple[int, float]:
        """Add up whole lists; returns how many terms' lists were read, and a bound under the k-th score."""
        threshold = 0.0
        for place, term in enumerate(self._long.tolist()):
            if len(sums.met) >= k:
                threshold = max(threshold, self._threshold(sums, k, place))
                if self._rest[place] < threshold:
                    return place, threshold
            for rows, frequencies in self._postings(term, allowed, few):
                sums.add(rows, self._weights[term] * self._search.saturation(rows, frequencies))
        return len(self._long), threshold

    def _postings(self, term: int, allowed: Mask | None, few: Rows | None) -> list[tuple[Rows, Frequencies]]:
        """Return the allowed postings of a term's long lists."""
        found = []
        for each in self._lists.long[term]:
            cost = _AT_HAND_COST if each.at_hand else _SEARCH_COST
            if few is not None and len(few) * cost < each.count:
                span, frequencies = each.frequencies_in(few)
                held = np.flatnonzero(frequencies)
                found.append((few[span][held], frequencies[held]))
                continue
            rows, frequencies = each.read()
            if allowed is not None:
                kept = np.flatnonzero(allowed[rows])
                rows, frequencies = rows[kept], frequencies[kept]
            found.append((rows, frequencies))
        return found

    def _threshold(self, sums: Sums, k: int, place: int) -> float:
        """Return a score that k of the rows met reach at least."""
        scores = sums.scores[sums.met]
        best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
        if sum(each.count for each in self._lists.long[self._long[place]]) < _WORTH_FULL_SCORES:
            return float(scores[best].min())
        rows = np.sort(sums.met[best])
        return float(self._with_long_lists(rows, sums.scores[rows], place).min())

    def _with_long_lists(self, rows: Rows, scores: Floats, place: int) -> Floats:
        """Return the scores of rows (ascending) with those of the terms from place on added."""
        full = scores.copy()
        for term in self._long[place:].tolist():
            self._add_looked_up(term, rows, full)
        return full

    def _add_looked_up(self, term: int, rows: Rows, scores: NDArray[np.float64]) -> None:
        for each in self._lists.long[term]:
            span, frequencies = each.frequencies_in(rows)
            scores[span] += self._weights[term] * self._search.saturation(rows[span], frequencies)

    def _refined(self, rows: Rows, scores: Floats, place: int, k: int, threshold: float) -> Rows:
        """Drop rows that cannot be among the best k; scores: by all lists but the long ones from place on."""
        for at, term in enumerate(self._long[place:].tolist(), place):
            kept = np.flatnonzero(scores + self._rest[at] >= threshold * (1 - _ROUNDING))
            rows, scores = rows[kept], scores[kept]
            self._add_looked_up(term, rows, scores)
        if len(rows) > k:
            least = np.partition(scores, len(rows) - k)[len(rows) - k]
            rows = rows[scores >= least * (1 - _ROUNDING)]
        return rows
