"""Nothing is lost, doubled or half visible wherever a worker is stopped, or its disk fails; no query fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from indexes.embedders.e5 import E5Embedder
from tests.reliability.crashes import FAULTS, Crashes
from tests.reliability.place import Remembering
from tests.support.changes import KILL, run_watched

SEED = int(os.environ.get("TEST_SEED", "20261125"))
# All of them, in an hour or more: python -m tests.reliability crashes
CHANGES = {"kill": 4}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_no_crash_or_fault_loses_doubles_or_halves(
    request: pytest.FixtureRequest, tmp_path: Path, e5: E5Embedder, database: str
) -> None:
    server = "" if database == "sqlite" else request.getfixturevalue("postgres_server")
    crashes = Crashes(tmp_path, server, Remembering(e5))
    for name, most in CHANGES.items():
        outcome = crashes.run(FAULTS[name], SEED, slice(most))
        assert outcome.wrong == [], f"seed {SEED}"
        assert outcome.tried.total() == most
        assert outcome.queries > most


def test_a_process_is_stopped_before_the_very_change(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def write_twice() -> None:
        with file.open("wb", buffering=0) as opened:
            opened.write(b"one")
            opened.write(b"two")

    calls: list[str] = []
    ended = run_watched(write_twice, lambda change: calls.append(change.call) or 0)
    assert (ended.changes, ended.exit_code, calls) == (3, 0, ["openat", "write", "write"])
    assert file.read_bytes() == b"onetwo"
    ended = run_watched(write_twice, lambda change: KILL if change.number == 3 else 0)
    assert (ended.changes, ended.killed, file.read_bytes()) == (3, True, b"one")


def test_a_call_fails_as_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def write() -> None:
        with file.open("wb", buffering=0) as opened, pytest.raises(OSError, match="No space left"):
            opened.write(b"one")

    ended = run_watched(write, lambda change: errno.ENOSPC if change.call == "write" else 0)
    assert (ended.exit_code, file.read_bytes()) == (0, b"")
