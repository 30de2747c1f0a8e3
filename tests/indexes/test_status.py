import logging
from pathlib import Path

import pytest

from core.filters import Field, Name, OneOf
from core.types import Attributes, IndexEntry
from indexes.dense import TUNING_FILE
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.status import DenseStatus, read_status
from indexes.writer import IndexWriter
from tests.indexes.dense.test_segment import unit_vectors

ROWS = 1500
ODD = OneOf(Field(Name.DOCUMENT_ID), ("odd",))


def filled(folder: Path, rows: int = ROWS, exact_rows: int = 1000) -> None:
    """Commit so many chunks with random vectors."""
    with IndexWriter.open(folder, exact_rows=exact_rows) as writer:
        vectors = unit_vectors(rows, 24, 0)
        of = [Attributes(document_id="even"), Attributes(document_id="odd")]
        writer.add([IndexEntry(i, "", "", f"word{i}", vector, of[i % 2]) for i, vector in enumerate(vectors, 1)])
        writer.commit()


def test_status_tells_how_vectors_are_searched(tmp_path: Path) -> None:
    filled(tmp_path / "few", 900)
    assert read_status(tmp_path / "few").dense == DenseStatus(900, 0, 0, None, None)
    filled(tmp_path / "many")
    status = read_status(tmp_path / "many")
    assert (status.dense.exact_vectors, status.dense.listed_vectors) == (0, ROWS)
    assert status.dense.lists > 1
    assert status.dense.recall is not None
    assert 0.95 <= status.dense.recall <= 1
    assert status.dense.read_share is not None
    assert 0 < status.dense.read_share <= 1
    with HybridIndex.open(tmp_path / "many") as index:
        assert index.status() == status
    assert read_status(tmp_path / "nothing").chunks == 0


def test_a_segment_of_codes_is_searched_checked_and_merged_as_any_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    filled(tmp_path)
    question = unit_vectors(1, 24, 5)[0]
    (codes,) = tmp_path.rglob(TUNING_FILE)
    with HybridIndex.open(tmp_path) as index:

        def found() -> list[int]:
            query = HybridQuery("x", question, 10, "dense", wanted=ODD, effort=10.0)
            return [hit.chunk_id for hit in index.search(query).hits]

        odd = found()
        assert all(id_ % 2 for id_ in odd)
        assert len(odd) == 10
        assert index.damages() == []
        for path in codes.parent.glob("dense.*"):
            whole = path.read_bytes()
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            assert [line.split(":")[0] for line in index.damages()] == [path.relative_to(tmp_path).as_posix()]
            path.write_bytes(whole)
        with IndexWriter.open(tmp_path, exact_rows=1000) as writer:
            writer.tombstone(range(1, 500))
            writer.commit()
        index.refresh()
        assert min(found()) >= 500
        assert index.status().dense.listed_vectors in {0, ROWS - 499}  # merged by the commit, or not yet
    assert not caplog.messages
