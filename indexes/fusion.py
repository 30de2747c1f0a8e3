"""Turns two lists into one. Pure functions over arrays; ranks count from 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from indexes.top import top_places

Scores = NDArray[np.float64]
FusionMethod = Literal["adaptive", "rrf", "weighted"]
Normalisation = Literal["min-max", "z-score"]

# Ten deviations above the background are as good as a passage that holds every word of the question. Real best
# hits reach about half of either. Any ratio from 0.8 to 1.2 gives the same figures (docs/decisions/fusion.md).
DENSE_UNIT = 10.0
# One translated concept is worth less than a word: it is found by any of its translations, wrong ones included.
TRANSLATED_UNIT = 0.6
# Small shares are chance and count less than in proportion; a share of this size, as real best hits have, counts as
# it is. Exponents from 1 to 2 gave the same figures on questions with words in common with their passages.
USUAL_SHARE = 0.4
# Passages in other languages are taken to hold as much of the question as the mean of so many best hits.
_EXPECTED_OF_BEST = 10
_LEAST_SPREAD = 1e-9


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ids with their scores, best first."""

    ids: NDArray[np.int64]
    scores: Scores


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each list counts; only the ratio matters."""

    lexical: float = 1.0
    dense: float = 1.0

    def __post_init__(self) -> None:
        if min(self.lexical, self.dense) < 0 or self.lexical + self.dense <= 0:
            raise ValueError(f"weights must not be negative, nor both zero: {self}")


@dataclass(frozen=True, slots=True)
class Fusion:
    """How two lists become one. weights count for every method, normalisation for weighted, rrf_k for rrf."""

    method: FusionMethod = "adaptive"
    weights: Weights = Weights()
    normalisation: Normalisation = "min-max"
    rrf_k: float = 60.0


def reciprocal_rank_fusion(
    rankings: Sequence[NDArray[np.int64]], k: float = 60.0, weights: Sequence[float] | None = None
) -> Ranking:
    """Fuse rankings by the sum of weight / (k + rank), ranks from 1.

    rankings: one array of distinct ids for each list, best first; weights: one for each list, 1 if None. Equal
    scores keep the order of the first list that holds them. Raises ValueError if k <= 0.
    Source: Cormack, Clarke and Büttcher, SIGIR 2009.
    """
    if k <= 0:
        raise ValueError(f"k must be positive, not {k}")
    factors = [1.0] * len(rankings) if weights is None else weights
    gathered: dict[int, float] = {}
    for ranking, weight in zip(rankings, factors, strict=True):
        for rank, id_ in enumerate(ranking.tolist(), 1):
            gathered[id_] = gathered.get(id_, 0.0) + weight / (k + rank)
    ids = np.fromiter(gathered, np.int64, len(gathered))
    scores = np.fromiter(gathered.values(), np.float64, len(gathered))
    best = top_places(scores, len(scores))
    return Ranking(ids[best], scores[best])


def min_max(scores: Scores) -> Scores:
    """Return scores on a scale from 0, the lowest, to 1, the highest; all 0 where they are all the same.

    Source: Bruch, Gai and Ingber, ACM TOIS 2023, section 3 (as z_scores).
    """
    return _scaled(scores - scores.min(), float(np.ptp(scores))) if len(scores) else scores


def z_scores(scores: Scores) -> Scores:
    """Return how many standard deviations scores lie above their mean; all 0 where they are all the same."""
    return _scaled(scores - scores.mean(), float(scores.std())) if len(scores) else scores


def normalised(scores: Scores, normalisation: Normalisation) -> Scores:
    """Bring one list's scores on a scale that the other's can be added to."""
    return z_scores(scores) if normalisation == "z-score" else min_max(scores)


def _scaled(scores: Scores, unit: float) -> Scores:
    # Scores that differ by rounding alone say nothing, and dividing by next to nothing overflows.
    return scores / unit if unit > _LEAST_SPREAD else np.zeros(len(scores))


def weighted_sum(ids: NDArray[np.int64], scores: Sequence[Scores], weights: Sequence[float]) -> Ranking:
    """Fuse by a convex combination: every id's scores, on comparable scales, weighted and added.

    scores: one array as long as ids for each list; the weights are scaled to a sum of 1. Equal scores keep
    the order of ids.
    Source: Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023.
    """
    total = sum(weights)
    fused = np.sum([weight / total * each for weight, each in zip(weights, scores, strict=True)], axis=0)
    best = top_places(fused, len(ids))
    return Ranking(ids[best], fused[best])


def adaptive_fusion(
    ids: NDArray[np.int64],
    lexical_shares: Scores,
    translated_shares: Scores,
    deviations: Scores,
    foreign: NDArray[np.bool_],
    weights: Weights,
) -> Ranking:
    """Fuse by evidence: each list's scores on a scale that says how much it knows about this question.

    lexical_shares: scores over the score of a passage that held every term of the question, unknown ones
    included, without end: a question whose words the collection does not know gets small shares, and the dense
    list decides. translated_shares: the shares of the question's concepts that passages speak of in translation.
    deviations: how far similarities lie above the question's background among passages of the same language, in
    standard deviations. foreign: passages in another language than the question. Their words are its translations;
    where the dictionary knows none, they are credited with the mean share of the best hits in the question's own
    language, so that words decide nothing between languages.
    """
    native = lexical_shares[~foreign]
    best = native[top_places(native, _EXPECTED_OF_BEST)]
    expected = float(best.mean()) if len(best) else 0.0
    abroad = np.maximum(np.maximum(lexical_shares, TRANSLATED_UNIT * translated_shares), expected)
    words = np.where(foreign, abroad, lexical_shares)
    evidence = words * np.sqrt(words / USUAL_SHARE)
    return weighted_sum(ids, [evidence, deviations / DENSE_UNIT], [weights.lexical, weights.dense])


def shares_of_ceiling(scores: NDArray[np.floating[Any]], covered: Scores, ceiling: float) -> Scores:
    """Return BM25 scores over the score that no passage can exceed, 0 to 1.

    covered: the shares of the question's idf that the passages hold. They stand in where the ceiling is not
    positive: Robertson's idf gives such ones in collections of a few passages.
    """
    return np.clip(scores / ceiling, 0.0, 1.0) if ceiling > 0 else covered
