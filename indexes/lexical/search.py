"""Our own BM25: the whole postings of a question's terms, in numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats, Variant, floored, lucene_idf, saturation
from indexes.lexical.matches import Mask, Matches
from indexes.lexical.postings import Postings, term_hash
from indexes.lexical.statistics import Found, Statistics


class Bm25Search:
    """Scores the rows of several segments as if they were one."""

    def __init__(self, segments: Sequence[Postings], live: Mask | None, variant: Variant) -> None:
        """live: bool [rows of all segments], None where every row lives."""
        self._segments = segments
        self._variant = variant
        self._statistics = Statistics(segments, live)

    def match(self, terms: Sequence[str]) -> Matches:
        """Score every row that holds one of the terms; a term asked twice counts twice."""
        if not terms or not self._segments:
            return nothing()
        asked = Counter(map(term_hash, terms))
        hashes = np.fromiter(asked, np.uint64, len(asked))
        found = [Found.of(segment, hashes) for segment in self._segments]
        df = self._statistics.df(found)
        importance = lucene_idf(df, self._statistics.documents)
        times = np.fromiter(asked.values(), np.float64, len(asked))
        weights = times * self._idf(df) * self._variant.gain
        scored = [self._score(i, each, weights, importance) for i, each in enumerate(found)]
        rows, scores, covered = (np.concatenate(parts) for parts in zip(*scored, strict=True))
        return Matches(
            rows,
            scores,
            covered,
            asked_idf=float(importance.sum()),
            known_idf=float(importance[df > 0].sum()),
            ceiling=float(weights.sum()),
        )

    def _idf(self, df: NDArray[np.int64]) -> Floats:
        idf = self._variant.idf(df, self._statistics.documents)
        return floored(idf, self._statistics.mean_robertson_idf) if self._variant.floored else idf

    def _score(
        self, index: int, found: Found, weights: Floats, importance: Floats
    ) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Return the rows of one segment that hold any term, numbered globally, their scores and coverages."""
        segment = self._segments[index]
        lengths = segment.lengths[found.rows]
        variant = self._variant
        tf = saturation(found.frequencies, lengths, self._statistics.mean_length, variant.k1, variant.b)
        scores = _sums(found.rows, np.repeat(weights, found.counts) * tf, segment.row_count)
        covered = _sums(found.rows, np.repeat(importance, found.counts), segment.row_count)
        # Lucene's idf is positive, so that coverage tells the rows that hold a term; a score may be zero.
        rows = np.flatnonzero(covered)
        return rows + self._statistics.bases[index], scores[rows], covered[rows]


def nothing() -> Matches:
    """Return the matches of a question without terms, or of an empty index."""
    return Matches(np.empty(0, np.int64), np.empty(0), np.empty(0), asked_idf=0.0, known_idf=0.0, ceiling=0.0)


def _sums(rows: NDArray[np.int32], values: Floats, row_count: int) -> Floats:
    """Return the sum of the values of each row, float64 [row_count]."""
    sums: Floats = np.bincount(rows, values, row_count).astype(np.float64, copy=False)  # integers where no rows
    return sums
