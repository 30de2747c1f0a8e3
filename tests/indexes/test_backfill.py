"""`ragstone backfill` on a real Ray and real weights: cut off by SIGKILL, it goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.database import Database
from core.models import Chunk, Generation, Vector
from core.settings import Settings
from core.types import Embeddings
from core.vectors import content_hash
from indexes.embedders.e5 import E5Embedder
from indexes.embedding import ChunkEmbedder
from indexes.passages import embedding_text, stored_chunks
from tests.support.rows import add_collection, add_revision
from tests.support.shared_data import passages

pytestmark = [pytest.mark.ray, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
_CHUNKS = 280


class NoMore:
    """The embedder's name without its model: whoever asks it for a vector has found one missing."""

    dimension, max_tokens, is_pinned = 384, 512, True

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        raise AssertionError(f"{len(texts)} vectors were not kept")

    def embed_query(self, text: str) -> Embeddings:
        raise AssertionError

    def count_tokens(self, text: str) -> int:
        return len(text)

    def close(self) -> None:
        pass


@pytest.fixture
def settings(tmp_path: Path, e5: E5Embedder) -> Settings:
    """A database with chunks of real text that nobody has embedded."""
    settings = Settings(data_dir=tmp_path)
    database = Database(settings.resolved_database_url)
    database.migrate()
    with database.write() as session:
        collection = add_collection(session, "papers")
        generation = session.get_one(Generation, collection.active_generation_id)
        generation.fingerprint, generation.dimension = e5.fingerprint, e5.dimension
        revision = add_revision(session, collection, "all.txt")
        first = session.scalars(select(Chunk)).one()
        first.content_hash = content_hash(first.text)
        for ordinal, text in enumerate(passages("scifact", _CHUNKS - 1), 1):
            session.add(
                Chunk(
                    revision_id=revision.id,
                    generation_id=generation.id,
                    ordinal=ordinal,
                    text=text[:160],
                    context="",
                    heading_path=[],
                    char_start=0,
                    char_end=1,
                    token_count=1,
                    content_hash=content_hash(text[:160]),
                )
            )
    database.close()
    return settings


def kept(settings: Settings) -> int:
    database = Database(settings.resolved_database_url)
    with database.read() as session:
        count = session.scalar(select(func.count()).select_from(Vector)) or 0
    database.close()
    return count


def started(settings: Settings) -> subprocess.Popen[str]:
    (settings.data_dir / "models").mkdir(exist_ok=True)
    environment = os.environ | {
        "RAGSTONE_DATA_DIR": str(settings.data_dir),
        "RAGSTONE_EMBED_BATCH": "8",
        "RAGSTONE_EMBED_CONCURRENCY": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [
        sys.executable,
        "-m",
        "app.cli",
        "backfill",
        "-c",
        "papers",
        "--workers",
        "2",
        "--cpus",
        "0.5",
        "--json",
    ]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


@pytest.fixture
def killed(settings: Settings) -> int:
    """How many vectors are kept after a run that was killed in the middle."""
    process = started(settings)
    try:
        deadline = time.monotonic() + 180
        while kept(settings) == 0:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "nothing was embedded"
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    count, before = kept(settings), -1
    while count != before:  # Ray's own processes follow their driver within a moment
        time.sleep(3)
        count, before = kept(settings), count
    return count


def test_a_killed_backfill_goes_on_where_it_was_and_leaves_nothing_to_embed(
    settings: Settings, e5: E5Embedder, killed: int
) -> None:
    assert 0 < killed < _CHUNKS
    output, errors = started(settings).communicate(timeout=400)
    done = json.loads(output.strip().splitlines()[-1]) if output.strip() else errors
    assert done == {"generations": 1, "texts": _CHUNKS, "embedded": _CHUNKS - killed}
    database = Database(settings.resolved_database_url)
    with database.read() as session:
        chunks = stored_chunks(session, Chunk.content_hash.is_not(None))
    assert len(chunks) == _CHUNKS
    embedder = ChunkEmbedder(settings, database, stopping=lambda: False)
    vectors = embedder.embed(chunks, NoMore(e5.fingerprint), e5.dimension)
    database.close()
    expected = e5.embed_passages([embedding_text(chunk) for chunk in chunks[:5]])
    assert (vectors[:5] * expected).sum(axis=1) == pytest.approx(1, abs=1e-3)
