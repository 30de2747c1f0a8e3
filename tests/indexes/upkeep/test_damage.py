"""Files of the index torn, cut, lost or with a byte flipped: found, and mended while the service goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexes.manifest import FILE_NAME, Manifest
from tests.support.damage import flip
from tests.support.service import RunningService, running_service
from tests.support.stored import chunks_of, index_folder
from tests.support.upkeep import DOCUMENTS, Tended


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service: the database makes no difference to the index's files."""
    with running_service(tmp_path_factory.mktemp("damage")) as running:
        yield running


def cut(file: Path) -> None:
    """Put a shorter file into a file's place."""
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(whole[:-5])


@pytest.mark.parametrize(
    ("harm", "kinds"),
    [(flip, ["dead", "ids", "lexical", "columns", "dense"]), (cut, ["lexical"]), (Path.unlink, ["dense"])],
)
def test_each_kind_of_file_is_watched_and_replaced(
    tended: Tended, harm: Callable[[Path], object], kinds: list[str]
) -> None:
    folder = index_folder(tended.service, tended.name)
    for kind in kinds:
        tended.write(dropped=chunks_of(tended.service, tended.name, "d9.txt"))  # so that there are tombstones
        paths = [path for path in Manifest.read(folder).files() if Path(path).name.startswith(kind)]
        harm(folder / paths[0])
        assert "damaged-file" in tended.kinds(), paths[0]
        assert tended.kinds(repair=True) == set(), paths[0]
    tended.mend()


@pytest.mark.parametrize("torn", [b"", b'{"format": ', b"{}"])
def test_torn_manifest_is_mended(tended: Tended, torn: bytes) -> None:
    (index_folder(tended.service, tended.name) / FILE_NAME).write_bytes(torn)
    assert tended.kinds() == {"unreadable-manifest"}
    tended.mend()


def test_no_query_fails_or_misses_while_an_index_is_mended(tended: Tended) -> None:
    missed: list[int] = []
    asked = 0
    ended = threading.Event()

    def ask() -> None:
        nonlocal asked
        while not ended.is_set():
            asked += 1
            n = asked * 5 % DOCUMENTS
            hits = tended.service.search(tended.name, f"locker {n}", mode="lexical", k=20)
            if f"d{n}.txt" not in {hit["document_id"] for hit in hits}:
                missed.append(n)
        ended.clear()

    tended.service.search(tended.name, "locker")
    for path in index_folder(tended.service, tended.name).rglob("ids.arrays"):
        flip(path)
    reader = threading.Thread(target=ask)
    reader.start()
    try:
        tended.mend()
    finally:
        ended.set()
        reader.join()
    assert not ended.is_set(), "a query failed"
    assert (asked > 10, missed) == (True, [])
