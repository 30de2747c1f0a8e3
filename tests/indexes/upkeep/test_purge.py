"""After a purge no byte of a deleted document is in any file: the files themselves are read, not our own search."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from core.database import Database
from indexes.hybrid import HybridIndex
from tests.support.postgres import fresh_database
from tests.support.service import RunningService, running_service
from tests.support.stored import chunks_of, database_of, index_folder
from tests.support.upkeep import upkeep_of

# Nothing else says these; they stand in title, heading, body and metadata.
TITLE, HEADING, BODY, BODY_ZH, META = "Quokkaplan", "Xylotheque", "zanzibarite", "貔貅鎏金", "ocarina-77"
MARKS = (TITLE, HEADING, BODY, BODY_ZH, META)
SECRET = f"# {HEADING} 貔貅\n\n" + "\n\n".join(
    f"Paragraph {n}: the {BODY} of office {n} is worth {n} hundred euros, and {BODY_ZH}第{n}件。" for n in range(40)
)
KEPT = {f"kept{n}.txt": f"Office {n} has a plant that is worth {n} euros.".encode() for n in range(30)}


def spelled(mark: str) -> list[bytes]:
    """The ways in which a file may hold a text, written out here on their own account."""
    ascii_ = "".join(c if ord(c) < 128 else f"\\u{ord(c):04x}" for c in mark).encode()
    return [mark.encode(), mark.encode("utf-16-le"), mark.encode("utf-16-be"), ascii_]


def holding(folder: Path, contents: list[bytes]) -> set[str]:
    """Files below a folder that hold any of these."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(p.relative_to(folder)) for p in files if any(content in p.read_bytes() for content in contents)}


def put_secret(service: RunningService) -> None:
    """Feed the secret beside others, let it be asked about and reindexed, so that everything that may holds it."""
    service.create_collection("offices", chunk_target_tokens=60, chunk_max_tokens=120)
    service.feed("offices", KEPT)
    line = {"id": "secret.md", "title": TITLE, "text": SECRET, "metadata": {"code": META}}
    with service.client() as client:
        reply = client.post("/v1/collections/offices/documents/bulk", json=line)
        assert service.wait_for_job(reply.json()["id"])["state"] == "succeeded"
        answer = client.post(
            "/v1/answers",
            json={"collection": "offices", "question": f"What is the {BODY} of office 7 worth?", "stream": False},
        ).json()
        assert BODY in answer["text"]
        job = client.post("/v1/admin/reindex", json={"collection": "offices", "chunk_target_tokens": 80}).json()
        assert service.wait_for_job(job["id"])["state"] == "succeeded"


def vectors_of_secret(service: RunningService) -> list[bytes]:
    ids = set(chunks_of(service, "offices", "secret.md"))
    with HybridIndex.open(index_folder(service, "offices")) as index:
        parts = [(s.chunk_ids, s.dense.vectors) for s in index.snapshot.segments]
        return [vectors[row].tobytes() for found, vectors in parts for row, id_ in enumerate(found) if id_ in ids]


def test_no_file_holds_a_byte_of_a_deleted_document(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running_service(folder) as service, upkeep_of(service) as upkeep:
        put_secret(service)
        vectors = vectors_of_secret(service)
        assert len(vectors) > 10
        for mark in MARKS:
            assert holding(folder, spelled(mark)), f"{mark} is nowhere: this test would prove nothing"
        assert holding(folder, vectors[:1])
        before = upkeep.prove(MARKS, [])
        # Text and title of a document that lives are no leak; they are found all the same.
        assert (before.shared, {place.text for place in before.places}) == (len(MARKS) - 1, {META})

        with service.client() as client:
            assert client.delete("/v1/collections/offices/documents/secret.md").status_code == 204
        service.search("offices", "office 3 plant")
        done = upkeep.purge(None)
        assert (done.left, done.removed_answers) == ([], 1)

        for mark in MARKS:
            assert holding(folder, spelled(mark)) == set(), mark
        assert holding(folder, vectors) == set()
        source = tmp_path / "secret.md"
        source.write_text(SECRET, encoding="utf-8")
        after = upkeep.prove(MARKS, [source])
        assert (after.places, after.clean) == ([], True)
        assert after.texts > 100
        # The others are as they were, and the index as sound.
        assert service.search("offices", "office 3 plant", k=1)[0]["document_id"] == "kept3.txt"
        assert all(report.sound for report in upkeep.verify("offices", deep=True))


def test_what_was_replaced_or_went_with_its_collection_is_purged_too(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running_service(folder) as service, upkeep_of(service) as upkeep:
        service.create_collection("stays")
        service.create_collection("goes")
        service.put("stays", "a.txt", b"The former price is nineteen xenotimes.")
        service.put("stays", "a.txt", b"The present price is twenty.")
        service.feed("goes", {"b.txt": b"The goblin shark lives in the deep.", "c.txt": b"A vanishing cloudberry."})
        with service.client() as client:
            assert client.delete("/v1/collections/goes").status_code == 204
        assert holding(folder, [b"cloudberry"])
        assert upkeep.prove(["xenotimes", "cloudberry"], []).places
        upkeep.purge(None)
        for mark in ("xenotimes", "goblin shark", "cloudberry"):
            assert holding(folder, spelled(mark)) == set(), mark
        assert len(list((folder / "index").iterdir())) == 1
        assert service.search("stays", "price", k=1)[0]["text"] == "The present price is twenty."


@pytest.mark.postgres
def test_no_table_of_postgresql_holds_a_byte_of_a_deleted_document(tmp_path: Path, postgres_server: str) -> None:
    with (
        fresh_database(postgres_server) as url,
        running_service(tmp_path / "data", database_url=url) as service,
        upkeep_of(service) as upkeep,
        database_of(service) as database,
    ):
        put_secret(service)
        tables = tables_of(database, "ANALYZE")
        assert holding(tables, spelled(BODY)), "the tables' files hold nothing: this would prove nothing"
        found = upkeep.prove([META], []).places
        assert {place.where for place in found} >= {"table revisions, meta"}
        with service.client() as client:
            assert client.delete("/v1/collections/offices/documents/secret.md").status_code == 204
        upkeep.purge("offices", rewrite_tables=True)
        assert upkeep.prove(MARKS, []).places == []
        tables_of(database, "CHECKPOINT")
        for mark in MARKS:
            assert holding(tables, spelled(mark)) == set(), mark
            assert holding(tmp_path / "data", spelled(mark)) == set(), mark


def tables_of(database: Database, first: str) -> Path:
    """Run a statement, write what is in memory to the files of PostgreSQL's tables, and return their folder."""
    with database._writes.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(first))
        connection.execute(text("CHECKPOINT"))
        oid = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
        return Path(connection.scalar(text("SHOW data_directory"))) / "base" / str(oid)
