"""Retrieval measures of one question; a set's figure is their mean. Grades of zero do not count as relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2


def recall_at_k(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Return the share of the relevant ids that the first k ranked ids hold, 0 to 1.

    relevant: id → grade. Raises ValueError where nothing is relevant or k < 1.
    """
    wanted = _relevant(relevant, k)
    return len(wanted.intersection(ranked[:k])) / len(wanted)


def hit_at_k(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Return 1.0 if any of the first k ranked ids is relevant, else 0.0.

    relevant: id → grade. Raises ValueError where nothing is relevant or k < 1.
    """
    return float(not _relevant(relevant, k).isdisjoint(ranked[:k]))


def ndcg_at_k(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Return the discounted cumulative gain of the first k ranked ids over that of the best order, 0 to 1.

    The gain is the grade, the discount log2(rank + 1), ranks from 1; an id counts once.
    relevant: id → grade. Raises ValueError where nothing is relevant or k < 1.
    Source: Järvelin and Kekäläinen, ACM TOIS 20(4), 2002, in the form of trec_eval's ndcg_cut.
    """
    _relevant(relevant, k)
    once = list(dict.fromkeys(ranked))[:k]
    gained = sum(max(relevant.get(id_, 0), 0) / log2(rank + 1) for rank, id_ in enumerate(once, 1))
    best = sorted(relevant.values(), reverse=True)[:k]
    return gained / sum(max(grade, 0) / log2(rank + 1) for rank, grade in enumerate(best, 1))


def _relevant(relevant: Mapping[str, int], k: int) -> set[str]:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    wanted = {id_ for id_, grade in relevant.items() if grade > 0}
    if not wanted:
        raise ValueError("nothing is relevant: leave unanswerable questions out of retrieval measures")
    return wanted
