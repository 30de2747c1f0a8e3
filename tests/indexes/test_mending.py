"""What repairs and purges need of an index: segments left out, a beginning anew, dead rows written off."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import Settings
from indexes.compaction import rewrite_dead
from indexes.hybrid import HybridIndex
from indexes.manifest import FILE_NAME, IndexDamaged, Manifest
from indexes.writer import IndexWriter
from tests.support.index_entries import commit, embedding_of, entry, found_by_words


def test_a_broken_segment_is_replaced_in_one_commit(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha", 2: "alpha"})
    commit(tmp_path, {3: "alpha"})
    broken = next(record for record in Manifest.read(tmp_path).segments if record.rows == 2)
    for file in broken.files:
        (tmp_path / file.path).unlink()
    with pytest.raises(IndexDamaged):
        IndexWriter.open(tmp_path)
    with IndexWriter.open(tmp_path, without={broken.name}) as writer:
        writer.add([entry(1, "alpha"), entry(2, "alpha")])
        writer.commit()
    with HybridIndex.open(tmp_path) as index:
        assert sorted(found_by_words(index, "alpha")) == [1, 2, 3]
        assert index.damages() == []


def test_a_segment_left_out_is_served_until_the_commit(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha"})
    (record,) = Manifest.read(tmp_path).segments
    with HybridIndex.open(tmp_path) as index:
        with IndexWriter.open(tmp_path, without={record.name}) as writer:
            assert not index.refresh()
            assert found_by_words(HybridIndex.open(tmp_path), "alpha") == [1]
            writer.commit()
        assert index.refresh()
        assert found_by_words(index, "alpha") == []


def test_an_index_begun_anew_is_not_taken_for_the_former_one(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha"})
    with HybridIndex.open(tmp_path) as index:
        (tmp_path / FILE_NAME).write_bytes(b"torn")
        with IndexWriter.open(tmp_path, anew=True) as writer:
            writer.add([entry(1, "beta")])
            writer.commit()
        assert index.refresh()
        assert (found_by_words(index, "alpha"), found_by_words(index, "beta")) == ([], [1])


def test_an_index_begun_anew_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"torn")
    with IndexWriter.open(tmp_path, anew=True) as writer:
        writer.commit()
    with HybridIndex.open(tmp_path) as index:
        assert index.live_ids().tolist() == []


def test_rewriting_leaves_no_byte_of_a_dropped_vector(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    folder = settings.index_folder(1)
    commit(folder, dict.fromkeys(range(1, 20), "alpha"))
    commit(folder, {20: "beta"})
    commit(folder, dropped=[7])
    gone = embedding_of(7).tobytes()
    assert holding(folder, gone), "one dead row in 19 is not worth a merge"
    assert (rewrite_dead(settings, 1), rewrite_dead(settings, 1)) == (1, 0)
    assert holding(folder, gone) == []
    with HybridIndex.open(folder) as index:
        assert index.status().dead == 0
        assert index.damages() == []
        assert sorted(found_by_words(index, "alpha beta")) == [id_ for id_ in range(1, 21) if id_ != 7]


def holding(folder: Path, content: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and content in path.read_bytes()]
