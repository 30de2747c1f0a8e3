"""Originals are stored whole or not at all, whatever the disk and the sender do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blobs import BlobStore
from core.errors import NotFound, TooLarge
from tests.support.service import ROOT

# /dev/full answers every write with the error of a full disk; the kernel raises it, as it would on a real one.
FULL_DISK = """
import os, sys, tempfile
from pathlib import Path
from core.blobs import BlobStore
from core.errors import StorageFull

store = BlobStore(Path(sys.argv[1]))
tempfile.mkstemp = lambda **_: (os.open("/dev/full", os.O_WRONLY), os.path.join(sys.argv[1], ".incoming-x"))
try:
    store.put(b"x" * 10_000_000)
except StorageFull as full:
    print(full.detail)
"""


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@given(st.binary(max_size=5000))
def test_bytes_come_back_as_they_were_under_their_own_hash(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = BlobStore(Path(folder))
        blob = store.put(data)
        assert blob.sha256 == hashlib.sha256(data).hexdigest()
        assert blob.size_bytes == len(data)
        assert store.get(blob.sha256) == data
        assert store.put(data) == blob
        assert files(Path(folder)) == [f"{blob.sha256[:2]}/{blob.sha256}"]
        store.remove(blob.sha256)
        store.remove(blob.sha256)
        with pytest.raises(NotFound):
            store.get(blob.sha256)


@given(st.lists(st.binary(max_size=300), max_size=20))
async def test_stream_is_stored_as_the_whole_that_it_is(pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = BlobStore(Path(folder))
        blob = await store.put_stream(stream(pieces), 10_000)
        assert store.get(blob.sha256) == b"".join(pieces)


async def stream(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_stream_over_its_limit_leaves_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    assert (await store.put_stream(stream([b"x"] * 10), 10)).size_bytes == 10
    store.remove(hashlib.sha256(b"x" * 10).hexdigest())
    with pytest.raises(TooLarge, match="10 bytes"):
        await store.put_stream(stream([b"x"] * 11), 10)
    assert files(tmp_path) == []


async def test_stream_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await BlobStore(tmp_path).put_stream(broken(), 1000)
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", "/etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_name_that_is_no_hash_reaches_no_file(store: BlobStore, name: str) -> None:
    for use in (store.get, store.remove):
        with pytest.raises(ValueError, match="SHA-256"):
            use(name)


def test_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith("The disk that holds the data folder is full")
    assert files(tmp_path) == []


def test_two_writers_of_the_same_bytes_store_them_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    data = b"y" * 2_000_000
    threads = [threading.Thread(target=store.put, args=(data,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(tmp_path)) == 1
    assert store.get(hashlib.sha256(data).hexdigest()) == data


def test_storing_again_protects_from_the_collector(store: BlobStore) -> None:
    blob = store.put(b"old")
    assert list(store.older_than(time.time() + 10)) == [blob.sha256]
    before = time.time() - 100
    path = next(Path(store._folder).rglob(blob.sha256))
    os.utime(path, (before - 1000, before - 1000))
    assert list(store.older_than(before)) == [blob.sha256]
    store.put(b"old")
    assert list(store.older_than(before)) == []
