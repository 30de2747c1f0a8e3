"""BM25's global statistics over the live rows of several segments.

A row's number is its segment's base (the rows of the segments before it) plus its row in the segment. Only live
rows count, so that no score depends on how rows fell into segments or on what was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import robertson_idf
from indexes.lexical.matches import Mask
from indexes.lexical.postings import Postings


@dataclass(frozen=True, slots=True)
class Found:
    """The postings of a question's terms in one segment, one term after another.

    counts: int64 [terms], postings of each term; rows and frequencies: [sum of counts].
    """

    counts: NDArray[np.int64]
    rows: NDArray[np.int32]
    frequencies: NDArray[np.unsignedinteger]

    @classmethod
    def of(cls, postings: Postings, terms: NDArray[np.uint64]) -> Found:
        """Look terms up in a segment."""
        starts, ends = postings.slices(terms)
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        spans = [slice(start, end) for start, end in pairs if start < end] or [slice(0)]
        return cls(
            ends - starts,
            np.concatenate([postings.rows[span] for span in spans]),
            np.concatenate([postings.frequencies[span] for span in spans]),
        )


class Statistics:
    """Document frequencies, number and mean length of the live rows."""

    def __init__(self, segments: Sequence[Postings], live: Mask | None) -> None:
        """live: bool [rows of all segments], None where every row lives."""
        self._segments = segments
        self.bases = [0, *accumulate(segment.row_count for segment in segments)]
        self._live = None
        if live is not None:
            self._live = [live[base : base + s.row_count] for base, s in zip(self.bases, segments, strict=False)]
        self.documents = self.bases[-1] if live is None else int(np.count_nonzero(live))
        tokens = sum(int(self._of_living(i, s.lengths).sum(dtype=np.int64)) for i, s in enumerate(segments))
        self.mean_length = tokens / self.documents if tokens else 1.0

    def df(self, found: Sequence[Found]) -> NDArray[np.int64]:
        """Return how many live rows hold each term; found: the terms' postings in each segment."""
        counts = [each.counts for each in found]
        if self._live is not None:
            counts = [self._living(i, each.rows, each.counts) for i, each in enumerate(found)]
        total: NDArray[np.int64] = np.sum(counts, axis=0)
        return total

    @cached_property
    def mean_robertson_idf(self) -> float:
        """Robertson's idf, averaged over every term that a live row holds; 0 where there is none."""
        terms = np.concatenate([segment.terms for segment in self._segments])
        counts = [np.diff(segment.starts) for segment in self._segments]
        if self._live is not None:
            counts = [self._living(i, s.rows, counts[i]) for i, s in enumerate(self._segments)]
        distinct, place = np.unique(terms, return_inverse=True)
        df = np.bincount(place, np.concatenate(counts), len(distinct)).astype(np.int64)
        df = df[df > 0]
        return float(robertson_idf(df, self.documents).mean()) if len(df) else 0.0

    def _of_living(self, index: int, lengths: NDArray[np.int32]) -> NDArray[np.int32]:
        return lengths if self._live is None else lengths[self._live[index]]

    def _living(self, index: int, rows: NDArray[np.int32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of each run of rows are alive; counts: the lengths of the runs."""
        assert self._live is not None
        living: NDArray[np.int64] = np.append(0, np.cumsum(self._live[index][rows]))
        ends = np.cumsum(counts)
        kept: NDArray[np.int64] = living[ends] - living[ends - counts]
        return kept
