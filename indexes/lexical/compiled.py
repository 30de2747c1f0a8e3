"""Our own BM25 in compiled loops: what search.py finds, several times faster. Needs the extra `fast`."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from indexes.lexical import kernels
from indexes.lexical.bm25 import VARIANTS, Floats, Variant
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Matches, Rows, nothing
from indexes.lexical.postings import Postings, term_hash
from indexes.lexical.search import KEPT_SUMS, Bm25Search, Weighed

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

    def match(self, terms: Sequence[str]) -> Matches:
        """Look a question's terms up; a term asked twice counts twice."""
        if not terms or not self.statistics.documents:
            return nothing()
        return self.match_hashes(Counter(map(term_hash, terms)))

    def match_hashes(self, asked: Mapping[int, int]) -> Matches:
        """Look terms up; asked: term hash → how often it was asked."""
        hashes = np.fromiter(asked, np.uint64, len(asked))
        shape = (len(self.segments), len(asked))
        numbers, df, peaks = np.empty(shape, np.int64), np.empty(shape, np.int64), np.empty(shape)
        for place, (_, segment) in enumerate(self.segments):
            held = segment.postings
            kernels.look_up(hashes, held.terms, held.starts, held.peaks, numbers[place], df[place], peaks[place])
            if segment.live is not None:
                df[place] = segment.df(numbers[place])
        weighed = self.weigh(np.fromiter(asked.values(), np.int64, len(asked)), df.sum(axis=0))
        if len(weighed.order) and weighed.weights.min() <= 0:
            return super().match_hashes(asked)
        order = weighed.order  # taken, not indexed: the loops are compiled for rows that lie in one piece
        return CompiledMatches(self, numbers.take(order, axis=1), peaks.take(order, axis=1), weighed)

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
        self, search: CompiledBm25Search, numbers: NDArray[np.int64], peaks: Floats, weighed: Weighed
    ) -> None:
        """numbers and peaks: of the weighed terms in each segment, [segments, terms]."""
        self._search = search
        self._numbers = numbers
        self._peaks = peaks
        self._weights = weighed.weights
        self._importance = weighed.importance
        self.known_idf = float(weighed.importance.sum())
        self.asked_idf = weighed.asked_idf
        self.ceiling = weighed.ceiling

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that hold a term and are allowed (None: all), and their scores; ties by row."""
        segments = self._search.segments
        k = min(k, self._search.row_count)
        if k < 1 or not len(self._weights):
            return np.empty(0, np.int64), np.empty(0)
        scores, rows, size = np.empty(k), np.empty(k, np.int64), 0
        with self._search.room() as room:
            # The largest first: what it finds lets others stop early.
            for place in sorted(range(len(segments)), key=lambda i: -segments[i][1].postings.row_count):
                base, segment = segments[place]
                held = segment.postings
                # A longer mean than the peaks were computed at raises a saturation by the ratio of the two at most.
                longer = max(1.0, self._search.statistics.mean_length / segment.mean_length)
                bounds = self._weights * np.minimum(self._peaks[place] * longer, 1.0)
                size = kernels.search_segment(
                    self._numbers[place],
                    held.starts,
                    held.rows,
                    held.frequencies,
                    held.frequent,
                    held.by_row,
                    held.lengths,
                    self._search.norms,
                    self._weights,
                    np.append(np.cumsum(bounds[::-1])[::-1], 0.0),
                    EVERY_ROW if allowed is None else allowed[base : base + held.row_count],
                    base,
                    room.scores,
                    room.met,
                    scores,
                    rows,
                    size,
                )
        best = np.lexsort((rows[:size], -scores[:size]))
        return rows[best], scores[best]

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the question's idf that they cover."""
        frequencies = np.zeros((len(self._weights), len(rows)), np.uint32)
        for place, (base, segment) in enumerate(self._search.segments):
            held = segment.postings
            start, end = np.searchsorted(rows, (base, base + held.row_count)).tolist()
            if start < end:
                kernels.frequencies_of(
                    self._numbers[place],
                    held.starts,
                    held.rows,
                    held.frequencies,
                    rows[start:end] - base,
                    frequencies[:, start:end],
                )
        # Sums along the first axis are taken in the order of the terms, so that equal passages tie.
        scores: Floats = (self._weights[:, None] * self._search.saturation(rows, frequencies)).sum(axis=0)
        covered: Floats = (self._importance[:, None] * (frequencies > 0)).sum(axis=0)
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
