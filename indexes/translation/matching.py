"""Which passages of the other language speak of a question's concepts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import lucene_idf
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import FullMatches, Mask, Matches, Rows, nothing
from indexes.lexical.postings import Postings
from indexes.translation.concepts import Concept
from indexes.translation.dictionary import Hashes


def match_concepts(concepts: Sequence[Concept], parts: Sequence[tuple[int, LivePostings]]) -> Matches:
    """Score passages by the idf of the concepts that they speak of; a concept counts once, however often named.

    parts: base row and postings of each segment in the other language. The alternatives of a concept are one term,
    as in Pirkola's structured queries (SIGIR 1998): a word with many translations weighs no more than a word with
    one.
    """
    if not concepts or not parts:
        return nothing()
    alternatives = [terms for concept in concepts for terms in concept.alternatives]
    of_concept = np.repeat(np.arange(len(concepts)), [len(concept.alternatives) for concept in concepts])
    speaking = [_speaking(alternatives, of_concept, len(concepts), part.postings) for _, part in parts]
    df = np.sum(
        [
            [_living(rows, part.live) for rows in of_concepts]
            for (_, part), of_concepts in zip(parts, speaking, strict=True)
        ],
        axis=0,
    )
    importance = lucene_idf(df, sum(part.documents for _, part in parts))
    rows, scores = [], []
    for (base, part), of_concepts in zip(parts, speaking, strict=True):
        sums = np.zeros(part.postings.row_count)
        for each, gain in zip(of_concepts, importance.tolist(), strict=True):
            sums[each] += gain
        held = np.flatnonzero(sums)
        rows.append(held + base)
        scores.append(sums[held])
    every = np.concatenate(scores)
    asked = float(importance.sum())
    return FullMatches(
        np.concatenate(rows),
        every,
        every,
        asked_idf=asked,
        known_idf=float(importance[df > 0].sum()),
        ceiling=asked,
    )


def _speaking(
    alternatives: Sequence[Hashes], of_concept: NDArray[np.int64], count: int, postings: Postings
) -> list[Rows]:
    """Return for each of count concepts the rows that hold all terms of any of its alternatives, ascending."""
    found: list[list[Rows]] = [[] for _ in range(count)]
    sizes = [len(terms) for terms in alternatives]
    if alternatives:
        # Looked up all at once: most alternatives have a word that no passage holds.
        numbers = np.split(postings.places(np.concatenate(alternatives)), np.cumsum(sizes)[:-1])
        for concept, terms in zip(of_concept.tolist(), numbers, strict=True):
            if len(terms) and terms.min() >= 0 and len(rows := _holding_all(terms, postings)):
                found[concept].append(rows)
    return [_joined(lists, postings.row_count) for lists in found]


def _joined(lists: Sequence[Rows], row_count: int) -> Rows:
    if len(lists) <= 1:
        return lists[0] if lists else np.empty(0, np.int64)
    any_of = np.zeros(row_count, np.bool_)
    for rows in lists:
        any_of[rows] = True
    return np.flatnonzero(any_of)


def _holding_all(terms: NDArray[np.int64], postings: Postings) -> Rows:
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
