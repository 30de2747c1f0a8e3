"""BM25's global statistics over the live rows of several segments.

Only live rows count, so that no score depends on how rows fell into segments or on what was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from indexes.lexical.bm25 import robertson_idf
from indexes.lexical.live import LivePostings


class Statistics:
    """Number, mean length and mean idf of the live rows."""

    def __init__(self, segments: Sequence[LivePostings]) -> None:
        self._segments = segments
        self.documents = sum(segment.documents for segment in segments)
        tokens = sum(segment.tokens for segment in segments)
        self.mean_length = tokens / self.documents if tokens else 1.0

    @cached_property
    def mean_robertson_idf(self) -> float:
        """Robertson's idf, averaged over every term that a live row holds; 0 where there is none."""
        terms = np.concatenate([segment.postings.terms for segment in self._segments])
        distinct, place = np.unique(terms, return_inverse=True)
        counts = np.concatenate([segment.all_df() for segment in self._segments])
        df = np.bincount(place, counts, len(distinct)).astype(np.int64)
        df = df[df > 0]
        return float(robertson_idf(df, self.documents).mean()) if len(df) else 0.0
