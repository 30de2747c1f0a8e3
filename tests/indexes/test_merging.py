"""Which segments are merged at rest, whatever sizes there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexes.manifest import SegmentRecord
from indexes.merging import next_merge_at_rest

sizes = st.lists(st.tuples(st.sampled_from(["en", "zh"]), st.integers(1, 10**6)), max_size=20)


def record(place: int, language: str, rows: int, dead: int = 0) -> SegmentRecord:
    return SegmentRecord(f"s{place}", language, rows, dead, (), None)


@given(sizes)
def test_merged_at_rest_each_segment_is_larger_than_three_times_all_smaller_ones(
    drawn: list[tuple[str, int]],
) -> None:
    segments = [record(place, *each) for place, each in enumerate(drawn)]
    merges = 0
    while chosen := next_merge_at_rest(segments):
        assert len(chosen) > 1
        assert len({each.language for each in chosen}) == 1
        segments = [each for each in segments if each not in chosen]
        segments.append(record(len(drawn) + merges, chosen[0].language, sum(each.rows for each in chosen)))
        merges += 1
    for language in ("en", "zh"):
        alike = sorted(each.rows for each in segments if each.language == language)
        assert all(alike[place] > 3 * sum(alike[:place]) for place in range(1, len(alike)))
    assert merges <= 2
    assert sum(each.rows for each in segments) == sum(rows for _, rows in drawn)


def test_dead_rows_do_not_count() -> None:
    large, small = record(1, "en", 1000), record(2, "en", 300, dead=10)
    assert next_merge_at_rest([large, small]) == []
    assert next_merge_at_rest([record(1, "en", 1000, dead=200), small]) == [small, record(1, "en", 1000, dead=200)]
