import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import EmbedderMismatch
from core.types import IndexEntry
from indexes import writer as writer_module
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.lexical import fields as fields_module
from indexes.lexical.fields import FieldWeights
from indexes.locks import IndexLocked
from indexes.manifest import IndexOutdated
from indexes.merging import FAN_IN
from indexes.writer import IndexWriter
from tests.support.index_entries import commit, embedding_of, entry, found_by_words


def test_nothing_is_found_before_the_commit_and_everything_after_it(tmp_path: Path) -> None:
    with HybridIndex.open(tmp_path) as index, IndexWriter.open(tmp_path) as writer:
        writer.add([entry(1, "alpha")])
        assert not index.refresh()
        assert found_by_words(index, "alpha") == []
        writer.commit()
        assert index.refresh()
        assert found_by_words(index, "alpha") == [1]


def test_an_entry_replaces_the_one_with_its_id(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha", 2: "beta"})
    commit(tmp_path, {1: "gamma"})
    commit(tmp_path, {1: "gamma"})
    with HybridIndex.open(tmp_path) as index:
        assert index.live_ids().tolist() == [1, 2]
        assert found_by_words(index, "alpha") == []
        assert found_by_words(index, "gamma") == [1]


def test_deleted_chunks_never_surface_in_either_list(tmp_path: Path) -> None:
    commit(tmp_path, dict.fromkeys(range(50), "alpha"))
    commit(tmp_path, dropped=range(0, 50, 2))
    with HybridIndex.open(tmp_path) as index:
        for mode in ("hybrid", "dense", "lexical"):
            hits = index.search(HybridQuery("alpha", embedding_of(0), 100, mode)).hits
            assert {hit.chunk_id for hit in hits} == set(range(1, 50, 2))


def test_a_delete_of_unknown_ids_and_an_empty_commit_change_nothing(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha"})
    with HybridIndex.open(tmp_path) as index:
        commit(tmp_path, dropped=[7, 8])
        commit(tmp_path)
        assert not index.refresh()


def test_an_index_of_which_everything_was_deleted_is_empty_and_can_be_filled(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha"})
    commit(tmp_path, dropped=[1])
    with HybridIndex.open(tmp_path) as index:
        assert index.search(HybridQuery("alpha", embedding_of(1), 10)).hits[:] == []
        assert index.status().segments == 0
        commit(tmp_path, {2: "alpha"})
        index.refresh()
        assert found_by_words(index, "alpha") == [2]


def test_a_second_writer_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    with IndexWriter.open(tmp_path), pytest.raises(IndexLocked, match="Another process"):
        IndexWriter.open(tmp_path)
    IndexWriter.open(tmp_path).close()


def test_vectors_of_another_embedder_are_refused(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha"})
    other = IndexEntry(2, "", "", "beta", np.ones(3, np.float32))
    with IndexWriter.open(tmp_path) as writer, pytest.raises(EmbedderMismatch, match="16 dimensions"):
        writer.add([other])


def test_an_index_of_another_analyser_asks_for_a_reindex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path, {1: "alpha"})
    monkeypatch.setattr(fields_module, "ANALYSER_VERSION", "from the future")
    with pytest.raises(IndexOutdated, match="reindex"):
        IndexWriter.open(tmp_path)


def test_words_of_a_title_count_as_often_as_they_are_weighted(tmp_path: Path) -> None:
    said_twice, in_title = entry(1, "alpha alpha other"), entry(2, "some more", title="alpha")
    weighted = FieldWeights(title=3)
    for folder, fields, best in ((tmp_path / "1", FieldWeights(), 1), (tmp_path / "3", weighted, 2)):
        with IndexWriter.open(folder, fields) as writer:
            writer.add([said_twice, in_title])
            writer.commit()
        with HybridIndex.open(folder) as index:
            assert found_by_words(index, "alpha")[0] == best
    with pytest.raises(IndexOutdated, match="title × 3"):
        IndexWriter.open(tmp_path / "3")


def test_small_segments_are_merged_and_their_files_go(tmp_path: Path) -> None:
    for id_ in range(4 * FAN_IN):
        commit(tmp_path, {id_: f"alpha number{id_}"})
    with HybridIndex.open(tmp_path) as index:
        assert index.status().segments < FAN_IN
        assert index.status().chunks == 4 * FAN_IN
        assert found_by_words(index, "number9")[0] == 9
        assert len(list((tmp_path / "segments").iterdir())) == index.status().segments


def test_mostly_dead_segments_are_written_anew(tmp_path: Path) -> None:
    commit(tmp_path, dict.fromkeys(range(100), "alpha"))
    commit(tmp_path, dropped=range(60))
    with HybridIndex.open(tmp_path) as index:
        assert index.status().dead == 0
        assert index.live_ids().tolist() == list(range(60, 100))


def test_a_merge_keeps_to_itself_what_was_deleted_but_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_MERGED_AT_COMMIT_ROWS", 0)
    for id_ in range(FAN_IN):
        commit(tmp_path, {id_: "alpha", 50: f"replaced in round {id_}"})
    with IndexWriter.open(tmp_path) as writer, HybridIndex.open(tmp_path) as index:
        writer.tombstone([3])
        assert writer.merge()
        index.refresh()
        assert index.live_ids().tolist() == [*range(FAN_IN), 50]
        writer.commit()
        index.refresh()
        assert index.live_ids().tolist() == [*range(3), *range(4, FAN_IN), 50]


bodies = st.sampled_from(["alpha beta", "beta gamma", "gamma", "阿尔法 项目", "项目 文档", "E-1042"])
steps = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 30), bodies, max_size=8), st.sets(st.integers(0, 30), max_size=6)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_any_history_ends_like_one_commit_of_what_is_left(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[dict[int, str], set[int]]]
) -> None:
    worn, fresh = tmp_path_factory.mktemp("worn"), tmp_path_factory.mktemp("fresh")
    left: dict[int, str] = {}
    for added, dropped in history:
        commit(worn, added, dropped=dropped)
        left = {id_: body for id_, body in left.items() if id_ not in dropped} | added
    commit(fresh, left)
    with HybridIndex.open(worn) as index, HybridIndex.open(fresh) as expected:
        assert index.live_ids().tolist() == sorted(left)
        for text in ("alpha beta gamma", "项目文档", "E-1042"):
            query = HybridQuery(text, embedding_of(99), 100)
            assert scores(index, query) == pytest.approx(scores(expected, query), abs=1e-6)


def scores(index: HybridIndex, query: HybridQuery) -> dict[int, float]:
    return {hit.chunk_id: hit.score for hit in index.search(query).hits}


def test_readers_search_on_while_a_writer_replaces_and_merges(tmp_path: Path) -> None:
    commit(tmp_path, dict.fromkeys(range(20), "alpha round0"))
    done, failures = threading.Event(), []

    def read() -> None:
        try:
            while not done.is_set():
                index.refresh()
                hits = index.search(HybridQuery("alpha", embedding_of(0), 50)).hits
                found = sorted(hit.chunk_id for hit in hits)
                assert found == list(range(20)), found
        except BaseException as error:
            failures.append(error)

    with HybridIndex.open(tmp_path) as index:
        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for turn in range(40):
            commit(tmp_path, dict.fromkeys(range(turn % 5, 20, 5), f"alpha round{turn}"))
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
