"""The file of a segment's raw vectors: a NumPy file, written block by block and mapped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from core.types import Embeddings
from indexes.arrays import array_in, map_file

FILE_NAME = "dense.vectors.npy"


def write_vectors(path: Path, blocks: Iterable[Embeddings]) -> None:
    """Write blocks of vectors, float32 [≤ n, d], in the order of rows; raises ValueError without one."""
    rows = dimension = 0
    with path.open("wb") as file:
        for block in blocks:
            if not dimension:
                dimension = block.shape[1]
                _write_header(file, 0, dimension)
            file.write(np.ascontiguousarray(block, np.float32).data)
            rows += len(block)
        if not rows:
            raise ValueError("a segment without vectors")
        # NumPy pads a header so that the first axis may grow: this one is as long as the first.
        file.seek(0)
        _write_header(file, rows, dimension)


def map_vectors(path: Path, *, scattered: bool = False) -> Embeddings:
    """Map the file that `write_vectors` wrote, float32 [N, d]; raises FileNotFoundError, ValueError.

    scattered: as `arrays.map_file` takes it.
    """
    with path.open("rb") as file:
        return array_in(map_file(file, scattered=scattered), file)


def _write_header(file: BinaryIO, rows: int, dimension: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dimension)}
    npy.write_array_header_1_0(file, header)
