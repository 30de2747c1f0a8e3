from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks._vectors import centred_questions, many, texts
from core.types import Embeddings
from indexes.background import Level
from indexes.dense import MOST_EFFORT, DenseSearch, DenseSegment, segment
from indexes.dense.tuning import LEAST_RECALL, RECALL_AT
from indexes.embedders.e5 import E5Embedder
from indexes.lexical.matches import Mask
from tests.indexes.dense.test_segment import files, unit_vectors

ROWS = 20_000
LOST_BY_ROUNDING = 0.005
SHARES = [0.999, 0.5, 0.1, 0.03, 0.01, 0.001, 0.0001]


@dataclass(frozen=True)
class Collection:
    """A segment with an inverted file over vectors that lie as real passages do, and real questions."""

    folder: Path
    questions: Embeddings
    cosines: Embeddings  # of each question with every row

    def open(self) -> DenseSegment:
        """Open the segment anew."""
        return DenseSegment.open(self.folder)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("segment")
    e5 = E5Embedder(tmp_path_factory.mktemp("models"))
    questions = centred_questions(e5, texts("queries.jsonl", 60))
    DenseSegment.save(folder, many(e5.embed_passages(texts("corpus.jsonl", 300)), ROWS))
    e5.close()
    return Collection(folder, questions, questions @ DenseSegment.open(folder).vectors.T)


@pytest.fixture(scope="module")
def cut(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> list[DenseSegment]:
    """The same vectors in eight segments, each with an inverted file."""
    segments = []
    for vectors in np.array_split(collection.open().vectors, 8):
        folder = tmp_path_factory.mktemp("part")
        DenseSegment.save(folder, [vectors])
        segments.append(DenseSegment.open(folder))
    assert all(segment.inverted for segment in segments)
    return segments


def recall(collection: Collection, mask: Mask | None, effort: float = 1.0) -> float:
    """Return the part of the best ten allowed rows that a search finds, and check that it finds only such rows."""
    search, found, wanted = DenseSearch([collection.open()], "cpu"), 0, 0
    allowed = np.arange(ROWS) if mask is None else np.flatnonzero(mask)
    for question, truth in zip(collection.questions, collection.cosines, strict=True):
        [(rows, cosines)] = search.top(question, RECALL_AT, [mask], effort)
        assert len(set(rows.tolist())) == len(rows)
        assert np.isin(rows, allowed).all()
        assert np.allclose(cosines, truth[rows], atol=1e-5)
        assert (np.diff(cosines) <= 0).all()
        best = allowed[np.argsort(-truth[allowed])[:RECALL_AT]]
        found += len(np.intersect1d(rows, best))
        wanted += len(best)
    return found / wanted


def test_a_large_segment_finds_what_comparing_all_finds(collection: Collection) -> None:
    segment = collection.open()
    assert segment.inverted
    assert segment.tuning
    assert segment.tuning.recall >= LEAST_RECALL
    assert recall(collection, None) >= LEAST_RECALL


@pytest.mark.parametrize("share", SHARES)
def test_a_filter_costs_no_recall(collection: Collection, share: float) -> None:
    segment = collection.open()
    random = np.random.default_rng(7).random(ROWS) < share
    likeness = segment.vectors @ segment.vectors[17]
    topic = likeness >= np.quantile(likeness, 1 - share)
    off_topic = likeness <= np.quantile(likeness, share)
    for mask in (random, topic, off_topic):
        assert recall(collection, mask) >= LEAST_RECALL


@pytest.mark.parametrize("share", [0.999, 0.7, 0.3])
def test_a_filter_takes_away_only_what_it_bars(collection: Collection, share: float) -> None:
    search = DenseSearch([collection.open()], "cpu")
    random = np.random.default_rng(11).random(ROWS) < share
    topic = collection.cosines[0] >= np.quantile(collection.cosines[0], 1 - share)
    kept = lost = 0
    for question in collection.questions:
        [(usual, _)] = search.top(question, RECALL_AT, [None])
        for mask in (random, topic):
            [(filtered, _)] = search.top(question, RECALL_AT, [mask])
            kept += len(usual[mask[usual]])
            lost += len(np.setdiff1d(usual[mask[usual]], filtered))
    # Other lists are read, and codes are compared on a scale that depends on which: a row at the edge may drop out.
    assert lost <= kept * LOST_BY_ROUNDING


def test_several_segments_find_together_what_comparing_all_finds(
    collection: Collection, cut: list[DenseSegment]
) -> None:
    search, found = DenseSearch(cut, "cpu"), 0
    for question, truth in zip(collection.questions, collection.cosines, strict=True):
        by_segment = search.top(question, RECALL_AT, [None] * len(cut))
        rows = [rows + i * ROWS // len(cut) for i, (rows, _) in enumerate(by_segment)]
        found += len(np.intersect1d(np.argsort(-truth)[:RECALL_AT], np.concatenate(rows)))
    assert found / (RECALL_AT * len(collection.questions)) >= LEAST_RECALL


def test_a_segment_above_whose_background_all_others_stay_is_searched_as_if_alone(
    collection: Collection, cut: list[DenseSegment]
) -> None:
    together, alone = DenseSearch(cut, "cpu"), DenseSearch(cut[-1:], "cpu")
    levels = [*[Level(0.5, 0.1)] * (len(cut) - 1), Level(-0.5, 0.1)]
    for question in collection.questions:
        [(rows, _)] = alone.top(question, 50, [None])
        assert together.top(question, 50, [None] * len(cut), levels=levels)[-1][0].tolist() == rows.tolist()


def test_more_effort_finds_everything_and_less_finds_less(collection: Collection) -> None:
    usual = recall(collection, None)
    assert recall(collection, None, 0.1) < usual
    assert recall(collection, None, MOST_EFFORT) >= max(usual, 0.995)


def test_a_filter_that_lets_nothing_pass_finds_nothing(collection: Collection) -> None:
    [(rows, cosines)] = DenseSearch([collection.open()], "cpu").top(
        collection.questions[0], 10, [np.zeros(ROWS, np.bool_)]
    )
    assert len(rows) == len(cosines) == 0


def test_hits_are_as_many_as_were_asked_for(collection: Collection) -> None:
    segment = collection.open()
    mask = np.random.default_rng(3).random(ROWS) < 0.3
    for k in (1, 100, 3000, ROWS):
        for allowed, count in ((None, ROWS), (mask, int(mask.sum()))):
            [(rows, _)] = DenseSearch([segment], "cpu").top(collection.questions[0], k, [allowed], 0.1)
            assert len(rows) == min(k, count)


def test_searches_beside_each_other_find_what_they_find_alone(collection: Collection) -> None:
    search = DenseSearch([collection.open()], "cpu")
    mask = np.random.default_rng(3).random(ROWS) < 0.3

    def found(question: Embeddings) -> list[list[int]]:
        return [search.top(question, 10, [allowed])[0][0].tolist() for allowed in (None, mask)]

    alone = [found(question) for question in collection.questions]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found, collection.questions)) == alone


