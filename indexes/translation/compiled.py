"""Which rows speak of which concepts, in compiled loops: what matching.py finds. Needs the extra `fast`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats
from indexes.lexical.compiled import EVERY_ROW, sample_postings
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import values_at
from indexes.translation import kernels
from indexes.translation.concepts import Concept
from indexes.translation.dictionary import Translations
from indexes.translation.kernels import MOST_CONCEPTS
from indexes.translation.matching import Numbers, Wanted, match_concepts

__all__ = ["MOST_CONCEPTS", "speaking", "warm_up"]


@dataclass(frozen=True, slots=True)
class CompiledSpeaking:
    """rows: int32, those that speak of any concept, ascending; concepts: of each, as bits."""

    rows: NDArray[np.int32]
    concepts: NDArray[np.uint64]
    df: Numbers

    def scored(self, importance: Floats) -> CompiledScores:
        """As `Speaking` has it."""
        return CompiledScores(self.rows, self.concepts, kernels.gains_of_bytes(importance))


@dataclass(frozen=True, slots=True)
class CompiledScores:
    """rows and concepts: as above; summed: what the concepts of each byte of their bits gain together."""

    rows: NDArray[np.int32]
    concepts: NDArray[np.uint64]
    summed: Floats

    def best(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """As `Scored` has it, in one pass without the scores of all rows."""
        k = min(k, len(self.rows))
        scores, rows = np.empty(k), np.empty(k, np.int64)
        if k < 1:
            return rows, scores
        limits = EVERY_ROW if allowed is None else allowed
        size = kernels.best_of(self.rows, self.concepts, self.summed, limits, scores, rows)
        order = np.lexsort((rows[:size], -scores[:size]))
        return rows[order], scores[order]

    def scores_of(self, rows: Rows) -> Floats:
        """As `Scored` has it."""
        if not len(self.rows):
            return np.zeros(len(rows))
        # A row that speaks of nothing has no bits, which sum up to nothing.
        scores: Floats = kernels.add_up(values_at(self.rows, self.concepts, rows), self.summed)
        return scores


def speaking(wanted: Wanted, part: LivePostings) -> CompiledSpeaking:
    """Find the rows of a segment that speak of at most MOST_CONCEPTS concepts."""
    df = np.zeros(wanted.count, np.int64)
    held = part.postings
    rows, concepts = kernels.speaking(
        wanted.numbers,
        wanted.bounds,
        wanted.of_alternative,
        held.starts,
        held.rows,
        EVERY_ROW if part.live is None else part.live,
        held.row_count,
        df,
    )
    return CompiledSpeaking(rows, concepts, df)


def warm_up() -> None:
    """Compile the loops, which takes seconds, or load them from where numba keeps them."""
    terms = [Concept(Translations.of([np.array([1], np.uint64), np.array([1, 2], np.uint64)]))]
    with sample_postings() as postings:
        for live in (None, np.array([True, False])):
            matches = match_concepts(terms, [(0, LivePostings(postings, live))])
            matches.top(1, live)
            matches.of_rows(np.arange(postings.row_count))
