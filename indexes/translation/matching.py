"""Which passages of the other language speak of a question's concepts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexes.lexical.bm25 import Floats
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Matches, Rows, nothing
from indexes.lexical.postings import Postings
from indexes.loops import LOOPS
from indexes.translation.flat import Concepts, Hashes, Numbers


@dataclass(frozen=True, slots=True)
class Part:
    """A segment: its first row, its postings, and its numbers (-1: in no row) of the terms that are asked."""

    base: int
    postings: Postings
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is asked, what each concept is worth, and the concepts in the order in which they add up: by worth."""

    asked: Concepts
    worth: Floats
    order: Numbers

    @classmethod
    def of(cls, asked: Concepts, worth: Floats) -> Weighed:
        """Put them in order."""
        return cls(asked, worth, np.argsort(-worth, kind="stable"))


class ConceptMatches(ABC):
    """What the rows of all segments in the other language have to do with a question's concepts: a `Matches`.

    The ceiling is the score of a passage that speaks of every concept.
    """

    def __init__(self, parts: Sequence[Part], weighed: Weighed, known_idf: float) -> None:
        self.parts = parts
        self.weighed = weighed
        self.known_idf = known_idf
        self.asked_idf = self.ceiling = float(weighed.worth.sum())

    @staticmethod
    @abstractmethod
    def find(hashes: Hashes, parts: Sequence[tuple[int, LivePostings]]) -> tuple[Numbers, Numbers]:
        """Return the numbers of terms in each part (-1: in no row), and how many live rows of all hold each."""

    @abstractmethod
    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that speak of a concept and are allowed, and their scores; ties by row."""

    @abstractmethod
    def scores_in(self, place: int, rows: Rows) -> Floats:
        """Return the scores of rows (ascending) of the segment at a place among the parts."""

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the concepts' idf that they speak of."""
        scores = np.zeros(len(rows))
        for place, part in enumerate(self.parts):
            start, end = np.searchsorted(rows, (part.base, part.base + part.postings.row_count)).tolist()
            if start < end:
                scores[start:end] = self.scores_in(place, rows[start:end] - part.base)
        return scores, scores / self.asked_idf


def match_concepts(
    concepts: Concepts, parts: Sequence[tuple[int, LivePostings]], engine: type[ConceptMatches] | None = None
) -> Matches:
    """Score passages by the idf of the concepts that they speak of; a concept counts once, however often named.

    parts: base row and postings of each segment in the other language; engine: the fastest there is if None. The
    alternatives of a concept are one term, as in Pirkola's structured queries (SIGIR 1998): a word with many
    translations weighs no more than a word with one.
    """
    if not len(concepts) or not parts:
        return nothing()
    chosen = engine or fastest()
    numbers, df = chosen.find(concepts.hashes, parts)
    worth, known = concepts.worth(df, sum(part.documents for _, part in parts))
    return chosen(
        [Part(base, part.postings, own) for own, (base, part) in zip(numbers, parts, strict=True)],
        Weighed.of(concepts, worth),
        float(known.sum()),
    )


def fastest() -> type[ConceptMatches]:
    """Return the compiled loops if they are loaded, else what numpy does."""
    if LOOPS.want():
        from indexes.translation.compiled import CompiledConceptMatches  # noqa: PLC0415 - only where numba is

        return CompiledConceptMatches
    from indexes.translation.summing import SummedConceptMatches  # noqa: PLC0415 - it imports this module

    return SummedConceptMatches
