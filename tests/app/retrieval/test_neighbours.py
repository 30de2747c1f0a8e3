"""Which chunks are joined: each hit is shown once, with what stands beside it, and nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.neighbours import Run, join

places = st.tuples(st.integers(1, 2), st.integers(0, 12))
hit_lists = st.lists(places, unique=True, max_size=12)
sizes = st.dictionaries(places, st.integers(1, 60), max_size=26)


@given(hit_lists, sizes, st.integers(0, 3), st.integers(20, 200))
def test_joined_passages(
    hits: list[tuple[int, int]], around: dict[tuple[int, int], int], window: int, max_tokens: int
) -> None:
    tokens = around | {hit: around.get(hit, 50) for hit in hits}
    runs = join(hits, tokens, window, max_tokens)
    members = [[(run.revision_id, ordinal) for ordinal in range(run.first, run.last + 1)] for run in runs]
    everything = [place for run in members for place in run]
    assert len(everything) == len(set(everything)), "a chunk is in two passages"
    assert set(hits) <= set(everything) <= set(tokens)
    assert [(run.revision_id, run.best) for run in runs] == [
        hit for hit in hits if hit in {(run.revision_id, run.best) for run in runs}
    ], "passages stand in the order of their best hits"
    for run, places_of_run in zip(runs, members, strict=True):
        own = [hit for hit in hits if hit in places_of_run]
        assert (run.revision_id, run.best) == own[0], "its best hit stands for a passage"
        assert len(places_of_run) == 1 or sum(tokens[place] for place in places_of_run) <= max_tokens
        for place in places_of_run:
            assert min(abs(place[1] - hit[1]) for hit in own) <= window, "too far from any hit"


@given(hit_lists)
def test_without_a_bound_all_neighbours_are_joined(hits: list[tuple[int, int]]) -> None:
    runs = join(hits, dict.fromkeys(hits, 10), 0, 10_000)
    ends = {(run.revision_id, run.last + 1) for run in runs} | {(run.revision_id, run.first - 1) for run in runs}
    assert not ends & set(hits)


def test_hits_are_joined_before_what_stands_around_them() -> None:
    tokens = {(1, ordinal): 10 for ordinal in range(10)}
    assert join([(1, 4), (1, 5)], tokens, 1, 30) == [Run(1, 3, 5, 4)]
    assert join([(1, 4), (1, 5)], tokens, 1, 20) == [Run(1, 4, 5, 4)]
    assert join([(1, 3), (1, 5)], tokens, 1, 50) == [Run(1, 2, 6, 3)], "the chunk between two hits joins them"


def test_best_hit_grows_first() -> None:
    tokens = {(1, ordinal): 10 for ordinal in range(6)}
    assert join([(1, 3), (1, 0), (1, 1), (1, 2)], tokens, 0, 30) == [Run(1, 1, 3, 3), Run(1, 0, 0, 0)]


def test_passages_of_two_documents_stay_apart() -> None:
    assert join([(1, 0), (2, 1)], {(1, 0): 5, (2, 1): 5}, 0, 100) == [Run(1, 0, 0, 0), Run(2, 1, 1, 1)]
