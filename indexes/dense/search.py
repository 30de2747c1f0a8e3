"""The dense index: FAISS over each segment's vectors, exact, restricted to the rows that a question may find."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import MissingExtra
from core.types import Embeddings
from indexes.dense.segment import DenseSegment
from indexes.lexical.matches import Mask, Rows
from indexes.top import top_places

log = logging.getLogger(__name__)

FaissDevice = Literal["auto", "cpu", "gpu"]
Cosines = NDArray[np.float32]
# With so few rows barred it is cheaper to fetch as many more than to test every row (docs/decisions/segments.md).
_FEW_BARRED = 256
# With so few rows allowed it is cheaper to gather them than to test every row.
_FEW_ALLOWED = 0.05
_GPU_MOST_RESULTS = 2048


class DenseSearch:
    """One state of a group of segments; safe to use from several threads."""

    def __init__(self, segments: Sequence[DenseSegment], device: FaissDevice) -> None:
        """Raises MissingExtra where a GPU is asked for and there is none."""
        self._segments = segments
        on_gpu = use_gpu(device)
        self._on_gpu = [_on_gpu(segment.vectors) for segment in segments] if on_gpu else None

    def top(self, query: Embeddings, k: int, allowed: Sequence[Mask | None]) -> list[tuple[Rows, Cosines]]:
        """Return the k best allowed rows of each segment with their cosines, best first.

        query: float32 [d]; allowed: for each segment bool [rows], or None for all of them.
        """
        return [self._top(i, query, k, mask) for i, mask in enumerate(allowed)]

    def _top(self, i: int, query: Embeddings, k: int, mask: Mask | None) -> tuple[Rows, Cosines]:
        vectors = self._segments[i].vectors
        barred = 0 if mask is None else len(vectors) - int(np.count_nonzero(mask))
        if barred <= max(k, _FEW_BARRED):
            if self._on_gpu and k + barred <= _GPU_MOST_RESULTS:
                rows, cosines = _search_gpu(self._on_gpu[i], query, k + barred)
            else:
                rows, cosines = _scan(vectors, query, k + barred)
            kept = slice(k) if mask is None else np.flatnonzero(mask[rows])[:k]
            return rows[kept], cosines[kept]
        assert mask is not None
        if len(vectors) - barred <= len(vectors) * _FEW_ALLOWED:
            candidates = np.flatnonzero(mask)
            cosines = vectors[candidates] @ query
            best = top_places(cosines, k)
            return candidates[best], cosines[best]
        return _scan(vectors, query, k, mask)


def use_gpu(device: FaissDevice) -> bool:
    """Return whether FAISS searches on a GPU; raises MissingExtra where one is asked for and there is none."""
    if device == "cpu":
        return False
    if _gpu_count():
        return True
    if device == "gpu":
        raise MissingExtra(
            "RAGSTONE_FAISS_DEVICE=gpu, but FAISS finds no GPU: install its GPU build by "
            "`make run ACCEL=gpu`, or set it to auto or cpu."
        )
    return False


@cache
def _gpu_count() -> int:
    """Return how many GPUs the installed FAISS can use, and say so once."""
    count = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
    log.info("FAISS searches on %s.", "the GPU" if count else "the CPU: its GPU build or a GPU is missing")
    return int(count)


@cache
def _gpu_resources() -> Any:
    return faiss.StandardGpuResources()


def _on_gpu(vectors: Embeddings) -> faiss.Index:
    index = faiss.GpuIndexFlatIP(_gpu_resources(), vectors.shape[1])
    index.add(vectors)
    return index


def _search_gpu(index: faiss.Index, query: Embeddings, k: int) -> tuple[Rows, Cosines]:
    cosines, rows = index.search(query[None], min(k, index.ntotal))
    return rows[0], cosines[0]


def _scan(vectors: Embeddings, query: Embeddings, k: int, mask: Mask | None = None) -> tuple[Rows, Cosines]:
    """Compare the question with every row that mask allows."""
    k = min(k, len(vectors))
    cosines, rows = np.empty(k, np.float32), np.empty(k, np.int64)
    selector = bits = None
    if mask is not None:
        bits = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(mask), faiss.swig_ptr(bits))
    question = np.ascontiguousarray(query, np.float32)
    sizes = (vectors.shape[1], 1, len(vectors), k)
    faiss.knn_inner_product(
        faiss.swig_ptr(question),
        faiss.swig_ptr(vectors),
        *sizes,
        faiss.swig_ptr(cosines),
        faiss.swig_ptr(rows),
        selector,
    )
    found = rows >= 0
    return rows[found], cosines[found]
