"""The dense index: every segment's vectors, restricted to the rows that a question may find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.types import Embeddings
from indexes.dense.gpu import FaissDevice, GpuSegment, use_gpu
from indexes.dense.kernels import Similarities
from indexes.dense.segment import DenseSegment
from indexes.lexical.matches import Mask, Rows

# How much more, or less, of a large segment is looked at than its recall asks for.
LEAST_EFFORT, MOST_EFFORT = 0.1, 10.0


class DenseSearch:
    """One state of a group of segments; safe to use from several threads."""

    def __init__(self, segments: Sequence[DenseSegment], device: FaissDevice) -> None:
        """Raises MissingExtra where a GPU is asked for and there is none."""
        self._segments = segments
        self._on_gpu = [GpuSegment(segment.vectors) for segment in segments] if use_gpu(device) else None

    def top(
        self, query: Embeddings, k: int, allowed: Sequence[Mask | None], effort: float = 1.0
    ) -> list[tuple[Rows, Similarities]]:
        """Return the k best allowed rows of each segment with their cosines, best first.

        query: float32 [d]; allowed: for each segment bool [rows], or None for all of them; effort: a factor from
        0.1 to 10 on how much of a large segment is looked at. 1 finds at least 0.95 of an exact search's best ten.
        """
        question = np.ascontiguousarray(query, np.float32)
        effort = min(max(effort, LEAST_EFFORT), MOST_EFFORT)
        return [self._top(i, question, k, mask, effort) for i, mask in enumerate(allowed)]

    def _top(
        self, i: int, query: Embeddings, k: int, mask: Mask | None, effort: float
    ) -> tuple[Rows, Similarities]:
        found = self._on_gpu[i].top(query, k, mask) if self._on_gpu else None
        return self._segments[i].top(query, k, mask, effort) if found is None else found
