"""The dense index: every segment's vectors, restricted to the rows that a question may find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.types import Embeddings
from indexes.background import Level
from indexes.dense.gpu import FaissDevice, GpuSegment, use_gpu
from indexes.dense.kernels import Similarities
from indexes.dense.segment import DenseSegment
from indexes.lexical.matches import Mask, Rows

# How much more, or less, of a large segment is looked at than its recall asks for.
LEAST_EFFORT, MOST_EFFORT = 0.1, 10.0
# Of what the codes of all segments propose, so many times as much is compared as one segment alone needs.
_COMPARED_OF_ALL = 2.0
_NO_BACKGROUND = Level(0.0, 1.0)


class DenseSearch:
    """One state of a group of segments; safe to use from several threads."""

    def __init__(self, segments: Sequence[DenseSegment], device: FaissDevice) -> None:
        """Raises MissingExtra where a GPU is asked for and there is none."""
        self._segments = segments
        self._on_gpu = [GpuSegment(segment.vectors) for segment in segments] if use_gpu(device) else None

    def top(
        self,
        query: Embeddings,
        k: int,
        allowed: Sequence[Mask | None],
        effort: float = 1.0,
        levels: Sequence[Level] | None = None,
    ) -> list[tuple[Rows, Similarities]]:
        """Return the k best allowed rows of all segments, by segment, and others, with their cosines, best first.

        query: float32 [d]; allowed: for each segment bool [rows], or None for all of them; effort: a factor from
        0.1 to 10 on how much of large segments is looked at: 1 finds at least 0.95 of an exact search's best ten.
        levels: the background of each segment that cosines are weighed against; None where they compare as they
        are.
        """
        question = np.ascontiguousarray(query, np.float32)
        effort = min(max(effort, LEAST_EFFORT), MOST_EFFORT)
        levels = levels or [_NO_BACKGROUND] * len(self._segments)
        limits = [None if mask is None or mask.all() else mask for mask in allowed]
        on_gpu = [self._top_on_gpu(i, question, k, mask) for i, mask in enumerate(limits)]
        proposals = [
            None if found else segment.propose(question, k, mask, effort)
            for found, segment, mask in zip(on_gpu, self._segments, limits, strict=True)
        ]
        to_compare = [
            np.flatnonzero(mask) if rows is None and mask is not None else rows
            for rows, mask in zip(_best_of_all(proposals, levels), limits, strict=True)
        ]
        return [
            found or segment.best(question, k, rows)
            for found, segment, rows in zip(on_gpu, self._segments, to_compare, strict=True)
        ]

    def _top_on_gpu(self, i: int, query: Embeddings, k: int, mask: Mask | None) -> tuple[Rows, Similarities] | None:
        return self._on_gpu[i].top(query, k, mask) if self._on_gpu else None


def _best_of_all(
    proposals: Sequence[tuple[Rows, Similarities] | None], levels: Sequence[Level]
) -> list[Rows | None]:
    """Return of each segment's proposals those that look best among all segments', ascending; None where none are.

    The best are those that stand highest above the background of their segment.
    """
    sizes = [0 if proposed is None else len(proposed[0]) for proposed in proposals]
    left_out = sum(sizes) - int(_COMPARED_OF_ALL * max(sizes, default=0))
    if left_out <= 0:
        return [None if proposed is None else np.sort(proposed[0]) for proposed in proposals]
    heights = [
        np.empty(0, np.float32) if proposed is None else level.standardised(proposed[1])
        for proposed, level in zip(proposals, levels, strict=True)
    ]
    least = np.partition(np.concatenate(heights), left_out)[left_out]
    return [
        None if proposed is None else np.sort(proposed[0][height >= least])
        for proposed, height in zip(proposals, heights, strict=True)
    ]
