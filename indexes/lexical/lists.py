"""The postings of a question's terms in all segments: short lists read at once, long ones where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Rows
from indexes.lexical.postings import Frequencies, Postings

# Postings of a term in one segment up to which all are read for any question.
SHORT = 4096
# Rows are numbered below this many bits, and terms above them, in the keys of short lists.
_ROW_BITS = 40


@dataclass(frozen=True, slots=True)
class LongList:
    """A term's postings in one segment. base: the number of its first row; at_hand: looked up without a search."""

    base: int
    postings: Postings
    term: int
    count: int

    @property
    def at_hand(self) -> bool:
        """Whether frequencies can be looked up by row without a search."""
        return bool(np.isin(self.term, self.postings.frequent))

    def read(self) -> tuple[Rows, Frequencies]:
        """Return the rows that hold the term, ascending, and their frequencies."""
        return self.postings.rows_of(self.term) + self.base, self.postings.frequencies_of(self.term)

    def frequencies_in(self, rows: Rows) -> tuple[slice, Frequencies]:
        """Return which of rows (ascending) lie in the segment, and how often those hold the term."""
        start, end = np.searchsorted(rows, (self.base, self.base + self.postings.row_count)).tolist()
        return slice(start, end), self.postings.frequencies_in(self.term, rows[start:end] - self.base)


@dataclass(frozen=True, slots=True)
class Lists:
    """rows, frequencies and terms: the short lists, by term and row; long: for each term its long lists."""

    rows: Rows
    frequencies: Frequencies
    terms: NDArray[np.int64]
    long: Sequence[Sequence[LongList]]

    @property
    def posting_count(self) -> int:
        """Postings of all lists."""
        return len(self.rows) + sum(each.count for lists in self.long for each in lists)

    def frequencies_in(self, rows: Rows) -> NDArray[np.uint32]:
        """Return how often each term occurs in each of rows (ascending), uint32 [terms, rows]."""
        found = np.zeros((len(self.long), len(rows)), np.uint32)
        if len(self.rows):
            keys = (self.terms << _ROW_BITS) | self.rows
            wanted = ((np.arange(len(self.long)) << _ROW_BITS)[:, None] | rows).ravel()
            places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            found[:] = np.where(keys[places] == wanted, self.frequencies[places], 0).reshape(found.shape)
        for term, lists in enumerate(self.long):
            for each in lists:
                span, frequencies = each.frequencies_in(rows)
                found[term, span] = frequencies
        return found


class Lookup:
    """Where a question's terms are in the segments: [segments, terms] each."""

    def __init__(self, hashes: NDArray[np.uint64], segments: Sequence[tuple[int, LivePostings]]) -> None:
        """segments: base row and postings; at least one."""
        self._segments = segments
        self._places = np.stack([segment.postings.places(hashes) for _, segment in segments])
        pairs = list(zip(segments, self._places, strict=True))
        self._counts = np.stack([segment.postings.counts(places) for (_, segment), places in pairs])
        self._df = np.stack([segment.df(places) for (_, segment), places in pairs])

    @property
    def df(self) -> NDArray[np.int64]:
        """How many live rows hold each term, int64 [terms]."""
        total: NDArray[np.int64] = self._df.sum(axis=0)
        return total

    def peaks(self, mean_length: float) -> Floats:
        """Return a bound over each term's saturation in any row at this mean length, float64 [terms]."""
        highest = np.zeros(self._places.shape[1])
        for (_, segment), places in zip(self._segments, self._places, strict=True):
            # A longer mean than the peaks were computed at raises a saturation by the ratio of the two at most.
            longer = max(1.0, mean_length / segment.mean_length)
            held = places >= 0
            bounds = np.minimum(segment.postings.peaks[places[held]] * longer, 1.0)
            highest[held] = np.maximum(highest[held], bounds)
        return highest

    def read(self, order: NDArray[np.int64]) -> Lists:
        """Return the lists of some of the terms, in this order."""
        counts = self._counts[:, order].T
        long: list[list[LongList]] = [[] for _ in order]
        rows, frequencies, terms, sizes = [], [], [], []
        for term, place in np.argwhere(counts).tolist():
            base, segment = self._segments[place]
            postings, count = segment.postings, int(counts[term, place])
            number = int(self._places[place, order[term]])
            if count >= SHORT:
                long[term].append(LongList(base, postings, number, count))
                continue
            rows.append(postings.rows_of(number) + base)
            frequencies.append(postings.frequencies_of(number))
            terms.append(term)
            sizes.append(count)
        if not rows:
            return Lists(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64), long)
        return Lists(np.concatenate(rows), np.concatenate(frequencies), np.repeat(terms, sizes), long)
