"""A flipped byte in each kind of file that there is: named, mended, and nothing is lost or fails meanwhile."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.manifest import FILE_NAME, Manifest
from tests.support.damage import flip
from tests.support.service import RunningService, running_service
from tests.support.stored import chunks_of, index_folder
from tests.support.upkeep import DOCUMENTS, Tended


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("every")) as running:
        yield running


def kind_of(path: Path) -> str:
    """What a file is, whatever number it bears."""
    return re.sub(r"\d+", "N", path.name)


def one_of_each_kind(folder: Path) -> dict[str, Path]:
    """A file of each kind that the manifest names, and the manifest."""
    paths = [folder / path for path in sorted(Manifest.read(folder).files())]
    return {kind_of(path): path for path in [*paths, folder / FILE_NAME]}


def test_flipped_byte_in_each_kind_of_file_is_named_and_mended_while_others_search(tended: Tended) -> None:
    folder = index_folder(tended.service, tended.name)
    wrong: list[str] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                hits = tended.service.search(tended.name, "locker person", mode="lexical", k=50)
            except AssertionError as error:
                wrong.append(f"a query failed: {error}")
                continue
            if len({hit["document_id"] for hit in hits}) < DOCUMENTS - 1:  # d9.txt is dropped below
                wrong.append(f"only {len(hits)} found")

    tended.write(dropped=chunks_of(tended.service, tended.name, "d9.txt"))  # so that there are tombstones
    kinds = list(one_of_each_kind(folder))
    assert {"manifest.json", "ids.arrays", "dead.N.npy"} < set(kinds)
    tended.mend()
    tended.service.search(tended.name, "locker")
    reader = threading.Thread(target=ask)
    reader.start()
    try:
        for kind in kinds:
            tended.write(dropped=chunks_of(tended.service, tended.name, "d9.txt"))
            flip(one_of_each_kind(folder)[kind])
            found = {kind for kind in tended.kinds() if kind != "missing-chunks"}  # d9.txt
            assert found == {"unreadable-manifest" if kind == FILE_NAME else "damaged-file"}, kind
            assert tended.kinds(repair=True) == set(), kind
    finally:
        ended.set()
        reader.join()
    tended.mend()
    assert wrong == []
