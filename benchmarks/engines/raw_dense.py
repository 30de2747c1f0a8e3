"""FAISS, raw: a flat index, and an inverted file with 8-bit rows at several numbers of probes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.passages.corpus import DIMENSION, Corpus, Passage, Question

_FILE = "dense.faiss"
_TRAINING_ROWS_A_LIST = 64
_BLOCK = 50_000


class _Faiss:
    packages = ("faiss-cpu",)
    modes: Sequence[str] = ("dense",)

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Train, add everything, write."""
        index = self._new(corpus)
        for first in range(0, corpus.size, _BLOCK):
            rows = np.ascontiguousarray(corpus.vectors[first : first + _BLOCK])
            index.add_with_ids(rows, np.arange(first, first + len(rows)))
        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(index, str(folder / _FILE))

    def _new(self, corpus: Corpus) -> Any:
        return faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSION))

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Read the file into memory."""
        self._index = faiss.read_index(str(folder / _FILE))

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Search one question."""
        _, rows = self._index.search(question.vector[None], k, params=self._parameters(mode))
        found: list[int] = rows[0].tolist()
        return found

    def _parameters(self, mode: str) -> Any:
        return None

    def add(self, passage: Passage) -> None:
        """Add one row."""
        self._index.add_with_ids(passage.vector[None], np.array([passage.id]))

    def delete(self, number: int) -> None:
        """Remove one row."""
        self._index.remove_ids(np.array([number]))

    def close(self) -> None:
        """Nothing is open."""


class Flat(_Faiss):
    """IndexFlatIP."""


class Ivf(_Faiss):
    """IVF with sqrt(N) × 4 lists, SQ8 in them; a mode for each number of probes."""

    modes = tuple(f"dense, {probes} probes" for probes in (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256))

    def _new(self, corpus: Corpus) -> Any:
        lists = 1 << round(np.log2(4 * np.sqrt(corpus.size)))
        index = faiss.index_factory(DIMENSION, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        rows = min(corpus.size, lists * _TRAINING_ROWS_A_LIST)
        chosen = np.sort(np.random.default_rng(0).choice(corpus.size, rows, replace=False))
        index.train(np.ascontiguousarray(corpus.vectors[chosen]))
        return index

    def _parameters(self, mode: str) -> Any:
        return faiss.SearchParametersIVF(nprobe=int(mode.split()[1]))
