from math import log2

import pytest

from evals.metrics import hit_at_k, ndcg_at_k, recall_at_k


def test_recall_counts_the_relevant_found() -> None:
    relevant = {"a": 1, "b": 2, "c": 0}
    assert recall_at_k(["x", "a", "c", "b"], relevant, 2) == 0.5
    assert recall_at_k(["x", "a", "c", "b"], relevant, 4) == 1.0
    assert hit_at_k(["x", "a"], relevant, 1) == 0.0
    assert hit_at_k(["x", "a"], relevant, 2) == 1.0


def test_ndcg_is_one_for_the_best_order_and_falls_with_rank() -> None:
    relevant = {"a": 2, "b": 1}
    assert ndcg_at_k(["a", "b", "x"], relevant, 10) == pytest.approx(1)
    assert ndcg_at_k(["x", "b"], relevant, 10) == pytest.approx((1 / log2(3)) / (2 + 1 / log2(3)))
    assert ndcg_at_k(["x", "y"], relevant, 10) == 0


def test_ndcg_of_more_relevant_ids_than_places_can_still_be_one() -> None:
    assert ndcg_at_k(["a", "b"], dict.fromkeys("abcd", 1), 2) == pytest.approx(1)


def test_a_repeated_id_gains_nothing() -> None:
    assert ndcg_at_k(["a", "a", "a"], {"a": 1, "b": 1}, 10) == ndcg_at_k(["a"], {"a": 1, "b": 1}, 10)


@pytest.mark.parametrize("measure", [recall_at_k, hit_at_k, ndcg_at_k])
def test_unanswerable_questions_are_refused_rather_than_counted(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(ValueError, match="nothing is relevant"):
        measure(["a"], {"a": 0}, 5)
    with pytest.raises(ValueError, match="at least 1"):
        measure(["a"], {"a": 1}, 0)
