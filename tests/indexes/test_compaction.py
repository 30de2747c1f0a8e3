import threading
from pathlib import Path

import pytest

from core.settings import Settings
from indexes import compaction
from indexes import writer as writer_module
from indexes.compaction import STAGING, merge_segments
from indexes.hybrid import HybridIndex
from indexes.manifest import IndexDamaged, Manifest
from indexes.merging import FAN_IN
from indexes.segments import write_segment
from tests.indexes.test_crashes import contents
from tests.support.crashes import died_at
from tests.support.damage import flip
from tests.support.index_entries import commit, found_by_words


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An index of generation 1 with as many segments as one merge takes, which no commit merges itself."""
    monkeypatch.setattr(writer_module, "_MERGED_AT_COMMIT_ROWS", 0)
    settings = Settings(data_dir=tmp_path)
    for id_ in range(1, FAN_IN + 1):
        commit(settings.index_folder(1), {id_: f"alpha number{id_}"})
    return settings


def test_a_merge_beside_the_index_changes_nothing_that_is_found(settings: Settings) -> None:
    folder = settings.index_folder(1)
    with HybridIndex.open(folder) as index:
        assert index.status().segments == FAN_IN
        before = index.live_ids().tolist()
        while merge_segments(settings, 1):
            pass
        index.refresh()
        assert index.status().segments == 1
        assert index.live_ids().tolist() == before
        assert found_by_words(index, "number2")[0] == 2
        assert index.damages() == []
    assert not (folder / STAGING).exists()


def test_segments_are_merged_further_where_nothing_is_committed(settings: Settings) -> None:
    folder = settings.index_folder(1)
    while merge_segments(settings, 1):
        pass
    for id_ in (50, 51):
        commit(folder, {id_: "alpha later"})
    before = contents(folder)
    assert not merge_segments(settings, 1)
    assert len(Manifest.read(folder).segments) == FAN_IN - 1
    assert merge_segments(settings.model_copy(update={"merge_at_rest_s": 0.0}), 1)
    assert len(Manifest.read(folder).segments) == 1
    assert contents(folder) == before


def test_what_is_deleted_replaced_and_added_during_a_merge_stays_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.index_folder(1)

    def written_while_others_write(*arguments: object) -> object:
        staged = write_segment(*arguments)
        commit(folder, {2: "beta two", 9: "beta nine"}, dropped=[1])
        return staged

    monkeypatch.setattr(compaction, "write_segment", written_while_others_write)
    assert merge_segments(settings, 1)
    assert contents(folder) == ([*range(2, FAN_IN + 1), 9], [2, 9])
    with HybridIndex.open(folder) as index:
        assert found_by_words(index, "number2")[:1] != [2]


def test_a_merge_of_segments_that_are_gone_is_dropped(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = settings.index_folder(1)

    def written_too_late(*arguments: object) -> object:
        staged = write_segment(*arguments)
        commit(folder, dropped=[1])
        return staged

    monkeypatch.setattr(compaction, "write_segment", written_too_late)
    assert merge_segments(settings, 1)
    assert contents(folder) == ([*range(2, FAN_IN + 1)], [])


def test_a_crash_at_any_change_of_a_merge_loses_nothing(settings: Settings, tmp_path: Path) -> None:
    folder = settings.index_folder(1)
    before = contents(folder)
    step = 0
    while died_at(step := step + 1, lambda: merge_segments(settings, 1)):
        assert contents(folder) == before, f"changed by a crash before change {step}"
        commit(folder, {50: f"alpha step{step}"})
        commit(folder, dropped=[50])
    assert step > 20
    assert contents(folder) == before
    while merge_segments(settings, 1):
        pass
    with HybridIndex.open(folder) as index:
        assert index.status().segments == 1
    assert not (folder / STAGING).exists()


def test_two_merges_of_one_index_do_not_meet(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(*arguments: object) -> object:
        inside.set()
        assert go_on.wait(30)
        return write_segment(*arguments)

    monkeypatch.setattr(compaction, "write_segment", slow)
    first = threading.Thread(target=merge_segments, args=(settings, 1))
    first.start()
    assert inside.wait(30)
    assert not merge_segments(settings, 1)
    commit(settings.index_folder(1), {60: "alpha"})
    go_on.set()
    first.join()
    assert contents(settings.index_folder(1)) == ([*range(1, FAN_IN + 1), 60], [])


def test_damage_is_not_merged_under_a_checksum_that_matches(settings: Settings) -> None:
    folder = settings.index_folder(1)
    (harmed, *_) = sorted(Manifest.read(folder).files())
    flip(folder / harmed)
    with pytest.raises(IndexDamaged, match=harmed):
        merge_segments(settings, 1)
    assert set(Manifest.read(folder).damaged_files(folder)) == {harmed}


def test_a_commit_leaves_damaged_segments_unmerged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for id_ in range(1, FAN_IN):
        commit(tmp_path, {id_: f"alpha number{id_}"})
    (harmed, *_) = sorted(Manifest.read(tmp_path).files())
    flip(tmp_path / harmed)
    commit(tmp_path, {FAN_IN: "alpha last"})
    manifest = Manifest.read(tmp_path)
    assert len(manifest.segments) == FAN_IN
    assert set(manifest.damaged_files(tmp_path)) == {harmed}
    assert harmed in caplog.text
