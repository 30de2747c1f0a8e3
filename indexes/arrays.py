"""Several arrays in one file that is mapped: one file to force to the disk in place of one for each array.

The file is .npy files one after another, each begun at a multiple of 64 bytes, after a line with their names.
"""

from __future__ import annotations

import json
import math
import mmap
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 64
_COPIED_AT_ONCE = 1 << 20


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays under their names."""
    with path.open("wb") as file:
        file.write(json.dumps(list(arrays)).encode() + b"\n")
        for array in arrays.values():
            file.write(b"\0" * (-file.tell() % _ALIGNMENT))
            write_array(file, array)


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as an .npy file."""
    with path.open("wb") as file:
        write_array(file, array)


def write_array(file: BinaryIO, array: NDArray[Any]) -> None:
    """Write an array as `numpy.save` does, except that no failure goes unseen.

    numpy hands the items to C's stdio and does not look at what becomes of the last ones, which are written when
    its stream is closed: where the disk refuses them, the file has a hole, and nobody is told.
    """
    whole = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
    file.write(whole.reshape(-1).view(np.uint8).data)


def join_arrays(path: Path, pieces: Mapping[str, Path]) -> None:
    """Write the arrays of .npy files (of format 1.0) under names, as `save_arrays` does, and remove those files."""
    with path.open("wb") as file:
        file.write(json.dumps(list(pieces)).encode() + b"\n")
        for piece in pieces.values():
            file.write(b"\0" * (-file.tell() % _ALIGNMENT))
            with piece.open("rb") as source:
                shutil.copyfileobj(source, file, _COPIED_AT_ONCE)
            piece.unlink()


def map_arrays(path: Path, *, scattered: bool = False) -> dict[str, NDArray[Any]]:
    """Map the arrays of a file, read-only; raises FileNotFoundError, ValueError where it cannot be read.

    scattered: as `map_file` takes it.
    """
    arrays: dict[str, NDArray[Any]] = {}
    with path.open("rb") as file:
        mapped = map_file(file, scattered=scattered)
        for name in json.loads(file.readline()):
            file.seek(-file.tell() % _ALIGNMENT, 1)
            arrays[name] = array_in(mapped, file)
            file.seek(arrays[name].nbytes, 1)
    return arrays


def map_file(file: BinaryIO, *, scattered: bool = False) -> mmap.mmap:
    """Map a file, read-only.

    scattered: it will be read here and there, so that the system should not read megabytes around each place.
    """
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if scattered:
        mapped.madvise(mmap.MADV_RANDOM)
    return mapped


def array_in(mapped: mmap.mmap, file: BinaryIO) -> NDArray[Any]:
    """Return the array whose .npy header comes next in a file (read up to its items), where the file is mapped."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(mapped, dtype, math.prod(shape), file.tell()).reshape(shape)
