"""Our own BM25: exact scores over immutable segments, and only as many of them as the best k depend on."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats, Variant, floored, length_norm, lucene_idf
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Matches, Rows, nothing
from indexes.lexical.postings import term_hash
from indexes.lexical.pruning import Pruning
from indexes.lexical.statistics import Statistics
from indexes.lexical.terms import Term, look_up
from indexes.top import top_places

# Sums kept for the next searches: as many as search at once in a server of the default settings.
_KEPT_SUMS = 8


class Bm25Search:
    """Scores the rows of several segments as if they were one."""

    def __init__(self, segments: Sequence[LivePostings], variant: Variant) -> None:
        sizes = [segment.postings.row_count for segment in segments]
        self._segments = list(zip(accumulate(sizes, initial=0), segments, strict=False))
        self._variant = variant
        self._statistics = Statistics(segments)
        lengths = [segment.postings.lengths for segment in segments]
        self._lengths = lengths[0] if len(lengths) == 1 else np.concatenate(lengths or [np.empty(0, np.int32)])
        longest = int(self._lengths.max(initial=0))
        self._norm_of_length = length_norm(np.arange(longest + 1), self._statistics.mean_length)
        self._sums: deque[Floats] = deque(maxlen=_KEPT_SUMS)

    def match(self, terms: Sequence[str]) -> Matches:
        """Look a question's terms up; a term asked twice counts twice."""
        if not terms or not self._statistics.documents:
            return nothing()
        asked = dict(Counter(map(term_hash, terms)))
        known, unknown = look_up(asked, self._segments, self._statistics.mean_length)
        return Bm25Matches(self, known, unknown, sum(asked.values()) - sum(term.times for term in known))

    def weights_of(self, df: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return what one occurrence of each term in the question is worth, and Lucene's idf of each."""
        importance = lucene_idf(df, self._statistics.documents)
        idf = self._variant.idf(df, self._statistics.documents)
        if self._variant.floored:
            idf = floored(idf, self._statistics.mean_robertson_idf)
        return idf * self._variant.gain, importance

    def saturation(self, rows: Rows, frequencies: NDArray[np.unsignedinteger]) -> Floats:
        """Return the saturation of a term in rows."""
        saturated: Floats = frequencies / (frequencies + self._norm_of_length[self._lengths[rows]])
        return saturated

    @contextmanager
    def sums(self) -> Iterator[Floats]:
        """Lend an array of a zero for each row; its borrower leaves it so."""
        try:
            sums = self._sums.pop()
        except IndexError:
            sums = np.zeros(len(self._lengths))
        yield sums
        self._sums.append(sums)


class Bm25Matches:
    """What the rows have to do with one question; scores are computed as they are asked for."""

    def __init__(self, search: Bm25Search, terms: Sequence[Term], unknown: int, unknown_asked: int) -> None:
        """unknown: distinct terms that no live row holds; unknown_asked: how often those were asked."""
        self._search = search
        self._terms = terms
        worth, importance = search.weights_of(np.array([term.df for term in terms] + [0], np.int64))
        self._weights = worth[:-1] * [term.times for term in terms]
        self._importance = importance[:-1]
        self.known_idf = float(self._importance.sum())
        self.asked_idf = self.known_idf + unknown * float(importance[-1])
        self.ceiling = float(self._weights.sum()) + unknown_asked * float(worth[-1])

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that hold a term and are allowed (None: all), and their scores; ties by row."""
        if k < 1 or not self._terms:
            return np.empty(0, np.int64), np.empty(0)
        if self._weights.min() > 0:
            rows = Pruning(self._search, self._terms, self._weights).candidates(k, allowed)
        else:  # Robertson's idf in a collection of a few passages: nothing bounds a score
            rows = np.unique(np.concatenate([term.read()[0] for term in self._terms]))
            rows = rows if allowed is None else rows[allowed[rows]]
        scores, _ = self.of_rows(rows)
        best = top_places(scores, k)
        return rows[best], scores[best]

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the question's idf that they cover."""
        scores, covered = np.zeros(len(rows)), np.zeros(len(rows))
        for term, weight, importance in zip(self._terms, self._weights, self._importance, strict=True):
            frequencies = term.frequencies_in(rows)
            holding = np.flatnonzero(frequencies)
            scores[holding] += weight * self._search.saturation(rows[holding], frequencies[holding])
            covered[holding] += importance
        return scores, covered / self.asked_idf if self.asked_idf else covered
