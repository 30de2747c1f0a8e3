"""Kept vectors are given back exactly, belong to one embedder, and go with the last chunk that holds their text."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sqlalchemy import delete, func, select, update

from core.database import Database
from core.models import Chunk, Collection, Generation, Revision, Vector
from core.types import Embeddings
from core.vectors import (
    content_hash,
    drop_unused_vectors,
    store_vectors,
    stored_vectors,
    sweep_vectors,
    trim_vectors,
)
from tests.support.rows import add_collection, add_revision

DIMENSION = 384


def vector(seed: int) -> Embeddings:
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


def add_chunks(database: Database, *texts: str, collection: str = "a") -> dict[str, int]:
    """Add a document for each text, with one chunk of that text; returns the chunks' ids."""
    with database.write() as session:
        row = session.scalars(select(Collection).where(Collection.name == collection)).one_or_none()
        row = row or add_collection(session, collection)
        ids: dict[str, int] = {}
        for text in texts:
            revision = add_revision(session, row, text)
            chunk = session.scalars(select(Chunk).where(Chunk.revision_id == revision.id)).one()
            chunk.content_hash = content_hash(text)
            ids[text] = chunk.id
        return ids


def keep(database: Database, ids: dict[str, int], fingerprint: str = "f") -> None:
    with database.write() as session:
        vectors = {content_hash(text): vector(id_) for text, id_ in ids.items()}
        store_vectors(session, fingerprint, vectors, list(ids.values()))


def kept(database: Database, *texts: str, fingerprint: str = "f", dimension: int = DIMENSION) -> list[str]:
    with database.read() as session:
        found = stored_vectors(session, fingerprint, map(content_hash, texts), dimension)
    return [text for text in texts if content_hash(text) in found]


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Vector)) or 0


def test_what_is_kept_comes_back_bit_for_bit_and_for_its_embedder_alone(database: Database) -> None:
    ids = add_chunks(database, *(f"text {n}" for n in range(600)))
    keep(database, ids)
    with database.read() as session:
        found = stored_vectors(session, "f", map(content_hash, ids), DIMENSION)
    assert len(found) == 600
    for text, id_ in ids.items():
        np.testing.assert_array_equal(found[content_hash(text)], vector(id_))
    assert kept(database, "text 1", fingerprint="other") == []
    assert kept(database, "text 1", dimension=8) == [], (
        "a vector of another length is no embedding of this embedder"
    )


def test_keeping_twice_and_from_several_threads_at_once_is_one_vector_each(database: Database) -> None:
    ids = add_chunks(database, *(f"text {n}" for n in range(300)))
    orders = [ids, dict(reversed(ids.items()))] * 2
    threads = [threading.Thread(target=keep, args=(database, order)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 300


def test_vector_of_a_chunk_that_went_meanwhile_is_not_kept(database: Database) -> None:
    ids = add_chunks(database, "gone", "here")
    with database.write() as session:
        session.execute(delete(Chunk).where(Chunk.id == ids["gone"]))
    keep(database, ids)
    assert kept(database, "gone", "here") == ["here"]


def test_dropping_spares_what_another_chunk_holds(database: Database) -> None:
    first, second = add_chunks(database, "shared", "own"), add_chunks(database, "shared", collection="b")
    keep(database, first)
    hashes = [content_hash(text) for text in first]
    with database.write() as session:
        session.execute(delete(Chunk).where(Chunk.id.in_(first.values())))
        drop_unused_vectors(session, hashes)
    assert kept(database, "shared", "own") == ["shared"]
    with database.write() as session:
        session.execute(delete(Chunk).where(Chunk.id.in_(second.values())))
        drop_unused_vectors(session, hashes)
    assert count(database) == 0


def test_sweep_takes_what_no_generation_of_its_embedder_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.vectors._SWEPT_AT_ONCE", 3)  # several rounds
    ids = add_chunks(database, *(f"text {n}" for n in range(10)))
    keep(database, ids)
    keep(database, ids, fingerprint="former")
    with database.write() as session:
        session.execute(delete(Revision).where(Revision.filename.in_(["text 0", "text 9"])))
    assert sweep_vectors(database) == 12
    assert kept(database, *ids) == [f"text {n}" for n in range(1, 9)]
    assert sweep_vectors(database) == 0
    with database.write() as session:
        session.execute(update(Generation).values(fingerprint="next"))
    assert sweep_vectors(database) == 8
    assert (count(database), sweep_vectors(database)) == (0, 0)


def test_no_more_vectors_stay_than_set_and_the_oldest_go(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.vectors._AT_ONCE", 7)  # several rounds
    texts = [f"text {n:02}" for n in range(40)]
    for text, id_ in add_chunks(database, *texts).items():
        keep(database, {text: id_})
    assert trim_vectors(database, 40) == 0
    assert trim_vectors(database, 20) == 20
    assert kept(database, *texts) == texts[20:]
    assert trim_vectors(database, 0) == 20
    assert count(database) == 0