def test_the_same_vectors_make_the_same_files_and_searches(collection: Collection, tmp_path: Path) -> None:
    before = collection.open()
    DenseSegment.save(tmp_path, np.array_split(before.vectors, 7))
    assert files(tmp_path) == files(collection.folder)
    after = DenseSegment.open(tmp_path)
    for question in collection.questions:
        rows = [DenseSearch([s], "cpu").top(question, 10, [None])[0][0].tolist() for s in (before, after)]
        assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["dense.codes.faiss", "dense.lists.npy", "dense.json"])
def test_a_torn_file_does_not_open(name: str, collection: Collection, tmp_path: Path) -> None:
    for file, content in files(collection.folder).items():
        (tmp_path / file).write_bytes(content[: len(content) // 2] if file == name else content)
    with pytest.raises((ValueError, RuntimeError)):
        DenseSegment.open(tmp_path)


def test_vectors_that_cannot_be_cut_into_codes_are_compared_one_by_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    DenseSegment.save(tmp_path, [unit_vectors(600, 7, 0)], exact_rows=500)
    assert DenseSegment.open(tmp_path).inverted is None
    assert "one by one: 7 dimensions cannot be cut" in caplog.text


def test_an_inverted_file_that_finds_too_little_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # No vectors are known that the codes fail on, so the bar is raised instead.
    monkeypatch.setattr(segment, "LEAST_RECALL", 1.1)
    DenseSegment.save(tmp_path, [unit_vectors(2000, 24, 0)], exact_rows=500)
    assert sorted(files(tmp_path)) == ["dense.vectors.npy"]
    assert "finds" in caplog.text
