"""What a lexical search returns, and what every lexical engine promises."""

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


@dataclass(frozen=True, slots=True)
class Matches:
    """What every row has to do with a question.

    rows: int64 [M], the rows that hold any of its terms, ascending, dead ones among them; scores: their BM25
    scores; covered: the idf of the question's terms that each holds. asked_idf and known_idf: the idf of all its
    terms, and of those that some live row holds (Lucene's idf, each term once). ceiling: the score that no
    passage can exceed.
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


class LexicalSearch(Protocol):
    """One state of the lexical index; safe to use from several threads."""

    def match(self, terms: Sequence[str]) -> Matches:
        """Score every row against a question's terms; a term asked twice counts twice."""
