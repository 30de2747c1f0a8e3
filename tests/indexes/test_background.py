"""The sample that a question is weighed against is that of the whole collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexes.background import SAMPLE_ROWS, scattered
from indexes.snapshot import Snapshot
from indexes.writer import IndexWriter
from tests.support.index_entries import embedding_of, entry

CHUNKS = 2500  # of more than 1,024 a segment keeps the sample's vectors apart


def written(folder: Path, *, commits: int, dropped: range = range(0)) -> Snapshot:
    """Write all chunks in so many segments, drop some, and open what is left."""
    for part in np.array_split(np.arange(1, CHUNKS + 1), commits):
        with IndexWriter.open(folder) as writer:
            writer.add([entry(int(id_), "alpha") for id_ in part])
            writer.commit()
    with IndexWriter.open(folder) as writer:
        writer.tombstone(dropped)
        writer.commit()
    return Snapshot.open(folder, "bm25", "cpu")


def test_sample_is_the_same_whatever_the_segments_and_holds_nothing_that_is_gone(tmp_path: Path) -> None:
    dropped = range(1, 400)
    alive = np.array([id_ for id_ in range(1, CHUNKS + 1) if id_ not in dropped])
    chosen = alive[np.argsort(scattered(alive))[:SAMPLE_ROWS]]
    expected = np.stack([embedding_of(int(id_)) for id_ in chosen])
    for commits in (1, 2):
        snapshot = written(tmp_path / str(commits), commits=commits, dropped=dropped)
        np.testing.assert_array_equal(snapshot.background.samples["en"], expected)


def test_level_is_mean_and_deviation_of_the_sample(tmp_path: Path) -> None:
    background = written(tmp_path, commits=1).background
    question = embedding_of(99_999)
    cosines = background.samples["en"].astype(np.float64) @ question
    level = background.levels(question)["en"]
    # One language is the whole collection: its prior says what it says.
    np.testing.assert_allclose([level.mean, level.deviation], [cosines.mean(), cosines.std()], rtol=1e-5)
