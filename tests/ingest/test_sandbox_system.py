"""What the system may do to the parsing process without costing a document: signals, a lack of semaphores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ingest.sandbox import ParserProcess
from tests.support.service import ROOT


@pytest.fixture(scope="module")
def parser() -> Iterator[ParserProcess]:
    process = ParserProcess(timeout_s=60, max_chars=1_000_000)
    yield process
    process.close()


def test_interrupt_to_the_whole_group_lets_the_file_at_hand_finish(parser: ParserProcess) -> None:
    parser.parse(b"first", "a.txt", "")
    (child,) = multiprocessing.active_children()
    assert child.pid is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(child.pid, number)
    assert parser.parse(b"second", "b.txt", "").text == "second"
    assert child.is_alive()


def test_process_that_died_between_two_files_costs_neither(parser: ParserProcess) -> None:
    parser.parse(b"first", "a.txt", "")
    (child,) = multiprocessing.active_children()
    child.kill()
    child.join()
    assert parser.parse(b"second", "b.txt", "").text == "second"


def test_files_are_read_where_the_system_has_no_semaphores() -> None:
    # As in a root without a writable /dev/shm; taking it away for real needs a mount namespace.
    program = """
import _multiprocessing
class Denied:
    SEM_VALUE_MAX = 1
    def __init__(self, *arguments):
        raise PermissionError(13, "Permission denied")
if __name__ == "__main__":
    _multiprocessing.SemLock = Denied
    from ingest.sandbox import ParserProcess
    parser = ParserProcess(60, 1000)
    print(parser.parse(b"read all the same", "a.txt", "").text)
    parser.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "read all the same\n", done.stderr
