"""The best of many scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Up to so many, sorting all takes less time than choosing first.
_FEW = 256


def top_places(scores: NDArray[np.floating[Any]], k: int) -> NDArray[np.int64]:
    """Return the places of the k highest scores, best first; of equal scores the earlier place first."""
    if k < 1:
        return np.empty(0, np.int64)
    if len(scores) <= max(k, _FEW):
        return np.argsort(-scores, kind="stable")[:k]
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.flatnonzero(scores > least)
    level = np.flatnonzero(scores == least)[: k - len(above)]
    places = np.concatenate([above, level])
    return places[np.argsort(-scores[places], kind="stable")]
