"""What is written of arrays is read again, and a disk that refuses any part of it is heard."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from indexes.arrays import map_arrays, save_array, save_arrays
from tests.support.changes import run_watched

ARRAYS = {
    "numbers": np.arange(15, dtype=np.int64),
    "none": np.empty(0, np.float32),
    "table": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "no_rows": np.empty((0, 7), np.float32),
    "across": np.arange(12, dtype=np.int32).reshape(3, 4).T,
}


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    save_arrays(tmp_path / "arrays", ARRAYS)
    found = map_arrays(tmp_path / "arrays")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        save_array(tmp_path / "one.npy", array)
        for read in (found[name], np.load(tmp_path / "one.npy")):
            np.testing.assert_array_equal(read, array)
            assert read.dtype == array.dtype


@pytest.mark.parametrize("count", [15, 100_000])
def test_no_write_that_fails_goes_unseen(tmp_path: Path, count: int) -> None:
    def save() -> None:
        save_arrays(tmp_path / "arrays", {"one": np.arange(count), "two": np.arange(count)})
        save_array(tmp_path / "one.npy", np.arange(count))

    calls: list[str] = []
    run_watched(save, lambda change: calls.append(change.call) or 0)
    writes = [place for place, call in enumerate(calls, 1) if call.startswith(("write", "pwrite"))]
    assert len(writes) >= 2
    for place in writes:
        ended = run_watched(save, lambda change, place=place: errno.EIO if change.number == place else 0)
        assert ended.exit_code not in {0, None}, f"change {place} of {calls}"
