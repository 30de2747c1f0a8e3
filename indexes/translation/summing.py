"""Scores every row that speaks of a concept, in numpy, one alternative after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from indexes.lexical.bm25 import Floats
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import Postings
from indexes.top import top_places
from indexes.translation.flat import Hashes, Numbers
from indexes.translation.matching import ConceptMatches, Part, Weighed


class SummedConceptMatches(ConceptMatches):
    """Keeps the score of every row from the first time that any is asked for."""

    @staticmethod
    def find(hashes: Hashes, parts: Sequence[tuple[int, LivePostings]]) -> tuple[Numbers, Numbers]:  # noqa: D102 - see ConceptMatches
        distinct, place = np.unique(hashes, return_inverse=True)  # ascending, which are found faster
        numbers = [part.postings.places(distinct) for _, part in parts]
        df: Numbers = np.sum([part.df(own) for own, (_, part) in zip(numbers, parts, strict=True)], axis=0)
        return np.stack(numbers)[:, place], df[place]

    def top(self, k: int, allowed: Mask | None) -> tuple[Rows, Floats]:  # noqa: D102 - see ConceptMatches
        every_row, every_score = [], []
        for part, sums in zip(self.parts, self._sums, strict=True):
            scores = sums if allowed is None else sums * allowed[part.base : part.base + len(sums)]
            rows = np.flatnonzero(scores)
            every_row.append(rows + part.base)
            every_score.append(scores[rows])
        rows, scores = np.concatenate(every_row), np.concatenate(every_score)
        best = top_places(scores, k)
        return rows[best], scores[best]

    def scores_in(self, place: int, rows: Rows) -> Floats:  # noqa: D102 - see ConceptMatches
        return self._sums[place][rows]

    @cached_property
    def _sums(self) -> list[Floats]:
        return [_scores(part, self.weighed) for part in self.parts]


def _scores(part: Part, weighed: Weighed) -> Floats:
    """Return the score of every row of a segment."""
    scores = np.zeros(part.postings.row_count)
    asked = weighed.asked
    for concept in weighed.order.tolist():
        speaks = np.zeros(len(scores), np.bool_)
        for start, end in pairwise(asked.bounds[asked.first[concept] : asked.first[concept + 1] + 1].tolist()):
            terms = part.numbers[start:end]
            if (terms >= 0).all():
                speaks[_holding_all(terms, part.postings)] = True
        scores[speaks] += weighed.worth[concept]
    return scores


def _holding_all(terms: Numbers, postings: Postings) -> Rows:
    """Return the rows that hold the terms of all these numbers."""
    rarest, *others = terms[np.argsort(postings.counts(terms), kind="stable")].tolist()
    rows = postings.rows_of(rarest)
    for term in others:
        rows = rows[postings.frequencies_in(term, rows) > 0]
    return rows
