"""A segment's postings as of one state of the index: which rows live, and what that does to the statistics."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.blocks import spans
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import Postings
from indexes.lexical.table import columns_of

_MOST_REMEMBERED = 1 << 16


class LivePostings:
    """Safe to use from several threads; kept from one state of the index to the next while no row dies."""

    def __init__(self, postings: Postings, live: Mask | None = None) -> None:
        """live: bool [rows], None where every row lives."""
        self.postings = postings
        self.live = live
        lengths = postings.lengths
        self._tokens_of_all = int(lengths.sum(dtype=np.int64))
        self.documents = len(lengths) if live is None else int(np.count_nonzero(live))
        self.tokens = self._tokens_of_all if live is None else int(lengths[live].sum(dtype=np.int64))
        self._dead = None if live is None else np.flatnonzero(~live)
        self._df: dict[int, int] = {}

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Where the postings lie in memory, as compiled loops are told (`table.columns_of`)."""
        return columns_of(self.postings)

    @property
    def mean_length(self) -> float:
        """Mean length of all rows, dead ones included: what the postings' peaks were computed at."""
        return self._tokens_of_all / len(self.postings.lengths) if self._tokens_of_all else 1.0

    def df(self, terms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many live rows hold each of the terms of these numbers, 0 for -1."""
        if self._dead is None:
            return self.postings.counts(terms)
        return np.array([self._df_of(term) for term in terms.tolist()], np.int64)

    def _df_of(self, term: int) -> int:
        if term < 0:
            return 0
        known = self._df.get(term)
        if known is None:
            assert self._dead is not None
            if len(self._df) > _MOST_REMEMBERED:
                self._df.clear()
            known = self._df[term] = self._living(self.postings.rows_of(term), self._dead)
        return known

    def all_df(self) -> NDArray[np.int64]:
        """Return how many live rows hold each term, int64 [T]."""
        starts = self.postings.term_starts
        if self.live is None:
            return np.diff(starts)
        living = np.zeros(len(starts) - 1, np.int64)
        for first, last in spans(starts):
            lives = self.live[self.postings.rows_of_terms(first, last)]
            living[first:last] = np.add.reduceat(lives, starts[first:last] - starts[first], dtype=np.int64)
        return living

    def _living(self, rows: Rows, dead: Rows) -> int:
        """Count the live ones of ascending rows, by whichever is cheaper: testing them, or looking up the dead."""
        assert self.live is not None
        if len(rows) <= 4 * len(dead):
            return int(np.count_nonzero(self.live[rows]))
        places = np.minimum(np.searchsorted(rows, dead), len(rows) - 1)
        return len(rows) - int(np.count_nonzero(rows[places] == dead))
