"""The dense index: FAISS over each segment's vectors, exact, restricted to the rows that a question may find."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import MissingExtra
from core.types import Embeddings
from indexes.lexical.matches import Mask, Rows
from indexes.top import top_places

log = logging.getLogger(__name__)

FaissDevice = Literal["auto", "cpu", "gpu"]
Cosines = NDArray[np.float32]
_FILE_NAME = "dense.faiss"
# With so few rows barred it is cheaper to fetch as many more than to test every row (docs/decisions/segments.md).
_FEW_BARRED = 256
# With so few rows allowed it is cheaper to gather them than to test every row.
_FEW_ALLOWED = 0.05
_GPU_MOST_RESULTS = 2048


@dataclass(frozen=True, slots=True)
class DenseSegment:
    """The L2-normalised vectors of one segment, float32 [N, d], mapped, and the FAISS index over them."""

    index: faiss.IndexFlatIP
    vectors: Embeddings

    @classmethod
    def open(cls, folder: Path) -> DenseSegment:
        """Map the file that `save` wrote; raises FileNotFoundError where it is missing."""
        path = folder / _FILE_NAME
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError:
            path.stat()  # FAISS does not tell a missing file from a broken one
            raise
        assert isinstance(index, faiss.IndexFlatIP)
        vectors: Embeddings = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
        return cls(index, vectors.reshape(index.ntotal, index.d))

    @staticmethod
    def save(folder: Path, blocks: Iterable[Embeddings]) -> None:
        """Write vectors, given as blocks of float32 [≤ n, d], as a flat FAISS index."""
        embeddings = np.concatenate(list(blocks))
        index = faiss.IndexFlatIP(embeddings.shape[1])
        index.add(np.ascontiguousarray(embeddings, np.float32))
        # Through numpy, because FAISS's own writer does not tell a full disk from other failures.
        faiss.serialize_index(index).tofile(folder / _FILE_NAME)


class DenseSearch:
    """One state of a group of segments; safe to use from several threads."""

    def __init__(self, segments: Sequence[DenseSegment], device: FaissDevice) -> None:
        """Raises MissingExtra where a GPU is asked for and there is none."""
        self._segments = segments
        on_gpu = use_gpu(device)
        self._indexes = [_on_gpu(segment.index) if on_gpu else segment.index for segment in segments]
        self._most_results = _GPU_MOST_RESULTS if on_gpu else sys.maxsize

    def top(self, query: Embeddings, k: int, allowed: Sequence[Mask | None]) -> list[tuple[Rows, Cosines]]:
        """Return the k best allowed rows of each segment with their cosines, best first.

        query: float32 [d]; allowed: for each segment bool [rows], or None for all of them.
        """
        return [self._top(i, query, k, mask) for i, mask in enumerate(allowed)]

    def _top(self, i: int, query: Embeddings, k: int, mask: Mask | None) -> tuple[Rows, Cosines]:
        segment = self._segments[i]
        vectors = segment.vectors
        barred = 0 if mask is None else len(vectors) - int(np.count_nonzero(mask))
        if barred <= max(k, _FEW_BARRED):
            index = self._indexes[i] if k + barred <= self._most_results else segment.index
            rows, cosines = _search(index, query, k + barred)
            kept = slice(k) if mask is None else np.flatnonzero(mask[rows])[:k]
            return rows[kept], cosines[kept]
        assert mask is not None
        if len(vectors) - barred <= len(vectors) * _FEW_ALLOWED:
            candidates = np.flatnonzero(mask)
            cosines = vectors[candidates] @ query
            best = top_places(cosines, k)
            return candidates[best], cosines[best]
        return _search(segment.index, query, k, mask)


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


def _on_gpu(index: faiss.Index) -> faiss.Index:
    return faiss.index_cpu_to_gpu(_gpu_resources(), 0, index)


def _search(index: faiss.Index, query: Embeddings, k: int, mask: Mask | None = None) -> tuple[Rows, Cosines]:
    parameters = None
    if mask is not None:
        # FAISS's wrapper takes an array and keyword arguments, which its stubs do not know.
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))  # type: ignore[arg-type, call-arg]
        parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
    cosines, rows = index.search(query[None], min(k, index.ntotal), params=parameters)
    found = rows[0] >= 0
    return rows[0][found], cosines[0][found]
