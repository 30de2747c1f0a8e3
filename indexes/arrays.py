"""Several arrays in one file that is mapped: one file to force to the disk in place of one for each array.

The file is .npy files one after another, each begun at a multiple of 64 bytes, after a line with their names.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 64


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays under their names."""
    with path.open("wb") as file:
        file.write(json.dumps(list(arrays)).encode() + b"\n")
        for array in arrays.values():
            file.write(b"\0" * (-file.tell() % _ALIGNMENT))
            np.lib.format.write_array(file, np.ascontiguousarray(array), (1, 0), allow_pickle=False)


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of a file, read-only; raises FileNotFoundError, ValueError where it cannot be read."""
    arrays: dict[str, NDArray[Any]] = {}
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        for name in json.loads(file.readline()):
            file.seek(-file.tell() % _ALIGNMENT, 1)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(mapped, dtype, count, file.tell()).reshape(shape)
            file.seek(arrays[name].nbytes, 1)
    return arrays
