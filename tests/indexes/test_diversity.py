from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.diversity import maximal_marginal_relevance


def unit(rows: list[list[float]]) -> np.ndarray:
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


TWINS_AND_ANOTHER = unit([[1, 0], [1, 0.01], [0, 1]])


def test_twin_of_the_first_gives_way_to_something_else() -> None:
    relevance = np.array([1.0, 0.9, 0.5])
    assert maximal_marginal_relevance(relevance, TWINS_AND_ANOTHER, 3, 0.5).tolist() == [0, 2, 1]
    assert maximal_marginal_relevance(relevance, TWINS_AND_ANOTHER, 3, 1).tolist() == [0, 1, 2]
    assert maximal_marginal_relevance(relevance, TWINS_AND_ANOTHER, 2, 0).tolist() == [0, 2]


@st.composite
def passages(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 12))
    relevance = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    vectors = np.random.default_rng(draw(st.integers(0, 2**32))).normal(size=(count, 4)).astype(np.float32)
    return np.array(relevance), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(passages(), st.integers(0, 15), st.floats(0, 1))
def test_each_choice_adds_most_to_those_before_it(
    given_passages: tuple[np.ndarray, np.ndarray], k: int, balance: float
) -> None:
    relevance, vectors = given_passages
    chosen = maximal_marginal_relevance(relevance, vectors, k, balance).tolist()
    assert len(chosen) == len(set(chosen)) == min(k, len(relevance))
    cosines = vectors @ vectors.T
    for place in range(1, len(chosen)):
        before, rest = chosen[:place], [i for i in range(len(relevance)) if i not in chosen[:place]]
        gains = {i: balance * relevance[i] - (1 - balance) * max(cosines[i, j] for j in before) for i in rest}
        assert gains[chosen[place]] == pytest.approx(max(gains.values()), abs=1e-6)


def test_balance_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        maximal_marginal_relevance(np.ones(1), unit([[1, 0]]), 1, 1.5)
