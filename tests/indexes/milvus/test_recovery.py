"""What a writer leaves in Milvus that dies in the middle of a commit, and what the next one makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Unavailable
from core.settings import Settings
from indexes.backends import open_any_writer, open_index
from indexes.hybrid import HybridQuery
from indexes.milvus import statistics
from tests.support.index_entries import entry

pytestmark = pytest.mark.milvus


def scores(settings: Settings) -> dict[int, float | None]:
    index = open_index(settings, 1)
    hits = index.search(HybridQuery("alpha beta", None, 50, "lexical")).hits
    index.close()
    return {hit.chunk_id: hit.lexical_score for hit in hits}


def test_statistics_that_a_dead_writer_left_are_counted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = {
        id_: " ".join(["alpha"] * (id_ % 3) + ["beta"] * (id_ % 4) + ["filler"] * id_) for id_ in range(1, 30)
    }
    milvus = Settings(data_dir=tmp_path, index="milvus", milvus_uri=str(tmp_path / "milvus.db"))
    embedded = Settings(data_dir=tmp_path / "embedded", index="embedded")
    with open_any_writer(milvus, 1) as writer:
        writer.add([entry(id_, body) for id_, body in bodies.items() if id_ < 15])
        writer.commit()
    # The fault: rows are written, and the connection is lost before their terms are counted.
    with monkeypatch.context() as cut, open_any_writer(milvus, 1) as writer:
        cut.setattr(statistics, "apply", lambda *_: (_ for _ in ()).throw(Unavailable("the connection is lost")))
        writer.tombstone([3, 4])
        writer.add([entry(id_, body) for id_, body in bodies.items() if id_ > 10])
        with pytest.raises(Unavailable):
            writer.commit()
    open_any_writer(milvus, 1).close()
    left = {id_: body for id_, body in bodies.items() if id_ not in {3, 4}}
    with open_any_writer(embedded, 1) as writer:
        writer.add([entry(id_, body) for id_, body in left.items()])
        writer.commit()
    expected = scores(embedded)
    assert scores(milvus) == pytest.approx(expected, rel=1e-6)
    assert len(expected) > 20
