"""The SQL database: one writer at a time on SQLite, any number on PostgreSQL, the same code on both."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.errors import MissingExtra, StorageFull, Unavailable
from core.filters import seconds_of_date

_BUSY_TIMEOUT_S = 30
_CHECKPOINT_WITHIN_S = 60.0
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Sessions on one database. read() sees one snapshot; write() commits at the end of its block."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        try:
            self._writes = self._engine(write=True)
            self._reads = self._engine(write=False) if self.is_sqlite else _of_one_state(self._writes)
        except ModuleNotFoundError as missing:
            raise MissingExtra(f"PostgreSQL needs {missing.name}: run `make run EXTRAS=postgres`.") from missing

    def _engine(self, *, write: bool) -> Engine:
        if not self.is_sqlite:
            return create_engine(self.url, pool_size=10, max_overflow=20, pool_pre_ping=True)
        options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 60} if write else {}
        engine = create_engine(
            self.url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}, **options
        )
        begin = "BEGIN IMMEDIATE" if write else "BEGIN"

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we begin transactions ourselves, see below
            connection.create_function("iso_seconds", 1, seconds_of_date, deterministic=True)
            cursor = connection.cursor()
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            # IMMEDIATE takes the write lock at the start, so a transaction that read first cannot fail half-way.
            connection.exec_driver_sql(begin)

        return engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read-only session; raises Unavailable where the database does not answer.

        All its statements see the state at the first. What was loaded stays readable after the block.
        """
        with _plain_errors(), Session(self._reads, expire_on_commit=False) as session:
            yield session  # closing rolls back and, unlike rollback(), expires nothing

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that commits when the block ends and rolls back when it raises."""
        with _plain_errors(), Session(self._writes, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the schema up to date; safe to call from several processes at once."""
        if self.is_sqlite:
            Path(make_url(self.url).database or "").parent.mkdir(parents=True, exist_ok=True)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with _plain_errors(), self._writes.connect() as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(7261873)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def check_schema(self) -> None:
        """Raise Unavailable where the schema is not today's: `migrate`, at the start of a service, makes it so."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        wanted = ScriptDirectory.from_config(config).get_current_head()
        with _plain_errors(), self._reads.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        if found != wanted:
            raise Unavailable(
                "The database is not of this version: start the service once, which brings it up to date."
            )

    def compact(self, tables: Iterable[str], *, rewrite: bool) -> None:
        """Give up the places of deleted rows; raises Unavailable where others keep it from that for a minute.

        SQLite is written anew as a whole, and its log emptied. PostgreSQL's tables are vacuumed, which frees
        places without wiping them; with rewrite they are written anew, each locked meanwhile.
        """
        with _plain_errors():
            if self.is_sqlite:
                self._rewrite_sqlite()
                return
            with self._writes.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for table in tables:
                    connection.execute(text(f'VACUUM ({"FULL, " if rewrite else ""}ANALYZE) "{table}"'))
                if rewrite:  # holds samples of columns; who may not rewrite it gets a warning
                    connection.execute(text("VACUUM FULL pg_catalog.pg_statistic"))

    def _rewrite_sqlite(self) -> None:
        connection = self._writes.raw_connection()  # VACUUM runs outside of a transaction
        try:
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            deadline = time.monotonic() + _CHECKPOINT_WITHIN_S
            while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # 1: a reader is in the way
                if time.monotonic() > deadline:
                    raise Unavailable("The database's log cannot be emptied while it is read: try again later.")
                time.sleep(0.1)
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._reads.dispose()
        self._writes.dispose()


def _of_one_state(engine: Engine) -> Engine:
    """Return an engine for reading from PostgreSQL, where else each statement sees what was committed before it."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig).strip().split("\n")[0]
        if "disk is full" in reason or "No space left" in reason:
            raise StorageFull("The disk that holds the database is full: free some space and try again.") from error
        raise Unavailable(f"The database does not answer: {reason}") from error
