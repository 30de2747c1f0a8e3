"""Segments of more rows than two bytes can number: built, merged, opened and searched as smaller ones are."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from indexes.lexical.blocks import BLOCK_ROWS
from indexes.lexical.bm25 import VARIANTS
from indexes.lexical.compiled import CompiledBm25Search
from indexes.lexical.live import LivePostings
from indexes.lexical.merge import merge_postings
from indexes.lexical.postings import Bag, Postings
from indexes.lexical.search import Bm25Search
from indexes.translation.compiled import CompiledConceptMatches
from indexes.translation.flat import Concepts
from indexes.translation.matching import match_concepts
from indexes.translation.summing import SummedConceptMatches

ROWS = 2 * BLOCK_ROWS + 1000
RARE = 99  # a term of one row in the first block and one in the last


@pytest.fixture(scope="module")
def bags() -> list[Bag]:
    """Rows of which some terms are in most, some in few, and some in the rows of one block alone."""
    random = np.random.default_rng(3)
    drawn = random.zipf(1.5, (ROWS, 4)) % 60
    found: list[Bag] = [Counter(row) for row in drawn.tolist()]
    for row in (7, ROWS - 1):
        found[row] = {**found[row], RARE: 2}
    for row in range(BLOCK_ROWS, BLOCK_ROWS + 50):
        found[row] = {**found[row], RARE + 1: 1}
    return found


@pytest.fixture(scope="module")
def postings(bags: list[Bag]) -> Postings:
    return Postings.of_bags(bags)


def test_each_row_and_each_term_is_where_it_was_put(bags: list[Bag], postings: Postings) -> None:
    assert postings.block_count == 3
    assert [Counter(terms) for terms in postings.bags()] == bags
    rare = int(postings.places(np.array([RARE], np.uint64))[0])
    assert postings.rows_of(rare).tolist() == [7, ROWS - 1]
    asked = np.array([6, 7, BLOCK_ROWS + 7, ROWS - 1])
    assert postings.frequencies_in(rare, asked).tolist() == [0, 2, 0, 2]


def test_a_merge_over_blocks_makes_the_postings_of_its_rows(
    bags: list[Bag], postings: Postings, tmp_path: Path
) -> None:
    cut = BLOCK_ROWS // 2
    dropped = {5, cut - 1, cut + 3, BLOCK_ROWS, ROWS - 2}
    parts, first = [], 0
    for piece in (range(cut), range(cut, ROWS)):
        kept = np.array([row not in dropped for row in piece])
        renumbered = np.where(kept, first + np.cumsum(kept) - 1, -1)
        parts.append((Postings.of_bags([bags[row] for row in piece]), renumbered))
        first += int(kept.sum())
    merge_postings(parts, first, tmp_path)
    merged = Postings.open(tmp_path)
    expected = Postings.of_bags([bag for row, bag in enumerate(bags) if row not in dropped])
    for field in fields(Postings):
        np.testing.assert_array_equal(getattr(merged, field.name), getattr(expected, field.name), field.name)


def test_rows_of_all_blocks_are_found(postings: Postings) -> None:
    random = np.random.default_rng(4)
    live = random.random(ROWS) < 0.9
    asked = {1: 1, 3: 2, 40: 1, RARE: 1, RARE + 1: 1}
    numpys, compiled = (
        engine([LivePostings(postings, live)], VARIANTS["bm25"]).match_hashes(asked)
        for engine in (Bm25Search, CompiledBm25Search)
    )
    scores, shares = numpys.of_rows(np.arange(ROWS))
    np.testing.assert_allclose(compiled.of_rows(np.arange(ROWS)), (scores, shares), rtol=1e-12)
    for allowed in (live, live & (random.random(ROWS) < 0.01)):
        held = allowed & (shares > 0)
        best = np.lexsort((np.arange(ROWS), -np.where(held, scores, -1.0)))[:100]
        for matches in (numpys, compiled):
            rows, of_best = matches.top(100, allowed)
            assert rows.tolist() == best.tolist()
            np.testing.assert_allclose(of_best, scores[best], rtol=1e-12)


def test_the_dead_of_all_blocks_are_not_counted(bags: list[Bag], postings: Postings) -> None:
    live = np.random.default_rng(5).random(ROWS) < 0.5
    part = LivePostings(postings, live)
    expected = Counter(term for bag, lives in zip(bags, live.tolist(), strict=True) if lives for term in bag)
    assert dict(zip(postings.terms.tolist(), part.all_df().tolist(), strict=True)) == {
        term: expected[term] for term in postings.terms.tolist()
    }
    assert part.df(np.arange(len(postings.terms))).tolist() == part.all_df().tolist()


def test_concepts_are_found_in_all_blocks(postings: Postings) -> None:
    alternatives = [[[RARE], [50]], [[1, 2], [RARE + 1]], [[3]]]
    concepts = Concepts.of([[np.array(each, np.uint64) for each in concept] for concept in alternatives])
    parts = [(10, LivePostings(postings))]
    compiled, summing = (
        match_concepts(concepts, parts, engine) for engine in (CompiledConceptMatches, SummedConceptMatches)
    )
    every = np.arange(10, 10 + ROWS)
    scores, _ = summing.of_rows(every)
    assert compiled.of_rows(every)[0].tolist() == scores.tolist()
    assert scores[7] > 0 < scores[ROWS - 1]
    best = np.lexsort((every, -scores))[:100]
    for matches in (compiled, summing):
        rows, of_best = matches.top(100, None)
        assert rows.tolist() == every[best].tolist()
        assert of_best.tolist() == scores[best].tolist()
