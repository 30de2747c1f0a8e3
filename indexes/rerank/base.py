"""What a reranker promises to the rest of the system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import RerankerUnavailable

RerankScores = NDArray[np.float32]


class RerankedTooLate(RerankerUnavailable):
    """Nobody waits for the scores any more."""

    title = "The reranker took too long"


class Reranker(Protocol):
    """Scores passages by reading each with the question. Safe to call from several threads."""

    def score(self, question: str, texts: Sequence[str], *, timeout_s: float) -> RerankScores:
        """Return float32 [len(texts)], finite, higher for a better passage; they mean nothing between questions.

        timeout_s: how long the caller waits. Gives up then, or soon after, with RerankedTooLate: whoever calls
        without waiting must not be left with work that piles up. Raises RerankerUnavailable for any other failure.
        """

    def close(self) -> None:
        """Release connections; idempotent."""


def checked(scores: Sequence[float], count: int) -> RerankScores:
    """Return a model's scores as an array; raises RerankerUnavailable unless they are `count` finite numbers."""
    found = np.asarray(scores, np.float32)
    if found.shape != (count,) or not np.isfinite(found).all():
        raise RerankerUnavailable(f"The reranker gave {found.size} scores for {count} passages, or no finite ones.")
    return found
