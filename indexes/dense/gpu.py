"""FAISS on a GPU, where there is one: exact, for a GPU compares a million vectors in about a millisecond."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Literal

import numpy as np

from core.errors import MissingExtra
from core.types import Embeddings
from indexes.dense.kernels import Similarities, faiss
from indexes.lexical.matches import Mask, Rows

log = logging.getLogger(__name__)

FaissDevice = Literal["auto", "cpu", "gpu"]
_MOST_RESULTS = 2048


class GpuSegment:
    """A copy of a segment's vectors, float32 [N, d], in the GPU's memory."""

    def __init__(self, vectors: Embeddings) -> None:
        self._index = faiss.GpuIndexFlatIP(_resources(), vectors.shape[1])
        self._index.add(vectors)

    def top(self, query: Embeddings, k: int, allowed: Mask | None) -> tuple[Rows, Similarities] | None:
        """Return the k best allowed rows with their inner products, best first.

        None where more rows are barred than the GPU can fetch in excess.
        """
        barred = 0 if allowed is None else len(allowed) - int(np.count_nonzero(allowed))
        if k + barred > _MOST_RESULTS:
            return None
        similarities, rows = self._index.search(query[None], min(k + barred, self._index.ntotal))
        kept = slice(k) if allowed is None else np.flatnonzero(allowed[rows[0]])[:k]
        return rows[0][kept], similarities[0][kept]


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
def _resources() -> Any:
    return faiss.StandardGpuResources()
