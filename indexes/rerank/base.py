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


def finite(scores: Sequence[float] | RerankScores, reranker: str) -> RerankScores:
    """Return a reranker's scores as an array; raises RerankerUnavailable where one is no finite number."""
    found = np.asarray(scores, np.float32)
    if not np.isfinite(found).all():
        raise RerankerUnavailable(f"{reranker} gave scores that are no finite numbers.")
    return found


def well_formed(text: str) -> str:
    """Replace lone surrogates: JSON may carry them, and neither a tokenizer nor UTF-8 takes them."""
    return text.encode("utf-8", "replace").decode()
