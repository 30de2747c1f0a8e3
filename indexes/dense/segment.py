"""A segment's vectors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.types import Embeddings
from indexes.dense.vectors import FILE_NAME, map_vectors, write_vectors


@dataclass(frozen=True, slots=True)
class DenseSegment:
    """The L2-normalised vectors of one segment, float32 [N, d], mapped."""

    vectors: Embeddings

    @classmethod
    def open(cls, folder: Path) -> DenseSegment:
        """Map the files that `save` wrote; raises FileNotFoundError where one is missing."""
        return cls(map_vectors(folder / FILE_NAME))

    @staticmethod
    def save(folder: Path, blocks: Iterable[Embeddings]) -> None:
        """Write vectors in blocks, float32 [≤ n, d], in the order of their rows, holding one block at a time."""
        write_vectors(folder / FILE_NAME, blocks)
