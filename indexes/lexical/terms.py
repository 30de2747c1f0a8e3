"""One term of a question, with its postings in every segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Rows
from indexes.lexical.postings import Frequencies, Postings, frequencies_at

# Shorter lists are joined before they are searched: a search in each of many small segments costs more.
_SHORT_LIST = 1024


@dataclass(frozen=True, slots=True)
class _Part:
    """The term's list in one segment: the rows from base on, the term's number there."""

    base: int
    postings: Postings
    term: int

    @property
    def count(self) -> int:
        return int(self.postings.starts[self.term + 1] - self.postings.starts[self.term])

    def read(self) -> tuple[Rows, Frequencies]:
        """Return the rows, numbered through all segments, and their frequencies."""
        span = slice(self.postings.starts[self.term], self.postings.starts[self.term + 1])
        rows = self.postings.rows[span].astype(np.int64)
        return rows + self.base if self.base else rows, self.postings.frequencies[span]


@dataclass(slots=True)
class Term:
    """A term that some row holds. df: live rows that do; peak: its highest saturation at the live mean length."""

    times: int
    df: int
    peak: float
    count: int
    _parts: Sequence[_Part]
    _short: tuple[Rows, Frequencies] | None = field(default=None)

    @property
    def has_rows_at_hand(self) -> bool:
        """Whether frequencies can be looked up by row without a search, in the segment that holds the most."""
        largest = max(self._parts, key=lambda part: part.count)
        return bool(np.isin(largest.term, largest.postings.frequent))

    def read(self) -> tuple[Rows, Frequencies]:
        """Return all rows that hold the term, ascending, and their frequencies."""
        if len(self._parts) == 1:
            return self._parts[0].read()
        rows, frequencies = zip(*(part.read() for part in self._parts), strict=True)
        return np.concatenate(rows), np.concatenate(frequencies)

    def frequencies_in(self, rows: Rows) -> NDArray[np.unsignedinteger[Any]]:
        """Return how often each of rows (ascending) holds the term."""
        found = np.zeros(len(rows), np.uint32)
        if not len(rows):
            return found
        short_rows, short_frequencies = self._short_lists()
        if len(short_rows):
            found += frequencies_at(short_rows, short_frequencies, rows)
        for part in self._parts:
            if part.count >= _SHORT_LIST:
                start, end = np.searchsorted(rows, (part.base, part.base + part.postings.row_count)).tolist()
                if start < end:
                    found[start:end] = part.postings.frequencies_in(part.term, rows[start:end] - part.base)
        return found

    def _short_lists(self) -> tuple[Rows, Frequencies]:
        if self._short is None:
            lists = [part.read() for part in self._parts if part.count < _SHORT_LIST]
            rows, frequencies = zip(*lists, strict=True) if lists else ((), ())
            self._short = (
                np.concatenate(rows) if rows else np.empty(0, np.int64),
                np.concatenate(frequencies) if frequencies else np.empty(0, np.uint8),
            )
        return self._short


def look_up(
    asked: dict[int, int], segments: Sequence[tuple[int, LivePostings]], mean_length: float
) -> tuple[list[Term], int]:
    """Return the terms of a question that live rows hold, as asked, and the number of those that none holds.

    asked: term hash → how often it was asked; segments: base row and postings; mean_length: of the live rows.
    """
    hashes = np.fromiter(asked, np.uint64, len(asked))
    parts: list[list[_Part]] = [[] for _ in asked]
    dfs, peaks = [0] * len(asked), [0.0] * len(asked)
    for base, segment in segments:
        # A longer mean than the peaks were computed at raises a saturation by no more than the ratio of the two.
        longer = max(1.0, mean_length / segment.mean_length)
        for place, term in enumerate(segment.postings.places(hashes).tolist()):
            if term >= 0:
                parts[place].append(_Part(base, segment.postings, term))
                dfs[place] += segment.df(term)
                peaks[place] = max(peaks[place], min(1.0, float(segment.postings.peaks[term]) * longer))
    terms = [
        Term(times, df, peak, sum(part.count for part in held), held)
        for times, df, peak, held in zip(asked.values(), dfs, peaks, parts, strict=True)
        if df
    ]
    return terms, len(asked) - len(terms)
