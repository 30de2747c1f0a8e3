"""The rank-bm25 package as a lexical engine: slow, in memory, and the reference that ours is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rank_bm25 import BM25Okapi  # type: ignore[import-untyped]

from indexes.lexical.bm25 import VARIANTS
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import FullMatches, Matches
from indexes.lexical.postings import term_hash
from indexes.lexical.search import Bm25Search


class RankBm25Search:
    """BM25Okapi over the live rows' terms, rebuilt from the segments whenever the index changes."""

    def __init__(self, segments: Sequence[LivePostings]) -> None:
        bags = [bag for segment in segments for bag in segment.postings.bags()]
        masks = [np.ones(s.postings.row_count, np.bool_) if s.live is None else s.live for s in segments]
        self._rows = np.flatnonzero(np.concatenate(masks or [np.empty(0, np.bool_)]))
        self._row_count = len(bags)
        # Which rows match and what they cover is the same for every engine; only the scores are the package's.
        self._matches = Bm25Search(segments, VARIANTS["bm25-robertson"])
        corpus = [bags[row] for row in self._rows.tolist()]
        self._okapi = BM25Okapi(corpus) if any(corpus) else None

    def match(self, terms: Sequence[str]) -> Matches:
        """Score every row with BM25Okapi.get_scores."""
        matches = self._matches.match(terms)
        if self._okapi is None:
            return matches
        scores = np.zeros(self._row_count)
        scores[self._rows] = self._okapi.get_scores([term_hash(term) for term in terms])
        _, shares = matches.of_rows(np.arange(self._row_count))
        rows = np.flatnonzero(shares)
        return FullMatches(
            rows,
            scores[rows],
            shares[rows] * matches.asked_idf,
            asked_idf=matches.asked_idf,
            known_idf=matches.known_idf,
            ceiling=matches.ceiling,
        )
