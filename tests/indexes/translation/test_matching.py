"""Which rows speak of which concepts: both engines against the definition, on rows and concepts of any kind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.lexical.bm25 import Floats, lucene_idf
from indexes.lexical.live import LivePostings
from indexes.lexical.postings import Postings
from indexes.loops import LOOPS
from indexes.translation import kernels
from indexes.translation.compiled import CompiledConceptMatches
from indexes.translation.flat import Concepts
from indexes.translation.matching import ConceptMatches, fastest, match_concepts
from indexes.translation.summing import SummedConceptMatches

Texts = list[set[int]]
Alternatives = list[list[list[int]]]
ENGINES: list[type[ConceptMatches]] = [CompiledConceptMatches, SummedConceptMatches]
terms = st.integers(1, 9)
texts = st.lists(st.sets(terms, max_size=6), min_size=1, max_size=30)
# Terms 10 and 11 are in no text.
meanings = st.lists(
    st.lists(st.lists(st.integers(1, 11), min_size=1, max_size=3, unique=True), max_size=5), min_size=1, max_size=6
)


def concepts_of(alternatives: Alternatives) -> Concepts:
    return Concepts.of([[np.array(each, np.uint64) for each in concept] for concept in alternatives])


def scores_of(held: Texts, live: list[bool], alternatives: Alternatives) -> tuple[Floats, float]:
    """Return every row's score by the definition, and what all concepts are worth together."""
    living = [text for text, lives in zip(held, live, strict=True) if lives]
    df = {term: sum(term in text for text in living) for term in range(1, 12)}
    holding = [
        min(len(living), sum(min(df[term] for term in each) for each in concept)) for concept in alternatives
    ]
    worth = lucene_idf(np.array(holding, np.int64), len(living))
    spoken = [[any(set(each) <= text for each in concept) for concept in alternatives] for text in held]
    return np.array(spoken, np.bool_) @ worth, float(worth.sum())


def segments_of(held: Texts, live: list[bool], cuts: list[int]) -> list[tuple[int, LivePostings]]:
    borders = sorted({0, len(held), *(min(cut, len(held)) for cut in cuts)})
    parts = []
    for start, end in pairwise(borders):
        postings = Postings.of_bags([dict.fromkeys(text, 1) for text in held[start:end]])
        mask = np.array(live[start:end])
        parts.append((start, LivePostings(postings, None if mask.all() else mask)))
    return parts


@given(texts, meanings, st.lists(st.integers(0, 30), max_size=3), st.data())
def test_scores_are_those_of_the_definition_whatever_the_segments(
    held: Texts, alternatives: Alternatives, cuts: list[int], data: st.DataObject
) -> None:
    live = data.draw(st.lists(st.booleans(), min_size=len(held), max_size=len(held)))
    scores, asked = scores_of(held, live, alternatives)
    for engine in ENGINES:
        matches = match_concepts(concepts_of(alternatives), segments_of(held, live, cuts), engine)
        found, shares = matches.of_rows(np.arange(len(held)))
        assert found == pytest.approx(scores)
        assert shares == pytest.approx(scores / asked)
        assert matches.ceiling == matches.asked_idf == pytest.approx(asked)
        spoken_of = np.flatnonzero(found * np.array(live))
        best = spoken_of[np.lexsort((spoken_of, -found[spoken_of]))]
        for k in (1, 3, len(held)):
            rows, of_best = matches.top(k, np.array(live))
            assert rows.tolist() == best[:k].tolist()
            assert of_best.tolist() == found[best[:k]].tolist()
        every, _ = matches.top(len(held), None)
        assert sorted(every.tolist()) == np.flatnonzero(scores).tolist()


def test_a_concept_of_which_nothing_can_speak_is_asked_and_not_known() -> None:
    held: Texts = [{1}, {1, 2}, {3}, {4}]
    matches = match_concepts(concepts_of([[[1], [2]], [[10]], [[2, 10], [3]]]), segments_of(held, [True] * 4, []))
    # The first: two rows with 1 and one with 2, by estimate three of four; the last: one row with 3.
    first, nothing, last = lucene_idf(np.array([3, 0, 1]), 4).tolist()
    assert matches.asked_idf == pytest.approx(first + nothing + last)
    assert matches.known_idf == pytest.approx(first + last)
    assert matches.of_rows(np.arange(4))[0] == pytest.approx([first, first, last, 0.0])


@pytest.mark.parametrize("k", [1, 50, 1000])
def test_rows_beyond_one_window_are_found(k: int) -> None:
    generator = np.random.default_rng(5)
    count = 3 * kernels.WINDOW + 5
    # Terms in 1 to 60 % of the rows: in each window, rows of all worths.
    shares = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6])
    held: Texts = [set(np.flatnonzero(row).tolist()) for row in generator.random((count, 8)) < shares]
    alternatives = [[[0]], [[1], [2, 4]], [[3], [1]], [[5, 6], [4]], [[6]], [[7], [6, 5]]]
    allowed = generator.random(count) < 0.7
    parts = segments_of(held, [True] * count, [kernels.WINDOW + 100])
    compiled, summing = (match_concepts(concepts_of(alternatives), parts, engine) for engine in ENGINES)
    scores, _ = compiled.of_rows(np.arange(count))
    assert scores.tolist() == summing.of_rows(np.arange(count))[0].tolist()
    for mask in (None, allowed):
        limited = scores if mask is None else scores * mask
        best = np.lexsort((np.arange(count), -limited))[:k]
        for matches in (compiled, summing):
            rows, of_best = matches.top(k, mask)
            assert rows.tolist() == best.tolist()
            assert of_best.tolist() == scores[best].tolist()


def test_compiled_loops_are_used_where_numba_is_installed() -> None:
    assert LOOPS.wait()
    assert fastest() is CompiledConceptMatches
