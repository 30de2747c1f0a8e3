"""FAISS, and its inner products over vectors where they are mapped: without a copy, on the calling thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings
from indexes.lexical.matches import Rows
from indexes.openmp import patient_openmp

with patient_openmp():
    import faiss

Similarities = NDArray[np.float32]

__all__ = ["Similarities", "faiss", "inner_products", "on_this_thread"]


def inner_products(query: Embeddings, vectors: Embeddings, rows: Rows | None = None) -> Similarities:
    """Compare a question, float32 [d], with vectors [N, d], or with some of their rows, int64 [n]."""
    assert query.flags.c_contiguous
    assert vectors.flags.c_contiguous
    count, dimension = vectors.shape
    asked, stored = faiss.swig_ptr(query), faiss.swig_ptr(vectors)
    # FAISS's stubs do not know these functions.
    if rows is None:
        found = np.empty(count, np.float32)
        faiss.fvec_inner_products_ny(faiss.swig_ptr(found), asked, stored, dimension, count)  # type: ignore[attr-defined]
        return found
    found = np.empty(len(rows), np.float32)
    if len(rows):
        on_this_thread()
        faiss.fvec_inner_products_by_idx(  # type: ignore[attr-defined]
            faiss.swig_ptr(found), asked, stored, faiss.swig_ptr(rows), dimension, 1, len(rows)
        )
    return found


def on_this_thread() -> None:
    """Let FAISS work on the calling thread alone: searches run beside each other, and the count is per thread."""
    faiss.omp_set_num_threads(1)
