"""Which rows speak of which concepts: both engines against the definition, on rows and concepts of any kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.lexical.bm25 import lucene_idf
from indexes.lexical.live import LivePostings
from indexes.lexical.postings import Postings
from indexes.translation import kernels
from indexes.translation.concepts import Concept
from indexes.translation.dictionary import Translations
from indexes.translation.matching import Wanted, engine_for, match_concepts, speaking_by_numpy

Texts = list[set[int]]
Alternatives = list[list[list[int]]]
terms = st.integers(1, 9)
texts = st.lists(st.sets(terms, max_size=6), min_size=1, max_size=30)
# Terms 10 and 11 are in no text.
meanings = st.lists(
    st.lists(st.lists(st.integers(1, 11), min_size=1, max_size=3, unique=True), max_size=5), max_size=6
)


def concepts_of(alternatives: Alternatives) -> list[Concept]:
    return [Concept(Translations.of([np.array(each, np.uint64) for each in concept])) for concept in alternatives]


def spoken(text: set[int], alternatives: Alternatives) -> list[bool]:
    return [any(set(each) <= text for each in concept) for concept in alternatives]


def postings_of(held: Texts) -> Postings:
    return Postings.of_bags([dict.fromkeys(text, 1) for text in held])


@given(texts, meanings, st.data())
def test_rows_and_their_concepts_are_those_of_the_definition(
    held: Texts, alternatives: Alternatives, data: st.DataObject
) -> None:
    live = np.array(data.draw(st.lists(st.booleans(), min_size=len(held), max_size=len(held))))
    part = LivePostings(postings_of(held), None if live.all() else live)
    expected = np.array([spoken(text, alternatives) for text in held], np.bool_).reshape(
        len(held), len(alternatives)
    )
    gains = np.array([2.0**place for place in range(len(alternatives))])
    compiled = engine_for(len(alternatives))
    assert compiled is not speaking_by_numpy
    sums, rows = expected @ gains, np.arange(len(held))
    spoken_of = np.flatnonzero(sums * live)
    best = spoken_of[np.lexsort((spoken_of, -sums[spoken_of]))]
    for engine in (compiled, speaking_by_numpy):
        found = engine(Wanted.of(concepts_of(alternatives), part.postings), part)
        assert found.df.tolist() == expected[live].sum(axis=0).tolist()
        assert found.scored(gains).scores_of(rows).tolist() == sums.tolist()
        for k in (1, 3, len(held)):
            of_best, scores = found.scored(gains).best(k, live)
            assert (of_best.tolist(), scores.tolist()) == (best[:k].tolist(), sums[best[:k]].tolist())
        every, _ = found.scored(gains).best(len(held), None)
        assert sorted(every.tolist()) == np.flatnonzero(sums).tolist()


@given(texts, meanings.filter(bool), st.integers(0, 30))
def test_scores_do_not_depend_on_the_segments(held: Texts, alternatives: Alternatives, cut: int) -> None:
    cut = min(cut, len(held))
    pieces = [(base, piece) for base, piece in ((0, held[:cut]), (cut, held[cut:])) if piece]
    matches = match_concepts(
        concepts_of(alternatives), [(base, LivePostings(postings_of(piece))) for base, piece in pieces]
    )
    expected = np.array([spoken(text, alternatives) for text in held], np.bool_).reshape(
        len(held), len(alternatives)
    )
    idf = lucene_idf(expected.sum(axis=0), len(held))
    scores, shares = matches.of_rows(np.arange(len(held)))
    assert scores == pytest.approx(expected @ idf)
    assert shares == pytest.approx(expected @ idf / idf.sum())


def test_rows_beyond_one_window_are_found() -> None:
    count = 3 * kernels.WINDOW + 5
    held: Texts = [{1 + row % 7, 8 + row % 2} for row in range(count)]
    alternatives = [[[1, 8], [5]], [[9]], [[2, 9], [11]]]
    part = LivePostings(postings_of(held))
    wanted = Wanted.of(concepts_of(alternatives), part.postings)
    gains, rows = np.array([1.0, 2.0, 4.0]), np.arange(count)
    found, other = engine_for(3)(wanted, part).scored(gains), speaking_by_numpy(wanted, part).scored(gains)
    expected = np.array([spoken(text, alternatives) for text in held], np.bool_) @ gains
    assert found.scores_of(rows).tolist() == other.scores_of(rows).tolist() == expected.tolist()
    assert found.best(count, None)[0].tolist() == other.best(count, None)[0].tolist()
    assert found.best(50, None)[0].tolist() == np.lexsort((rows, -expected))[:50].tolist()


def test_more_concepts_than_bits_are_matched_without_compiled_loops() -> None:
    held: Texts = [{term} for term in range(1, 10)]
    alternatives = [[[1 + place % 9]] for place in range(kernels.MOST_CONCEPTS + 1)]
    assert engine_for(len(alternatives)) is speaking_by_numpy
    assert engine_for(kernels.MOST_CONCEPTS) is not speaking_by_numpy
    rows, scores = match_concepts(concepts_of(alternatives), [(0, LivePostings(postings_of(held)))]).top(9, None)
    assert rows[:2].tolist() == [0, 1], "the first two concepts come again"
    assert scores[0] > scores[-1]
