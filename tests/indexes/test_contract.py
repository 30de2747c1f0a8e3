"""What every index promises, whichever engine keeps it: the embedded one, and Milvus (Milvus Lite, in a file)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.errors import EmbedderMismatch, InvalidInput
from core.filters import Field, Name, Not, OneOf, Within
from core.settings import Settings
from core.types import Attributes, IndexEntry
from indexes.backends import Index, open_any_writer, open_index
from indexes.hybrid import HybridQuery
from indexes.locks import IndexLocked
from tests.support.attributes import GROUPS, attributes, filters, holds, readable
from tests.support.index_entries import DIMENSION, embedding_of, entry

GENERATION = 7
ENGINES = ("embedded", pytest.param("milvus", marks=pytest.mark.milvus))


def settings_for(engine: str, folder: Path) -> Settings:
    return Settings(data_dir=folder, index=engine, milvus_uri=str(folder / "milvus.db"))


@pytest.fixture(params=ENGINES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return settings_for(request.param, tmp_path)


@pytest.fixture
def index(settings: Settings) -> Iterator[Index]:
    opened = open_index(settings, GENERATION)
    yield opened
    opened.close()


def put(settings: Settings, bodies: Mapping[int, str] | list[IndexEntry]) -> None:
    entries = bodies if isinstance(bodies, list) else [entry(id_, body) for id_, body in bodies.items()]
    with open_any_writer(settings, GENERATION) as writer:
        writer.add(entries)
        writer.commit()


def drop(settings: Settings, *ids: int) -> None:
    with open_any_writer(settings, GENERATION) as writer:
        writer.tombstone(ids)
        writer.commit()


def found(index: Index, query: HybridQuery) -> list[int]:
    index.refresh()
    return [hit.chunk_id for hit in index.search(query).hits]


def by_words(text: str, depth: int = 50) -> HybridQuery:
    return HybridQuery(text, None, depth, "lexical")


def test_an_index_that_nothing_was_written_to_is_empty_and_fills_with_the_first_commit(
    settings: Settings, index: Index
) -> None:
    for query in (by_words("alpha"), HybridQuery("alpha", embedding_of(1), 10)):
        assert found(index, query) == []
    assert index.live_ids().tolist() == []
    assert index.status().chunks == 0
    drop(settings, 1)
    put(settings, {1: "alpha"})
    assert index.refresh()
    assert found(index, by_words("alpha")) == [1]


def test_nothing_is_found_before_its_commit(settings: Settings, index: Index) -> None:
    put(settings, {1: "alpha"})
    with open_any_writer(settings, GENERATION) as writer:
        writer.add([entry(2, "alpha")])
        writer.tombstone([1])
        assert found(index, by_words("alpha")) == [1]
        writer.commit()
        assert found(index, by_words("alpha")) == [2]


def test_what_was_not_committed_is_forgotten(settings: Settings, index: Index) -> None:
    with open_any_writer(settings, GENERATION) as writer:
        writer.add([entry(1, "alpha")])
    with open_any_writer(settings, GENERATION) as writer:
        writer.commit()
    assert found(index, by_words("alpha")) == []


def test_an_entry_replaces_the_one_with_its_id_in_both_lists(settings: Settings, index: Index) -> None:
    put(settings, {1: "alpha", 2: "beta"})
    put(settings, [replace(entry(1, "gamma"), embedding=embedding_of(9))])
    assert found(index, by_words("alpha")) == []
    assert found(index, by_words("gamma")) == [1]
    (best, _) = index.search(HybridQuery("", embedding_of(9), 2, "dense")).hits
    assert best.chunk_id == 1
    assert best.dense_score == pytest.approx(1, abs=1e-5)
    assert index.live_ids().tolist() == [1, 2]


def test_what_is_deleted_is_gone_at_once_from_every_mode(settings: Settings, index: Index) -> None:
    put(settings, dict.fromkeys(range(1, 41), "alpha"))
    drop(settings, *range(2, 41, 2), 999)
    for mode in ("hybrid", "dense", "lexical"):
        assert set(found(index, HybridQuery("alpha", embedding_of(2), 100, mode))) == set(range(1, 41, 2))
    assert index.live_ids().tolist() == list(range(1, 41, 2))
    assert index.status().chunks == 20
    drop(settings, *range(1, 41, 2))
    assert found(index, HybridQuery("alpha", embedding_of(1), 100)) == []
    put(settings, {5: "alpha"})
    assert found(index, HybridQuery("alpha", embedding_of(1), 100)) == [5]


def test_one_commit_may_add_and_drop_and_the_last_word_on_an_id_counts(settings: Settings, index: Index) -> None:
    put(settings, {1: "alpha", 2: "alpha"})
    with open_any_writer(settings, GENERATION) as writer:
        writer.add([entry(3, "alpha"), entry(4, "alpha")])
        writer.tombstone([2, 4])
        writer.tombstone([5])
        writer.add([entry(5, "alpha"), entry(2, "alpha beta")])
        writer.commit()
    assert sorted(found(index, by_words("alpha"))) == [1, 2, 3, 5]
    assert found(index, by_words("beta")) == [2]


def test_a_second_writer_is_told_so_and_a_closed_one_lets_the_next_in(settings: Settings) -> None:
    with open_any_writer(settings, GENERATION), pytest.raises(IndexLocked):
        open_any_writer(settings, GENERATION)
    open_any_writer(settings, GENERATION).close()


def test_vectors_of_another_length_are_refused_on_the_way_in_and_in_questions(
    settings: Settings, index: Index
) -> None:
    put(settings, {1: "alpha"})
    longer = np.ones(DIMENSION + 1, np.float32)
    with open_any_writer(settings, GENERATION) as writer, pytest.raises(EmbedderMismatch):
        writer.add([replace(entry(2, "alpha"), embedding=longer)])
    index.refresh()
    for query in (HybridQuery("alpha", longer, 5), HybridQuery("alpha", None, 5, "dense")):
        with pytest.raises(InvalidInput):
            index.search(query)


def test_a_reader_opened_later_finds_what_was_committed_and_generations_are_apart(settings: Settings) -> None:
    put(settings, {1: "alpha"})
    first, other = open_index(settings, GENERATION), open_index(settings, GENERATION + 1)
    assert found(first, by_words("alpha")) == [1]
    assert found(other, by_words("alpha")) == []
    first.close()
    other.close()


def test_a_hit_has_the_rank_and_score_of_each_list_that_proposed_it_and_no_other(
    settings: Settings, index: Index
) -> None:
    put(settings, {id_: "alpha beta" if id_ == 1 else "gamma" for id_ in range(1, 9)})
    index.refresh()
    hits = {hit.chunk_id: hit for hit in index.search(HybridQuery("alpha", embedding_of(2), 3)).hits}
    assert hits[1].ranks.lexical == 1
    assert hits[1].lexical_score > 0
    assert hits[2].ranks.dense == 1
    assert hits[2].dense_score == pytest.approx(1, abs=1e-5)
    assert hits[2].ranks.lexical is None
    assert hits[2].lexical_score is None
    assert sorted(hit.ranks.dense for hit in hits.values() if hit.ranks.dense) == [1, 2, 3]


def test_scores_do_not_depend_on_how_passages_came_and_went(tmp_path: Path, settings: Settings) -> None:
    bodies = {
        id_: " ".join(["alpha"] * (1 + id_ % 3) + ["beta"] * (id_ % 5) + ["filler"] * id_) for id_ in range(30)
    }
    put(settings, dict.fromkeys(range(20, 60), "alpha alpha alpha of another time"))
    for start in range(0, 30, 7):
        put(settings, {id_: bodies[id_] for id_ in range(start, min(start + 7, 30))})
    drop(settings, *range(30, 60))
    at_once = Settings(data_dir=tmp_path / "at once", index="embedded")
    put(at_once, bodies)
    ours, theirs = open_index(at_once, GENERATION), open_index(settings, GENERATION)
    for query in (by_words("alpha beta"), HybridQuery("alpha", embedding_of(3), 30)):
        expected = {hit.chunk_id: hit for hit in ours.search(query).hits}
        actual = {hit.chunk_id: hit for hit in theirs.search(query).hits}
        assert actual.keys() == expected.keys()
        for id_, hit in actual.items():
            assert hit.lexical_score == pytest.approx(expected[id_].lexical_score, rel=1e-6)
            assert hit.score == pytest.approx(expected[id_].score, rel=1e-3, abs=1e-3)
    ours.close()
    theirs.close()


def test_filters_and_groups_limit_both_lists_before_they_are_cut(settings: Settings, index: Index) -> None:
    put(
        settings,
        [
            replace(
                entry(id_, "alpha"),
                attributes=Attributes(
                    f"d{id_}", "en", metadata={"n": [id_, -id_]}, groups=("board",) if id_ > 20 else ()
                ),
            )
            for id_ in range(1, 31)
        ],
    )
    number = Field(Name.METADATA, "n")
    for mode in ("lexical", "dense", "hybrid"):
        asked = HybridQuery("alpha", embedding_of(1), 3, mode, groups=frozenset())
        assert found(index, replace(asked, wanted=OneOf(Field(Name.DOCUMENT_ID), ("d7",)))) == [7]
        assert found(index, replace(asked, wanted=OneOf(number, (25,)))) == []
        assert found(index, replace(asked, wanted=OneOf(number, (25,)), groups=frozenset({"board"}))) == [25]
        assert found(index, replace(asked, wanted=OneOf(number, (25,)), groups=None)) == [25]
        assert found(index, replace(asked, wanted=Within(number, "number", gt=18.5, lt=20))) == [19]
        assert found(index, replace(asked, wanted=Not(Within(number, "number", gte=-30, lte=-2)))) == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_any_filter_lets_through_what_its_definition_says(
    engine: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = settings_for(engine, tmp_path_factory.mktemp("filters"))
    strategies = [attributes(number) for number in range(25)]
    questions = st.tuples(filters, st.frozensets(st.sampled_from(GROUPS)))

    @hypothesis_settings(max_examples=4, database=None, phases=[Phase.generate])
    @given(st.tuples(*strategies), st.lists(questions, min_size=20, max_size=20))
    def run(rows: tuple[Attributes, ...], asked: list[tuple[object, frozenset[str]]]) -> None:
        put(settings, [replace(entry(id_, "alpha"), attributes=of) for id_, of in enumerate(rows)])
        index = open_index(settings, GENERATION)
        for wanted, groups in asked:
            expected = {id_ for id_, of in enumerate(rows) if holds(wanted, of) and readable(of, groups)}
            query = replace(by_words("alpha"), wanted=wanted, groups=groups)
            assert set(found(index, query)) == expected, wanted
        index.close()

    run()
