"""The columns of segments select the rows that a brute-force filter does, however rows fell into segments."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.filters import Field, Filter, Name, OneOf
from core.settings import Settings
from core.types import Attributes, IndexEntry
from indexes.arrays import map_arrays, save_arrays
from indexes.columns import Columns, Selection, facets
from indexes.compaction import rewrite_dead
from indexes.snapshot import Snapshot
from indexes.writer import IndexWriter
from tests.support.attributes import GROUPS, attributes, filters, holds, readable
from tests.support.index_entries import embedding_of

_TEXTS = ("apples", "苹果")
_some_groups = st.none() | st.frozensets(st.sampled_from(GROUPS))


def mask_of(selection: Selection) -> list[bool]:
    mask = np.zeros(selection.row_count, np.bool_)
    selection.mark(mask)
    assert selection.count == np.count_nonzero(mask)
    return mask.tolist()


@hypothesis(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_columns_select_what_the_filter_says(tmp_path: Path, data: st.DataObject) -> None:
    rows = [data.draw(attributes(number // 2)) for number in range(data.draw(st.integers(0, 12)))]
    Columns.of_rows(rows).save(tmp_path)
    columns = Columns.open(tmp_path)
    for wanted in data.draw(st.lists(filters, min_size=3, max_size=3)):
        assert mask_of(columns.select(wanted)) == [holds(wanted, row) for row in rows]
    groups = data.draw(st.frozensets(st.sampled_from(GROUPS)))
    assert mask_of(columns.readable(groups)) == [readable(row, groups) for row in rows]


@hypothesis(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_merged_columns_are_those_of_all_rows_that_stay(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    parts = [[data.draw(attributes(number)) for number in range(size)] for size in sizes]
    order = data.draw(st.permutations(range(sum(sizes))))
    dropped = data.draw(st.sets(st.sampled_from(order or [0])))
    places = iter(order)
    numbers = [np.array([next(places) for _ in part], np.int64) for part in parts]
    kept = sorted(set(order) - dropped)
    renumbered = [_renumbered(each, kept) for each in numbers]
    # Values are merged a range at a time: one pair each, a few, or all.
    with mock.patch.object(facets, "_PAIRS_AT_ONCE", data.draw(st.sampled_from([1, 7, 1 << 20]))):
        merged = Columns.merged(
            [(Columns.of_rows(part), new) for part, new in zip(parts, renumbered, strict=True)], len(kept)
        )
    by_row = {
        row: each
        for part, new in zip(parts, renumbered, strict=True)
        for each, row in zip(part, new.tolist(), strict=True)
    }
    rows = [by_row[row] for row in range(len(kept))]
    for wanted in data.draw(st.lists(filters, min_size=3, max_size=3)):
        assert mask_of(merged.select(wanted)) == [holds(wanted, row) for row in rows]
    # What a merge leaves behind is in no file of the merged segment.
    anew = Columns.of_rows(rows)
    assert merged.facets.hashes.tolist() == anew.facets.hashes.tolist()
    assert merged.facets.rows.tolist() == anew.facets.rows.tolist()
    assert merged.facets.bits.tolist() == anew.facets.bits.tolist()
    assert merged.ranges.hashes.tolist() == anew.ranges.hashes.tolist()
    assert merged.ranges.values.tolist() == anew.ranges.values.tolist()


def _renumbered(numbers: NDArray[np.int64], kept: list[int]) -> NDArray[np.int64]:
    return np.array([kept.index(number) if number in kept else -1 for number in numbers.tolist()], np.int64)


@hypothesis(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_index_allows_the_living_rows_of_the_filter_and_the_groups(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Random commits, replacements, deletions and merges."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), _env_file=None)
    folder = settings.index_folder(1)
    living: dict[int, Attributes] = {}
    for _ in range(data.draw(st.integers(1, 4))):
        added = {id_: data.draw(attributes(id_ % 7)) for id_ in data.draw(st.sets(st.integers(1, 25), max_size=8))}
        gone = data.draw(st.sets(st.integers(1, 25), max_size=4)) - set(added)
        with IndexWriter.open(folder) as writer:
            writer.add([_entry(id_, each) for id_, each in added.items()])
            writer.tombstone(gone)
            writer.commit()
        if data.draw(st.booleans()):
            rewrite_dead(settings, 1)
        living = {id_: each for id_, each in (living | added).items() if id_ not in gone}
    snapshot = Snapshot.open(folder, "bm25", "cpu")
    wanted: Filter | None
    for wanted in (None, *data.draw(st.lists(filters, min_size=2, max_size=2))):
        groups = data.draw(_some_groups)
        expected = {
            id_
            for id_, each in living.items()
            if (wanted is None or holds(wanted, each)) and (groups is None or readable(each, groups))
        }
        allowed = snapshot.allowed_rows(wanted, groups)
        rows = np.arange(snapshot.row_count) if allowed is None else np.flatnonzero(allowed)
        assert set(snapshot.ids_of(rows).tolist()) == expected
        assert len(rows) == len(expected)


def _entry(id_: int, of: Attributes) -> IndexEntry:
    return IndexEntry(id_, "", "", _TEXTS[id_ % 2], embedding_of(id_), of)


@pytest.mark.parametrize("listed", [0, 1, 40, 3000, 5999, 6000])
@pytest.mark.parametrize("other", [0, 1, 40, 3000, 6000])
def test_selections_combine_as_sets_whichever_way_is_taken(listed: int, other: int) -> None:
    """Sizes on both sides of every choice between searching, sorting and marking."""
    random = np.random.default_rng(listed * 7 + other)
    one, two = (np.sort(random.choice(6000, size, replace=False)).astype(np.int32) for size in (listed, other))
    for a in (Selection(6000, one), ~Selection(6000, one)):
        for b in (Selection(6000, two), ~Selection(6000, two)):
            first, second = np.array(mask_of(a)), np.array(mask_of(b))
            assert mask_of(a & b) == (first & second).tolist()
            assert mask_of(a | b) == (first | second).tolist()
            assert mask_of(~a) == (~first).tolist()


def test_zeros_of_either_sign_are_one_number(tmp_path: Path) -> None:
    zeros = (0, 0.0, -0.0)
    Columns.of_rows([Attributes("a", metadata={"n": value}) for value in (*zeros, False, None, "", 1e-300)]).save(
        tmp_path
    )
    columns = Columns.open(tmp_path)
    for asked in zeros:
        found = mask_of(columns.select(OneOf(Field(Name.METADATA, "n"), (asked,))))
        assert found == [True] * len(zeros) + [False] * 4


def test_no_word_of_a_document_is_in_the_file(tmp_path: Path) -> None:
    secret = Attributes("salary-list", "en", 1.0, 2.0, {"client": "Walrus"}, ["board"])
    Columns.of_rows([secret]).save(tmp_path)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in (b"salary", b"client", b"Walrus", b"board") if word in written]


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {"a": np.arange(5, dtype=np.int32), "none": np.empty(0), "b": np.arange(6.0).reshape(2, 3)}
    save_arrays(tmp_path / "x", arrays)
    read = map_arrays(tmp_path / "x")
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    with pytest.raises(ValueError, match="read-only"):
        read["a"][0] = 1


@pytest.mark.parametrize("kept", [0, 10, 200, 300])
def test_cut_file_is_an_error_and_not_other_values(tmp_path: Path, kept: int) -> None:
    Columns.of_rows([Attributes("a")]).save(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part of the file is cut says so in its own words
        Columns.open(tmp_path)
