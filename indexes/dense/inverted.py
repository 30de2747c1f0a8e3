"""The inverted file of a large segment: its rows in lists by their nearest centroid, each as a short code.

A code has four bits for every few dimensions (product quantisation: Jégou, Douze and Schmid, PAMI 2011), of which
a processor compares dozens at once (André, Kermarrec and Le Scouarnec, VLDB 2015): that is so cheap that a search
can read a large share of all codes, which a question that is no passage needs (docs/decisions/dense.md). Codes only
propose rows; the raw vectors decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings
from indexes.arrays import save_array
from indexes.dense.kernels import Similarities, faiss, inner_products, on_this_thread
from indexes.lexical.matches import Mask, Rows

_CODES = "dense.codes.faiss"
_LIST_OF_ROW = "dense.lists.npy"
_BITS = 4
# Dimensions to a code, the best first: one of them must divide the vectors' length.
_DIMENSIONS_A_CODE = (4, 3, 5, 2)
# Lists: short ones leave more of the codes unread, but opening one costs as much as reading a hundred codes.
_LISTS_PER_ROOT = 3
_CODES_A_LIST = 250
_ROWS_A_CENTROID = 30
_LEAST_TRAINING_ROWS = 2048
_TRAINING_ROUNDS = 6
_ROWS_AT_ONCE = 16384
# To tell the lists that hold no allowed rows, so many of these are looked at for each list, and in all at least ...
_SEEN_A_LIST = 16
_SEEN_AT_LEAST = 50_000
# ... and a list of which none is seen is only passed over if so many were to be expected: small ones never are.
_EXPECTED = 5
# How FAISS goes through the lists of a question: one after the other, keeping the best in a reservoir. By itself it
# prepares for many questions at once, which takes a single one a quarter longer.
_ONE_QUESTION = 11
# Where more is allowed than this, hardly a list holds nothing.
_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class InvertedFile:
    """Lists of codes: centroids float32 [L, d], rows in each list [L], and the list of each row [N], mapped."""

    index: faiss.IndexIVFPQFastScan
    centroids: Embeddings
    sizes: NDArray[np.int64]
    list_of_row: NDArray[np.uint16]

    @classmethod
    def open(cls, folder: Path) -> InvertedFile:
        """Read the files that `save` wrote; raises FileNotFoundError, RuntimeError and ValueError if not whole.

        The codes are not mapped: FAISS reads all of a mapped file too, page by page and ten times as slowly.
        """
        path = folder / _CODES
        path.stat()  # FAISS does not tell a missing file from a broken one
        index = faiss.read_index(str(path))
        return cls.of(index, np.load(folder / _LIST_OF_ROW, "r").view(np.ndarray))

    @classmethod
    def of(cls, index: faiss.Index, list_of_row: NDArray[np.uint16]) -> InvertedFile:
        """Wrap a FAISS index; raises ValueError where it is of another kind."""
        if not isinstance(index, faiss.IndexIVFPQFastScan):
            raise ValueError(f"{type(index).__name__} instead of an inverted file")
        if len(list_of_row) != index.ntotal:
            raise ValueError(f"{len(list_of_row)} rows in lists and {index.ntotal} codes")
        index.implem = _ONE_QUESTION
        quantiser = faiss.downcast_index(index.quantizer)
        assert isinstance(quantiser, faiss.IndexFlatIP)
        centroids = faiss.rev_swig_ptr(quantiser.get_xb(), index.nlist * index.d).reshape(index.nlist, index.d)
        return cls(index, centroids, np.bincount(list_of_row, minlength=index.nlist), list_of_row)

    @classmethod
    def build(cls, vectors: Embeddings) -> InvertedFile:
        """Train on a sample of vectors, float32 [N, d], and put all of them into lists, reading block by block.

        Raises ValueError where their length cannot be cut into codes.
        """
        rows, dimension = vectors.shape
        width = next((n for n in _DIMENSIONS_A_CODE if dimension % n == 0), None)
        if width is None:
            raise ValueError(f"{dimension} dimensions cannot be cut into codes")
        lists = max(1, min(int(_LISTS_PER_ROOT * np.sqrt(rows)), rows // _CODES_A_LIST))
        on_this_thread()  # threads that meet after every small step cost more than they bring
        index = faiss.IndexIVFPQFastScan(
            faiss.IndexFlatIP(dimension), dimension, lists, dimension // width, _BITS, faiss.METRIC_INNER_PRODUCT
        )
        index.by_residual = True
        index.cp.spherical = True
        index.cp.niter = _TRAINING_ROUNDS
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = _ROWS_A_CENTROID
        index.pq.cp.min_points_per_centroid = 1
        index.train(vectors[sample_of(rows, max(lists * _ROWS_A_CENTROID, _LEAST_TRAINING_ROWS))])
        for block in blocks(vectors):
            index.add(block)
        list_of_row = np.empty(rows, np.uint16)
        stored = index.invlists
        assert stored is not None
        for i in range(lists):
            list_of_row[faiss.rev_swig_ptr(stored.get_ids(i), stored.list_size(i))] = i
        return cls.of(index, list_of_row)

    def save(self, folder: Path) -> None:
        """Write the files that `open` reads."""
        # Not by FAISS's own writer, which does not tell a full disk from other failures.
        (folder / _CODES).write_bytes(faiss.serialize_index(self.index).data)
        save_array(folder / _LIST_OF_ROW, self.list_of_row)

    def propose(
        self, query: Embeddings, count: int, codes: float, mask: Mask | None = None
    ) -> tuple[Rows, Similarities]:
        """Return count rows, in no order, that mask allows and whose codes come closest to a question, float32 [d].

        codes: how many are read, in the lists that are closest to the question. With the rows come their inner
        products as the codes tell them.
        """
        closeness = inner_products(query, self.centroids)
        nearest = self.lists_by_closeness(closeness)
        bits = selector = None
        if mask is not None:
            nearest = nearest[self._may_hold_any(mask)[nearest]]
            bits = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        probes = nearest[: int(np.searchsorted(np.cumsum(self.sizes[nearest]), codes)) + 1]
        return self._scan(query, count, probes, closeness[probes], selector)

    def lists_by_closeness(self, closeness: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return lists that are not empty, the closest first."""
        nearest = np.argsort(-closeness)
        return nearest[self.sizes[nearest] > 0]

    def _may_hold_any(self, mask: Mask) -> Mask:
        """Return which lists hold rows that mask allows, as far as a sample tells."""
        allowed = int(np.count_nonzero(mask))
        share = allowed / len(mask)
        if share > _NEARLY_ALL:
            return np.ones(len(self.sizes), np.bool_)
        step = max(1, allowed // max(_SEEN_A_LIST * len(self.sizes), _SEEN_AT_LEAST))
        lists = self.list_of_row[::step][np.flatnonzero(mask[::step])]
        seen = np.bincount(lists, minlength=len(self.sizes)) > 0
        return seen | (self.sizes * share < _EXPECTED * step)

    def _scan(
        self,
        query: Embeddings,
        count: int,
        probes: NDArray[np.int64],
        closeness: NDArray[np.float32],
        selector: faiss.IDSelector | None,
    ) -> tuple[Rows, Similarities]:
        on_this_thread()
        count = min(count, self.index.ntotal)
        scores, rows = np.empty(count, np.float32), np.empty(count, np.int64)
        # FAISS's wrapper takes keyword arguments, and makes this function, which its stubs do not know.
        parameters = faiss.IVFSearchParameters(nprobe=len(probes), sel=selector)  # type: ignore[call-arg]
        self.index.search_preassigned_c(  # type: ignore[attr-defined]
            1,
            faiss.swig_ptr(query),
            count,
            faiss.swig_ptr(probes),
            faiss.swig_ptr(closeness),
            faiss.swig_ptr(scores),
            faiss.swig_ptr(rows),
            False,
            parameters,
        )
        found = rows >= 0
        return rows[found], scores[found]


def sample_of(rows: int, count: int) -> Rows:
    """Return at most count of so many rows, ascending; the same ones each time."""
    if rows <= count:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, count, replace=False))


def blocks(vectors: Embeddings) -> Iterator[Embeddings]:
    """Cut vectors, float32 [N, d], into blocks that are quickly in memory and out again."""
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        yield vectors[start : start + _ROWS_AT_ONCE]
