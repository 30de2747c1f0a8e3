from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import IntegrityError

from core import migrations
from core.database import Database
from core.errors import StorageFull, Unavailable
from core.models import Base, Collection, Document, Revision, RevisionGroup
from tests.support.rows import add_collection, add_revision


def test_migrations_make_exactly_the_models(database: Database) -> None:
    with database.write() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, "compare_server_default": True}
        )
        found = compare_metadata(context, Base.metadata)
        assert [change for change in found if "alembic_version" not in str(change)] == []


def test_migrating_again_and_from_two_processes_at_once_changes_nothing(database: Database) -> None:
    with database.write() as session:
        add_collection(session, "kept")
    others = [Database(database.url) for _ in range(3)]
    threads = [threading.Thread(target=other.migrate) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        with other.read() as session:
            assert session.scalar(select(Collection.name)) == "kept"
        other.close()


def test_block_that_raises_leaves_nothing(database: Database) -> None:
    def half() -> None:
        with database.write() as session:
            add_collection(session, "half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Collection)) == 0


def test_reader_sees_one_state_while_another_writes(database: Database) -> None:
    with database.write() as session:
        add_collection(session, "a")
    with database.read() as reading:
        before = reading.scalar(select(func.count()).select_from(Collection))
        with database.write() as writing:
            add_collection(writing, "b")
        assert reading.scalar(select(func.count()).select_from(Collection)) == before
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Collection)) == 2


def test_writers_wait_for_each_other_and_lose_no_update(database: Database) -> None:
    with database.write() as session:
        add_collection(session, "a").settings = {"n": 0}

    def add() -> None:
        for _ in range(20):
            with database.write() as session:
                row = session.scalars(select(Collection).with_for_update()).one()
                row.settings = {"n": row.settings["n"] + 1}

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalars(select(Collection)).one().settings == {"n": 80}


def test_deleted_document_takes_its_revisions_with_it(database: Database) -> None:
    with database.write() as session:
        add_revision(session, add_collection(session, "a"), "x.txt")
    with database.write() as session:
        session.execute(text("DELETE FROM documents"))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Revision)) == 0


def test_ids_are_never_used_twice(database: Database) -> None:
    with database.write() as session:
        first = add_revision(session, add_collection(session, "a"), "x.txt").id
        session.execute(text("DELETE FROM documents"))
    with database.write() as session:
        collection = session.scalars(select(Collection)).one()
        assert add_revision(session, collection, "x.txt").id > first


def test_document_id_is_unique_in_its_collection(database: Database) -> None:
    with database.write() as session:
        collection_id = add_collection(session, "a").id
        session.add(Document(collection_id=collection_id, external_id="x"))
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Document(collection_id=collection_id, external_id="x"))


def test_any_text_comes_back_as_it_was(database: Database) -> None:
    title = "年假 🧾 𠮷 'quoted' \"%s\" ; DROP TABLE documents; --"
    with database.write() as session:
        add_revision(session, add_collection(session, "a"), title, meta={"owner": title})
    with database.read() as session:
        revision = session.scalars(select(Revision)).one()
        assert (revision.filename, revision.meta) == (title, {"owner": title})


def test_database_that_is_down_says_so_in_one_line() -> None:
    with pytest.raises(Unavailable) as caught:
        Database("postgresql+psycopg://nobody@127.0.0.1:1/none").migrate()
    assert caught.value.detail.startswith("The database does not answer")
    assert "\n" not in caught.value.detail


def test_full_database_says_that_the_disk_is_full(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'small.db'}")
    database.migrate()

    def fill() -> None:
        with database.write() as session:
            # SQLite's own limit raises the error of a full disk (SQLITE_FULL).
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            collection = add_collection(session, "a")
            for n in range(500):
                add_revision(session, collection, f"{n}-{'x' * 1000}")

    with pytest.raises(StorageFull):
        fill()
    database.close()


def test_change_of_the_documents_table_loses_no_revision(database: Database) -> None:
    with database.write() as session:
        add_revision(session, add_collection(session, "a"), "x.txt", groups=["board"])
    for change, to in ((command.downgrade, "0003"), (command.upgrade, "head")):
        config = Config()
        config.set_main_option("script_location", str(Path(*migrations.__path__)))
        with create_engine(database.url).connect() as connection, connection.begin():
            if database.is_sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
            config.attributes["connection"] = connection
            change(config, to)
        with database.read() as session:
            assert session.scalar(select(func.count()).select_from(RevisionGroup)) == 1
