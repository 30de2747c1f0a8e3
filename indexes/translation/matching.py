"""Which passages of the other language speak of a question's concepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats, lucene_idf
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Matches, Rows, nothing
from indexes.lexical.postings import Postings
from indexes.top import top_places
from indexes.translation.concepts import Concept
from indexes.translation.dictionary import NONE

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The alternatives of count concepts in a segment's numbers.

    Alternative a speaks of concept of_alternative[a] where a row holds the terms of
    numbers[bounds[a] : bounds[a + 1]]. A term of number -1 is in no row.
    """

    count: int
    of_alternative: Numbers
    bounds: Numbers
    numbers: Numbers

    @classmethod
    def of(cls, concepts: Sequence[Concept], postings: Postings) -> Wanted:
        """Look all terms up at once: most alternatives have a word that no passage holds."""
        alternatives = [NONE, *(concept.alternatives for concept in concepts)]
        sizes = np.concatenate([each.sizes for each in alternatives])
        return cls(
            count=len(concepts),
            of_alternative=np.repeat(np.arange(-1, len(concepts)), [len(each) for each in alternatives]),
            bounds=np.append(0, np.cumsum(sizes)),
            numbers=postings.places(np.concatenate([each.terms for each in alternatives])),
        )


class Scored(Protocol):
    """The rows of a segment that speak of concepts, when it is known what each concept is worth."""

    def best(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best allowed rows that speak of any, best first, and what their concepts sum up to."""

    def scores_of(self, rows: Rows) -> Floats:
        """Return what the concepts of rows (ascending) sum up to."""


class Speaking(Protocol):
    """The rows of a segment that speak of concepts."""

    @property
    def df(self) -> Numbers:
        """How many live rows speak of each concept."""

    def scored(self, importance: Floats) -> Scored:
        """Score them by what each concept is worth."""


Engine = Callable[[Wanted, LivePostings], Speaking]


@dataclass(frozen=True, slots=True)
class ConceptMatches:
    """What the rows of all segments in the other language have to do with a question's concepts."""

    parts: Sequence[tuple[int, int, Scored]]  # first row, rows, and which of them speak
    asked_idf: float
    known_idf: float

    @property
    def ceiling(self) -> float:
        """The score of a passage that speaks of every concept."""
        return self.asked_idf

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """Return the k best rows that speak of a concept and are allowed, and their scores; ties by row."""
        found = [
            (part.best(k, None if allowed is None else allowed[base : base + count]), base)
            for base, count, part in self.parts
        ]
        rows = np.concatenate([rows + base for (rows, _), base in found])
        scores = np.concatenate([scores for (_, scores), _ in found])
        best = top_places(scores, k)
        return rows[best], scores[best]

    def of_rows(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return the scores of rows (ascending) and the shares of the concepts' idf that they speak of."""
        scores = np.zeros(len(rows))
        for base, count, part in self.parts:
            start, end = np.searchsorted(rows, (base, base + count)).tolist()
            if start < end:
                scores[start:end] = part.scores_of(rows[start:end] - base)
        return scores, scores / self.asked_idf


def match_concepts(concepts: Sequence[Concept], parts: Sequence[tuple[int, LivePostings]]) -> Matches:
    """Score passages by the idf of the concepts that they speak of; a concept counts once, however often named.

    parts: base row and postings of each segment in the other language. The alternatives of a concept are one term,
    as in Pirkola's structured queries (SIGIR 1998): a word with many translations weighs no more than a word with
    one.
    """
    if not concepts or not parts:
        return nothing()
    speaking = engine_for(len(concepts))
    found = [speaking(Wanted.of(concepts, part.postings), part) for _, part in parts]
    df = np.sum([each.df for each in found], axis=0)
    importance = lucene_idf(df, sum(part.documents for _, part in parts))
    return ConceptMatches(
        [
            (base, part.postings.row_count, each.scored(importance))
            for (base, part), each in zip(parts, found, strict=True)
        ],
        asked_idf=float(importance.sum()),
        known_idf=float(importance[df > 0].sum()),
    )


def engine_for(count: int) -> Engine:
    """Return what finds the rows that speak of so many concepts: compiled loops where numba is, else numpy."""
    most, compiled = _compiled()
    return compiled if count <= most else speaking_by_numpy


@cache
def _compiled() -> tuple[int, Engine]:
    try:
        from indexes.translation import compiled  # noqa: PLC0415 - its absence is handled here
    except ImportError:
        return 0, speaking_by_numpy
    return compiled.MOST_CONCEPTS, compiled.speaking


def warm_up() -> None:
    """Do what the first search would wait for."""
    if _compiled()[0]:
        from indexes.translation import compiled  # noqa: PLC0415 - as above

        compiled.warm_up()


@dataclass(frozen=True, slots=True)
class RowsOfConcepts:
    """The rows that speak of each concept, ascending, as numpy finds them."""

    of_concepts: Sequence[Rows]
    row_count: int
    df: Numbers

    def scored(self, importance: Floats) -> SummedRows:
        """As `Speaking` has it."""
        sums = np.zeros(self.row_count)
        for rows, gain in zip(self.of_concepts, importance.tolist(), strict=True):
            sums[rows] += gain
        return SummedRows(sums)


@dataclass(frozen=True, slots=True)
class SummedRows:
    """sums: float64 [rows], what the concepts of every row sum up to."""

    sums: Floats

    def best(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:
        """As `Scored` has it."""
        rows = np.flatnonzero(self.sums if allowed is None else self.sums * allowed)
        best = rows[top_places(self.sums[rows], k)]
        return best, self.sums[best]

    def scores_of(self, rows: Rows) -> Floats:
        """As `Scored` has it."""
        return self.sums[rows]


def speaking_by_numpy(wanted: Wanted, part: LivePostings) -> RowsOfConcepts:
    """Find the rows of a segment that speak of concepts, one alternative after the other."""
    postings = part.postings
    found: list[list[Rows]] = [[] for _ in range(wanted.count)]
    if len(wanted.of_alternative):
        least = np.minimum.reduceat(wanted.numbers, wanted.bounds[:-1])
        for place in np.flatnonzero(least >= 0).tolist():
            terms = wanted.numbers[wanted.bounds[place] : wanted.bounds[place + 1]]
            found[int(wanted.of_alternative[place])].append(_holding_all(terms, postings))
    of_concepts = [_joined(lists, postings.row_count) for lists in found]
    df = np.array([_living(rows, part.live) for rows in of_concepts], np.int64)
    return RowsOfConcepts(of_concepts, postings.row_count, df)


def _joined(lists: Sequence[Rows], row_count: int) -> Rows:
    if len(lists) <= 1:
        return lists[0] if lists else np.empty(0, np.int64)
    any_of = np.zeros(row_count, np.bool_)
    for rows in lists:
        any_of[rows] = True
    return np.flatnonzero(any_of)


def _holding_all(terms: Numbers, postings: Postings) -> Rows:
    """Return the rows that hold the terms of all these numbers."""
    if len(terms) == 1:
        return postings.rows_of(int(terms[0])).astype(np.int64)
    counts = postings.starts[terms + 1] - postings.starts[terms]
    rarest, *others = terms[np.argsort(counts, kind="stable")].tolist()
    rows = postings.rows_of(rarest).astype(np.int64)
    for term in others:
        rows = rows[postings.frequencies_in(term, rows) > 0]
    return rows


def _living(rows: Rows, live: Mask | None) -> int:
    return len(rows) if live is None else int(np.count_nonzero(live[rows]))
