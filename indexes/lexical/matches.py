"""What a lexical search returns, and what every lexical engine promises.

A row's number is its segment's base (the rows of the segments before it) plus its row in the segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats
from indexes.top import top_places

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Matches(Protocol):
    """What the rows have to do with one question.

    asked_idf and known_idf: the idf of all its terms, and of those that some live row holds (Lucene's idf, each
    term once). ceiling: the score that no passage can exceed.
    """

    @property
    def asked_idf(self) -> float: ...  # noqa: D102

    @property
    def known_idf(self) -> float: ...  # noqa: D102

    @property
    def ceiling(self) -> float: ...  # noqa: D102

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that hold a term and are allowed (None: all), and their scores; ties by row."""

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the question's idf that they cover."""


@dataclass(frozen=True, slots=True)
class FullMatches:
    """Matches of which every score is known.

    rows: int64 [M], the rows that hold any of the terms, ascending, dead ones among them; scores and covered (the
    idf of the terms that each holds): float64 [M].
    """

    rows: Rows
    scores: Floats
    covered: Floats
    asked_idf: float
    known_idf: float
    ceiling: float

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best allowed rows and their scores, best first; equal scores by row."""
        rows, scores = self.rows, self.scores
        if allowed is not None:
            kept = allowed[rows]
            rows, scores = rows[kept], scores[kept]
        best = top_places(scores, k)
        return rows[best], scores[best]

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows and the shares of the question's idf that they cover, zero where none."""
        if not len(self.rows):
            return np.zeros(len(rows)), np.zeros(len(rows))
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        found = self.rows[places] == rows
        shares = self.covered[places] / self.asked_idf
        return np.where(found, self.scores[places], 0.0), np.where(found, shares, 0.0)


def nothing() -> FullMatches:
    """Return the matches of a question without terms, or of an empty index."""
    return FullMatches(np.empty(0, np.int64), np.empty(0), np.empty(0), asked_idf=0.0, known_idf=0.0, ceiling=0.0)


class LexicalSearch(Protocol):
    """One state of the lexical index; safe to use from several threads."""

    def match(self, terms: Sequence[str]) -> Matches:
        """Look a question's terms up; a term asked twice counts twice."""
