"""Which passages of the other language speak of a question's concepts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import lucene_idf
from indexes.lexical.matches import Mask, Matches, Rows
from indexes.lexical.postings import Postings
from indexes.lexical.search import nothing
from indexes.translation.concepts import Concept


def match_concepts(
    concepts: Sequence[Concept], parts: Sequence[tuple[int, Postings]], live: Mask | None
) -> Matches:
    """Score passages by the idf of the concepts that they speak of; a concept counts once, however often named.

    parts: base row and postings of each segment in the other language; live: bool [rows of all segments], None
    where every row lives. The alternatives of a concept are one term, as in Pirkola's structured queries (SIGIR
    1998): a word with many translations weighs no more than a word with one.
    """
    if not concepts or not parts:
        return nothing()
    found = [np.concatenate([base + _speaking_of(concept, part) for base, part in parts]) for concept in concepts]
    documents = sum(_living(slice(base, base + part.row_count), part.row_count, live) for base, part in parts)
    df = np.array([_living(rows, len(rows), live) for rows in found], np.int64)
    importance = lucene_idf(df, documents)
    every = np.concatenate(found)
    rows, place = np.unique(every, return_inverse=True)
    scores = np.bincount(place, np.repeat(importance, [len(each) for each in found]), len(rows))
    asked = float(importance.sum())
    return Matches(
        rows,
        scores.astype(np.float64),
        scores.astype(np.float64),
        asked_idf=asked,
        known_idf=float(importance[df > 0].sum()),
        ceiling=asked,
    )


def _speaking_of(concept: Concept, postings: Postings) -> Rows:
    """Return the rows of a segment that hold all terms of any alternative, ascending."""
    rows: list[NDArray[np.int32]] = []
    for terms in concept.alternatives:
        starts, ends = postings.slices(terms)
        lists = [postings.rows[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        common = min(lists, key=len)
        for other in lists:
            common = common if other is common else np.intersect1d(common, other, assume_unique=True)
        if len(common):
            rows.append(common)
    return np.unique(np.concatenate(rows)).astype(np.int64) if rows else np.empty(0, np.int64)


def _living(rows: Rows | slice, count: int, live: Mask | None) -> int:
    """Return how many of count rows live."""
    return count if live is None else int(np.count_nonzero(live[rows]))
