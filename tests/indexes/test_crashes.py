import errno
import os
from pathlib import Path

import pytest

from core.errors import StorageFull
from indexes.hybrid import HybridIndex
from indexes.manifest import FILE_NAME, IndexDamaged, Manifest
from indexes.merging import FAN_IN
from indexes.writer import IndexWriter
from tests.support.crashes import died_at
from tests.support.index_entries import commit, entry, found_by_words

OLD = {id_: f"alpha number{id_}" for id_ in range(1, FAN_IN + 1)}
NEW = {**{id_: body for id_, body in OLD.items() if id_ != 1}, 2: "beta two", 20: "beta twenty"}


def filled(folder: Path) -> Path:
    """Make an index of OLD in one segment fewer than a merge needs."""
    for id_ in list(OLD)[:-2]:
        commit(folder, {id_: OLD[id_]})
    commit(folder, {id_: OLD[id_] for id_ in list(OLD)[-2:]})
    return folder


def change(folder: Path) -> None:
    """Turn OLD into NEW: a replacement, an addition, a deletion, and a merge."""
    commit(folder, {2: NEW[2], 20: NEW[20]}, dropped=[1])


def contents(folder: Path) -> tuple[list[int], list[int]]:
    """Return which chunks are there, and which are found by the new word."""
    with HybridIndex.open(folder) as index:
        assert index.damages() == []
        assert set(found_by_words(index, "alpha beta")) == set(index.live_ids().tolist())
        return index.live_ids().tolist(), sorted(found_by_words(index, "beta"))


def test_a_crash_at_any_change_leaves_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    before, after = (sorted(OLD), []), (sorted(NEW), [2, 20])
    seen, step = [], 0
    while True:
        step += 1
        folder = filled(tmp_path / str(step))
        if not died_at(step, lambda folder=folder: change(folder)):
            break
        seen.append(contents(folder))
        assert seen[-1] in (before, after), f"half a commit is visible after a crash before change {step}"
        with IndexWriter.open(folder):
            pass
        on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert on_disk == Manifest.read(folder).files() | {FILE_NAME, "writer.lock"}, f"litter after change {step}"
        change(folder)
        assert contents(folder) == after, f"the commit cannot be repeated after a crash before change {step}"
    assert step > 20
    assert before in seen
    assert after in seen  # and what crashed after the switch lost nothing


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path, OLD)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with IndexWriter.open(tmp_path) as writer:
        writer.add([entry(20, NEW[20])])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StorageFull, match="free some"):
                writer.commit()
        assert contents(tmp_path) == (sorted(OLD), [])
        writer.commit()
    assert contents(tmp_path) == (sorted([*OLD, 20]), [20])


def test_a_torn_manifest_is_reported_not_served(tmp_path: Path) -> None:
    commit(tmp_path, OLD)
    whole = (tmp_path / FILE_NAME).read_bytes()
    for torn in (whole[: len(whole) // 2], b"", whole.replace(b'"rows": 4', b'"rows": 9')):
        (tmp_path / FILE_NAME).write_bytes(torn)
        with pytest.raises(IndexDamaged, match="reindex"):
            HybridIndex.open(tmp_path)


def test_a_flipped_bit_in_any_file_is_found(tmp_path: Path) -> None:
    commit(tmp_path, OLD)
    commit(tmp_path, dropped=[1])
    paths = sorted(path for path in tmp_path.rglob("*.*") if path.parent.parent.name == "segments")
    assert {path.name.split(".")[0] for path in paths} == {
        "ids",
        "lexical",
        "dense",
        "columns",
        "dead",
    }
    with HybridIndex.open(tmp_path) as index:
        for path in paths:
            whole = path.read_bytes()
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            assert [line.split(":")[0] for line in index.damages()] == [path.relative_to(tmp_path).as_posix()]
            path.write_bytes(whole)
        assert index.damages() == []


@pytest.mark.parametrize("name", ["ids.arrays", "lexical.arrays", "dense.vectors.npy"])
def test_a_missing_or_short_file_is_named(tmp_path: Path, name: str) -> None:
    commit(tmp_path, OLD)
    (path,) = tmp_path.rglob(name)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(IndexDamaged, match=name):
        HybridIndex.open(tmp_path)
    path.unlink()
    with pytest.raises(IndexDamaged, match=name):
        HybridIndex.open(tmp_path)
