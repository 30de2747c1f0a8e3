"""Our own BM25 in compiled loops: what search.py finds, several times faster. Needs the extra `fast`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from indexes.lexical import kernels, lookups
from indexes.lexical.bm25 import VARIANTS, Floats, Variant
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Matches, Rows
from indexes.lexical.postings import Postings
from indexes.lexical.search import KEPT_SUMS, Bm25Search
from indexes.lexical.table import ROW_COUNT, table_of

EVERY_ROW = np.empty(0, np.bool_)


@dataclass(frozen=True, slots=True)
class _Room:
    """Where one search adds up a segment: scores zero, met of any content."""

    scores: Floats
    met: NDArray[np.int32]


class CompiledBm25Search(Bm25Search):
    """Scores the rows of several segments as if they were one."""

    def __init__(self, segments: Sequence[LivePostings], variant: Variant) -> None:
        super().__init__(segments, variant)
        self._rooms: deque[_Room] = deque(maxlen=KEPT_SUMS)
        self.table = table_of(self.segments)
        self._worn = [(place, each) for place, (_, each) in enumerate(self.segments) if each.live is not None]
        # The largest first: what it finds lets others stop early.
        self.order = np.argsort(-self.table[:, ROW_COUNT], kind="stable")
        # A longer mean than the peaks were computed at raises a saturation by the ratio of the two at most.
        means = np.array([segment.mean_length for segment in segments])
        self.longer = np.maximum(1.0, self.statistics.mean_length / means)

    def match_hashes(self, asked: Mapping[int, int]) -> Matches:
        """Look terms up; asked: term hash → how often it was asked."""
        hashes = np.fromiter(asked, np.uint64, len(asked))
        shape = (len(self.segments), len(asked))
        numbers, df, peaks = np.empty(shape, np.int64), np.empty(shape, np.int64), np.empty(shape)
        lookups.find_with_peaks(hashes, self.table, numbers, df, peaks)
        for place, segment in self._worn:
            df[place] = segment.df(numbers[place])
        held = df.sum(axis=0)
        weights, importance = self.worth(np.fromiter(asked.values(), np.int64, len(asked)), held)
        if weights.min() <= 0:
            return super().match_hashes(asked)
        sums = lookups.put_weightiest_first(held, weights, importance, numbers, peaks)
        return CompiledMatches(self, numbers, peaks, weights, importance, *sums)

    @contextmanager
    def room(self) -> Iterator[_Room]:
        """Lend room for a search; its borrower leaves the scores zero."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = _Room(np.zeros(kernels.WINDOW), np.empty(kernels.WINDOW + 1, np.int32))
        yield room
        self._rooms.append(room)


class CompiledMatches:
    """What the rows have to do with one question; scores are computed as they are asked for."""

    def __init__(
        self,
        search: CompiledBm25Search,
        numbers: NDArray[np.int64],
        peaks: Floats,
        weights: Floats,
        importance: Floats,
        ceiling: float,
        asked_idf: float,
        known_idf: float,
    ) -> None:
        """numbers and peaks: of the terms in each segment, [segments, terms]; weights: descending."""
        self._search = search
        self._numbers = numbers
        self._peaks = peaks
        self._weights = weights
        self._importance = importance
        self.ceiling = ceiling
        self.asked_idf = asked_idf
        self.known_idf = known_idf

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that hold a term and are allowed (None: all), and their scores; ties by row."""
        search = self._search
        k = min(k, search.row_count)
        if k < 1 or not len(self._weights):
            return np.empty(0, np.int64), np.empty(0)
        scores, rows = np.empty(k), np.empty(k, np.int64)
        with search.room() as room:
            size = kernels.search(
                search.table,
                search.order,
                search.longer,
                self._numbers,
                self._peaks,
                self._weights,
                search.norms,
                EVERY_ROW if allowed is None else allowed,
                room.scores,
                room.met,
                scores,
                rows,
            )
        return rows[:size], scores[:size]

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the question's idf that they cover."""
        search = self._search
        scores, covered = np.zeros(len(rows)), np.zeros(len(rows))
        lookups.score_rows(
            search.table, self._numbers, self._weights, self._importance, search.norms, rows, scores, covered
        )
        return scores, covered / self.asked_idf if self.asked_idf else covered


def warm_up() -> None:
    """Compile the loops, which takes many seconds, or load them from where numba keeps them."""
    with sample_postings() as postings:
        search = CompiledBm25Search([LivePostings(postings)] * 2, VARIANTS["bm25"])
        matches = search.match_hashes({1: 1, 2: 1})
        for allowed in (None, np.ones(search.row_count, np.bool_)):
            matches.top(2, allowed)
        for row_count in (1, search.row_count):
            matches.of_rows(np.arange(row_count))


@contextmanager
def sample_postings() -> Iterator[Postings]:
    """Lend postings of two rows as a search has them: mapped, for which the loops are compiled."""
    with TemporaryDirectory() as folder:
        Postings.of_bags([{1: 1}, {1: 2, 2: 1}]).save(Path(folder))
        yield Postings.open(Path(folder))
