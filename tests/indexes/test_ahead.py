"""After its first question, an index's files are read ahead into the page cache. Linux, and a disk that is one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measuring.process import drop_from_page_cache
from indexes.ahead import ReadAhead, available_bytes
from indexes.hybrid import HybridIndex
from tests.support.index_entries import commit, found_by_words
from tests.support.waiting import wait_until


def cached(path: Path) -> bool:
    """Whether every page of a file can be read without waiting for the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for start in range(0, path.stat().st_size, 4096):
            os.preadv(descriptor, [bytearray(1)], start, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def drop(folder: Path, *files: Path) -> None:
    """Have the files leave the page cache; pages that another core has only just put there stay for a moment."""

    def dropped() -> bool:
        drop_from_page_cache(folder)
        return not any(map(cached, files))

    wait_until(dropped)


def test_files_are_read_to_their_end_and_those_that_are_gone_do_not_matter(tmp_path: Path) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(np.random.default_rng(1).bytes(30_000_000))
    small.write_bytes(b"small")
    drop(tmp_path, large, small)
    ReadAhead().begin(tmp_path, lambda: ["gone", large.name, small.name])
    wait_until(lambda: cached(large) and cached(small))


def test_what_was_stopped_reads_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(30_000_000))
    drop(tmp_path, file)
    ahead = ReadAhead()
    ahead.stop()
    ahead.begin(tmp_path, lambda: [file.name])
    time.sleep(0.2)
    assert not cached(file)


def test_the_first_question_has_an_index_read_ahead(tmp_path: Path) -> None:
    commit(tmp_path, {id_: f"word{id_} " * 200 for id_ in range(1, 300)})
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "segments" in path.parts]
    drop(tmp_path, *files)
    with HybridIndex.open(tmp_path) as index:
        assert found_by_words(index, "word7")[0] == 7
        wait_until(lambda: all(map(cached, files)))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, 8_000 * 1024),
        ("max", 8_000 * 1024),
        ("5000000", 5_000_000 - 1_000_000),
        ("900000000", 8_000 * 1024),
        ("500000", 500_000 - 1_000_000),
    ],
)
def test_a_container_has_no_more_memory_than_its_limit(tmp_path: Path, limit: str | None, expected: int) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    if limit is not None:
        (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
        (tmp_path / "sys/fs/cgroup/memory.max").write_text(f"{limit}\n")
        (tmp_path / "sys/fs/cgroup/memory.stat").write_text("anon_thp 7\nanon 1000000\nfile 3000000\n")
    assert available_bytes(tmp_path) == expected
