"""Our own BM25: exact scores over immutable segments, and only as many of them as the best k depend on."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats, Variant, floored, length_norm, lucene_idf
from indexes.lexical.lists import Lists, Lookup
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Matches, Rows, nothing
from indexes.lexical.postings import term_hash
from indexes.lexical.pruning import Pruning, Sums
from indexes.lexical.statistics import Statistics
from indexes.top import top_places

# Sums kept for the next searches: as many as search at once in a server of the default settings.
KEPT_SUMS = 8


@dataclass(frozen=True, slots=True)
class Weighed:
    """The known terms of a question, the weightiest first.

    order: their places in the question; importance: Lucene's idf of each. asked_idf and ceiling: as `Matches` has
    them, of all its terms.
    """

    order: NDArray[np.int64]
    weights: Floats
    importance: Floats
    asked_idf: float
    ceiling: float


class Bm25Search:
    """Scores the rows of several segments as if they were one."""

    def __init__(self, segments: Sequence[LivePostings], variant: Variant) -> None:
        sizes = [segment.postings.row_count for segment in segments]
        self.segments = list(zip(accumulate(sizes, initial=0), segments, strict=False))
        self._variant = variant
        self.statistics = Statistics(segments)
        lengths = [segment.postings.lengths for segment in segments]
        self._lengths = lengths[0] if len(lengths) == 1 else np.concatenate(lengths or [np.empty(0, np.int32)])
        longest = int(self._lengths.max(initial=0))
        self.norms = length_norm(np.arange(longest + 1), self.statistics.mean_length)
        self._sums: deque[Sums] = deque(maxlen=KEPT_SUMS)

    def match(self, terms: Sequence[str]) -> Matches:
        """Look a question's terms up; a term asked twice counts twice."""
        if not terms or not self.statistics.documents:
            return nothing()
        return self.match_hashes(Counter(map(term_hash, terms)))

    def match_hashes(self, asked: Mapping[int, int]) -> Matches:
        """Look terms up; asked: term hash → how often it was asked."""
        times = np.fromiter(asked.values(), np.int64, len(asked))
        lookup = Lookup(np.fromiter(asked, np.uint64, len(asked)), self.segments)
        weighed = self.weigh(times, lookup.df)
        return Bm25Matches(self, lookup.read(weighed.order), lookup.peaks(self.statistics.mean_length), weighed)

    def weigh(self, times: NDArray[np.int64], df: NDArray[np.int64]) -> Weighed:
        """Weigh a question's terms by how often each is asked, and how many live rows hold it."""
        weights, importance = self.worth(times, df)
        known = np.flatnonzero(df)
        order = known[np.argsort(-weights[known], kind="stable")]
        return Weighed(
            order, weights[order], importance[order], float(importance.sum()), ceiling=float(weights.sum())
        )

    def worth(self, times: NDArray[np.int64], df: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return what each of a question's terms weighs in a score, and its importance."""
        idf = importance = lucene_idf(df, self.statistics.documents)
        if self._variant.idf is not lucene_idf:
            idf = self._variant.idf(df, self.statistics.documents)
        if self._variant.floored:
            idf = floored(idf, self.statistics.mean_robertson_idf)
        return times * idf * self._variant.gain, importance

    @property
    def row_count(self) -> int:
        """Rows of all segments, dead ones included."""
        return len(self._lengths)

    def saturation(self, rows: Rows, frequencies: NDArray[np.unsignedinteger[Any]]) -> Floats:
        """Return the saturation of terms in rows; frequencies: [rows] or [terms, rows]."""
        saturated: Floats = frequencies / (frequencies + self.norms[self._lengths[rows]])
        return saturated

    @contextmanager
    def sums(self) -> Iterator[Sums]:
        """Lend sums that are zero for each row; their borrower leaves them so."""
        try:
            sums = self._sums.pop()
        except IndexError:
            sums = Sums(len(self._lengths))
        yield sums
        self._sums.append(sums)


class Bm25Matches:
    """What the rows have to do with one question; scores are computed as they are asked for."""

    def __init__(self, search: Bm25Search, lists: Lists, peaks: Floats, weighed: Weighed) -> None:
        """lists: of the weighed terms; peaks: bounds over the saturation of each term that was asked."""
        self._search = search
        self._lists = lists
        self._weights = weighed.weights
        self._bounds = weighed.weights * peaks[weighed.order]
        self._importance = weighed.importance
        self.known_idf = float(weighed.importance.sum())
        self.asked_idf = weighed.asked_idf
        self.ceiling = weighed.ceiling

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that hold a term and are allowed (None: all), and their scores; ties by row."""
        if k < 1 or not len(self._weights):
            return np.empty(0, np.int64), np.empty(0)
        rows = Pruning(self._search, self._lists, self._weights, self._bounds).candidates(k, allowed)
        scores, covered = self.of_rows(rows)
        held = np.flatnonzero(covered)
        rows, scores = rows[held], scores[held]
        best = top_places(scores, k)
        return rows[best], scores[best]

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the question's idf that they cover."""
        frequencies = self._lists.frequencies_in(rows)
        # Sums along the first axis are taken in the order of the terms, so that equal passages tie.
        scores: Floats = (self._weights[:, None] * self._search.saturation(rows, frequencies)).sum(axis=0)
        covered: Floats = (self._importance[:, None] * (frequencies > 0)).sum(axis=0)
        return scores, covered / self.asked_idf if self.asked_idf else covered
