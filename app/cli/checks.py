"""What must hold before a server or a worker starts; each failure is one line that says what to do."""

from __future__ import annotations

import errno
import os
import shutil
import socket

from app.cli.client import stop
from core.settings import Settings

# Exit codes, beside 2 for a bad setting.
PORT_TAKEN, DATA_UNWRITABLE, DATABASE_UNUSABLE = 5, 6, 7
EXPLAINED = frozenset({2, PORT_TAKEN, DATA_UNWRITABLE, DATABASE_UNUSABLE})
_LEAST_FREE_BYTES = 200 * 2**20
_LAST_PORT = 65535
_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens on the port of the settings; end the command where it cannot be had."""
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        # At once: two that are bound and do not listen yet can have the same port.
        listening.listen(_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = settings.port + 1 if settings.port < _LAST_PORT else settings.port - 1
            stop(
                f"port {settings.port} is taken, by another program or a Ragstone that runs already: "
                f"stop that, or choose another port, as in RAGSTONE_PORT={other} make run",
                PORT_TAKEN,
            )
        stop(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", PORT_TAKEN)
    return listening


def check_data_dir(settings: Settings) -> None:
    """Make the data folder; end the command where it cannot be written or the disk is full."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe = settings.data_dir / f".write-test-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(settings.data_dir).free
    except OSError as error:
        stop(
            f"cannot write to the data folder {settings.data_dir.resolve()} ({error.strerror}): "
            "mend that, or set RAGSTONE_DATA_DIR to another folder.",
            DATA_UNWRITABLE,
        )
    if free < _LEAST_FREE_BYTES:
        stop(
            f"the disk of {settings.data_dir.resolve()} is full ({free // 2**20} MB free): free at least "
            f"{_LEAST_FREE_BYTES // 2**20} MB, or set RAGSTONE_DATA_DIR to a folder on another disk.",
            DATA_UNWRITABLE,
        )


def check_database(settings: Settings) -> None:
    """Bring the database's schema up to date; end the command where the database cannot be used."""
    from core.database import Database  # noqa: PLC0415 - the other commands start faster without it
    from core.errors import RagstoneError  # noqa: PLC0415

    try:
        database = Database(settings.resolved_database_url)
        try:
            database.migrate()
        finally:
            database.close()
    except RagstoneError as error:
        stop(error.detail, DATABASE_UNUSABLE)
