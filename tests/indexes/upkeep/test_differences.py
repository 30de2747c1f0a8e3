"""Database and index compared beside the running service, on both databases: what differs is found and mended."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, select

from core.models import Chunk, Document, Revision
from core.types import IndexEntry
from tests.app.conftest import service as service  # noqa: PLC0414 - the same service on both databases
from tests.support.stored import active_generation, chunks_of, database_of
from tests.support.upkeep import DOCUMENTS, Tended, some_vector


def test_sound_index_is_called_sound(tended: Tended) -> None:
    (report,) = tended.reports(deep=True)
    assert (report.documents, report.chunks, report.findings) == (DOCUMENTS, DOCUMENTS, [])


def test_entries_that_nobody_knows_are_found_and_removed(tended: Tended) -> None:
    tended.write(IndexEntry(10**9, "", "", "a ghost", some_vector()))
    assert tended.kinds() == {"extra-entries"}
    tended.mend()


def test_chunks_missing_from_the_index_are_found_and_added(tended: Tended) -> None:
    tended.write(dropped=chunks_of(tended.service, tended.name, "d3.txt"))
    assert "d3.txt" not in {hit["document_id"] for hit in tended.service.search(tended.name, "locker 3", k=50)}
    assert tended.kinds() == {"missing-chunks"}
    tended.mend()


def test_entries_of_a_revision_that_does_not_answer_are_found_and_removed(tended: Tended) -> None:
    generation = active_generation(tended.service, tended.name)
    with database_of(tended.service) as database, database.write() as session:
        (known,) = chunks_of(tended.service, tended.name, "d2.txt")
        document_id = session.get_one(Revision, session.get_one(Chunk, known).revision_id).document_id
        common = {"blob_sha256": "0" * 64, "size_bytes": 1, "content_type": "", "filename": "", "content_key": ""}
        failed = Revision(document_id=document_id, state="failed", **common)
        session.add(failed)
        session.flush()
        place = {"ordinal": 0, "heading_path": [], "char_start": 0, "char_end": 1, "token_count": 1}
        chunk = Chunk(revision_id=failed.id, generation_id=generation, text="x", context="", **place)
        session.add(chunk)
        session.flush()
        chunk_id = chunk.id
    tended.write(IndexEntry(chunk_id, "", "", "x", some_vector()))
    assert tended.kinds() == {"wrong-revision"}
    tended.mend()


def test_vectors_that_are_no_directions_are_found_and_made_anew(tended: Tended) -> None:
    (first,) = chunks_of(tended.service, tended.name, "d4.txt")
    (second,) = chunks_of(tended.service, tended.name, "d5.txt")
    tended.write(
        IndexEntry(first, "", "", "Locker 4 belongs", np.full(384, np.nan, np.float32)),
        IndexEntry(second, "", "", "Locker 5 belongs", some_vector() * 3),
    )
    assert tended.kinds() == {"wrong-vectors"}
    tended.mend()


def test_terms_and_vectors_of_another_text_are_found_by_the_long_look(tended: Tended) -> None:
    (id_,) = chunks_of(tended.service, tended.name, "d6.txt")
    tended.write(replace(tended.entry(id_), body="something else", embedding=some_vector()))
    assert tended.kinds() == set()
    assert tended.kinds(deep=True) == {"wrong-terms", "other-vectors"}
    tended.mend()


@pytest.mark.parametrize(
    "change",
    [{"groups": ["board"]}, {"metadata": {"a": None}}, {"metadata": {"a": 1.5}}, {"lang": "fr"}, {"updated_at": 1}],
)
def test_attributes_of_another_document_are_found_by_the_long_look(
    tended: Tended, change: dict[str, object]
) -> None:
    """Searches would still show what they may, and miss what they should find."""
    (id_,) = chunks_of(tended.service, tended.name, "d6.txt")
    entry = tended.entry(id_)
    tended.write(entry)
    assert tended.kinds(deep=True) == set()
    tended.write(replace(entry, attributes=replace(entry.attributes, **change)))  # type: ignore[arg-type]
    assert tended.kinds() == set()
    assert tended.kinds(deep=True) == {"wrong-attributes"}
    tended.mend()


def test_document_by_half_is_found_and_built_anew(tended: Tended) -> None:
    (id_,) = chunks_of(tended.service, tended.name, "d7.txt")
    tended.write(dropped=[id_])
    with database_of(tended.service) as database, database.write() as session:
        session.execute(delete(Chunk).where(Chunk.id == id_))
    assert tended.kinds() == {"half-document"}
    (report,) = tended.reports(repair=True)
    (line,) = report.mended
    assert tended.service.wait_for_job(line.split()[-1])["state"] == "succeeded"
    active, kept = tended.reports(repair=True)
    assert (active.sound, active.state, kept.sound, kept.state) == (True, "active", False, "retired")
    tended.mend()  # what could not be rolled back to is given up


def test_lost_original_is_named_and_cannot_be_mended(tended: Tended) -> None:
    tended.service.put(tended.name, "only.txt", b"Only here lies the amaranth.")
    statement = (
        select(Revision.blob_sha256)
        .join(Document, Document.live_revision_id == Revision.id)
        .where(Document.external_id == "only.txt")
    )
    with database_of(tended.service) as database, database.read() as session:
        sha256 = session.scalars(statement).one()
    path = tended.service.data_dir / "blobs" / sha256[:2] / sha256
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    assert tended.kinds() == set()
    assert tended.kinds(deep=True) == {"damaged-original"}
    path.unlink()
    assert tended.kinds(repair=True) == {"damaged-original"}
    path.write_bytes(whole)
    assert tended.kinds(deep=True) == set()


def test_what_only_happens_is_not_called_damage(tended: Tended) -> None:
    ended = threading.Event()

    def change() -> None:
        n = 0
        while not ended.is_set():
            n += 1
            with tended.service.client() as client:
                path = f"/v1/collections/{tended.name}/documents/n"
                client.put(f"{path}{n % 7}.txt", content=f"Change {n}.".encode())
                client.delete(f"{path}{(n + 3) % 7}.txt")

    feeder = threading.Thread(target=change)
    feeder.start()
    try:
        for _ in range(6):
            assert tended.kinds() == set()
    finally:
        ended.set()
        feeder.join()
