"""Puts passages that add something before passages that repeat what stands above them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings


def maximal_marginal_relevance(
    relevance: NDArray[np.float64], vectors: Embeddings, k: int, balance: float
) -> NDArray[np.int64]:
    """Return the places of at most k passages in the order chosen: each the one that adds most to those before it.

    relevance: float64 [n], on a scale of about 0 to 1; vectors: float32 [n, d] of length one. balance is the
    paper's lambda: 1 orders by relevance alone, 0 by difference alone. Passages that add the same keep their order;
    the first chosen is the most relevant. Raises ValueError for a balance outside 0 to 1.
    Source: Carbonell and Goldstein, SIGIR 1998, with cosines as the similarity between passages.
    """
    if not 0 <= balance <= 1:
        raise ValueError(f"the balance must lie between 0 and 1, not {balance}")
    closest = np.full(len(relevance), -np.inf)
    left = np.ones(len(relevance), np.bool_)
    chosen: list[int] = []
    while left.any() and len(chosen) < k:
        # Nothing stands above the first: relevance decides it alone, whatever the balance.
        gains = balance * relevance - (1 - balance) * closest if chosen else relevance
        best = int(np.argmax(np.where(left, gains, -np.inf)))
        chosen.append(best)
        left[best] = False
        closest = np.maximum(closest, (vectors @ vectors[best]).astype(np.float64))
    return np.array(chosen, np.int64)
