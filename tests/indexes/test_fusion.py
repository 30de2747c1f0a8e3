import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.fusion import (
    Weights,
    adaptive_fusion,
    min_max,
    reciprocal_rank_fusion,
    shares_of_ceiling,
    weighted_sum,
    z_scores,
)

rankings = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=15), min_size=1, max_size=3)


@given(rankings, st.floats(1, 100))
def test_reciprocal_ranks_are_summed(lists: list[list[int]], k: float) -> None:
    fused = reciprocal_rank_fusion([np.array(each, np.int64) for each in lists], k)
    expected = {
        id_: sum(1 / (k + each.index(id_) + 1) for each in lists if id_ in each) for each in lists for id_ in each
    }
    assert dict(zip(fused.ids.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(expected)
    assert sorted(fused.scores, reverse=True) == fused.scores.tolist()


def test_equal_reciprocal_ranks_keep_the_order_of_the_first_list() -> None:
    fused = reciprocal_rank_fusion([np.array([7, 3]), np.array([3, 7])])
    assert fused.ids.tolist() == [7, 3]


def test_a_list_without_weight_is_silent() -> None:
    fused = reciprocal_rank_fusion([np.array([1, 2]), np.array([2, 1])], weights=[0, 1])
    assert fused.ids.tolist() == [2, 1]


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="k must be positive"):
        reciprocal_rank_fusion([np.array([1])], k=0)
    with pytest.raises(ValueError, match="weights"):
        Weights(0, 0)
    with pytest.raises(ValueError, match="weights"):
        Weights(-1, 2)


def test_weights_need_not_sum_to_one() -> None:
    ids = np.array([4, 5])
    scores = [np.array([1.0, 0.0]), np.array([0.0, 0.5])]
    assert weighted_sum(ids, scores, [2, 2]).scores.tolist() == [0.5, 0.25]


def test_a_question_that_the_vocabulary_does_not_know_is_decided_by_meaning() -> None:
    """Equal ranks would let a chance match of one word beat the passage that means the same."""
    ids = np.array([10, 20])
    by_chance, by_meaning = np.array([0.04, 0.0]), np.array([1.0, 4.5])
    fused = adaptive_fusion(ids, by_chance, np.zeros(2), by_meaning, np.zeros(2, bool), Weights())
    assert fused.ids.tolist() == [20, 10]


def test_a_passage_with_every_rare_word_beats_one_that_only_means_alike() -> None:
    ids = np.array([10, 20])
    fused = adaptive_fusion(
        ids, np.array([0.7, 0.1]), np.zeros(2), np.array([3.0, 4.5]), np.zeros(2, bool), Weights()
    )
    assert fused.ids.tolist() == [10, 20]


def test_a_passage_in_another_language_is_not_marked_down_for_its_words() -> None:
    ids, untranslated = np.array([10, 20]), np.zeros(2)
    shares, deviations = np.array([0.4, 0.0]), np.array([3.0, 4.5])
    native = adaptive_fusion(ids, shares, untranslated, deviations, np.array([False, False]), Weights())
    foreign = adaptive_fusion(ids, shares, untranslated, deviations, np.array([False, True]), Weights())
    assert native.ids.tolist() == [10, 20]
    assert foreign.ids.tolist() == [20, 10]


def test_translated_words_decide_between_passages_of_the_other_language() -> None:
    ids, abroad = np.array([10, 20]), np.array([True, True])
    fused = adaptive_fusion(ids, np.zeros(2), np.array([0.1, 0.9]), np.array([3.2, 3.0]), abroad, Weights())
    assert fused.ids.tolist() == [20, 10]


def test_shares_stay_between_nothing_and_everything() -> None:
    covered = np.array([0.1, 0.9])
    assert shares_of_ceiling(np.array([3.0, 0.5]), covered, 2.0).tolist() == [1.0, 0.25]
    assert shares_of_ceiling(np.array([-1.0, -0.5]), covered, -2.0).tolist() == covered.tolist()


levels = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30).map(np.array)


@given(levels, st.floats(0.1, 100), st.floats(-1e3, 1e3))
def test_normalised_scores_keep_their_order_and_forget_their_scale(
    scores: np.ndarray, unit: float, zero: float
) -> None:
    for normalise in (min_max, z_scores):
        scaled = normalise(scores)
        order = np.argsort(scores, kind="stable")
        assert (np.diff(scaled[order]) >= 0).all()
        if np.ptp(scores) > 1e-3:
            np.testing.assert_allclose(normalise(scores * unit + zero), scaled, atol=1e-5)


@given(levels)
def test_min_max_reaches_from_nothing_to_everything(scores: np.ndarray) -> None:
    scaled = min_max(scores)
    assert scaled.min() == 0
    if np.ptp(scores) > 1e-3:
        assert scaled.max() == 1


@given(levels)
def test_z_scores_have_no_mean_and_deviate_by_one(scores: np.ndarray) -> None:
    scaled = z_scores(scores)
    if np.ptp(scores) > 1e-3:
        assert scaled.mean() == pytest.approx(0, abs=1e-6)
        assert scaled.std() == pytest.approx(1)


def test_scores_that_do_not_differ_decide_nothing() -> None:
    for normalise in (min_max, z_scores):
        assert normalise(np.full(3, 0.1)).tolist() == [0, 0, 0]
        assert normalise(np.empty(0)).tolist() == []
