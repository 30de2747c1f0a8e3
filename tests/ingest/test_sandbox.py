"""A file that makes its parser hang or die costs that file alone, and says so. Real processes throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from core.errors import DocumentRejected
from ingest.sandbox import ParserProcess
from tests.support.waiting import wait_until

# Nested so deep that the HTML parser works on it for many minutes.
ENDLESS = b"<html><body>" + b"<div>" * 400_000
GOOD = b"# Leave\n\nTwenty days."


@pytest.fixture
def parser() -> Iterator[ParserProcess]:
    process = ParserProcess(timeout_s=60, max_chars=1_000_000)
    yield process
    process.close()


def children() -> dict[int, str]:
    """The parsing processes of this test process, by id."""
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    pairs = (line.split(maxsplit=1) for line in listed.stdout.splitlines())
    return {int(pid): args for pid, args in pairs if "spawn_main" in args}


def test_document_is_parsed_and_cleaned_in_another_process(parser: ParserProcess) -> None:
    document = parser.parse(GOOD, "leave.md", "")
    assert (document.title, document.language) == ("Leave", "en")
    assert len(children()) == 1


def test_rejection_of_the_parser_arrives_with_its_code(parser: ParserProcess) -> None:
    with pytest.raises(DocumentRejected) as caught:
        parser.parse(b"", "empty.pdf", "")
    assert caught.value.code == "empty"


def test_parser_that_hangs_is_ended_with_a_reason_and_the_next_file_is_read() -> None:
    parser = ParserProcess(timeout_s=4, max_chars=1_000_000)
    try:
        with pytest.raises(DocumentRejected) as caught:
            parser.parse(ENDLESS, "endless.html", "")
        assert caught.value.code == "parse-timeout"
        assert "4 s" in caught.value.detail
        wait_until_gone()
    finally:
        parser.close()
    patient = ParserProcess(timeout_s=60, max_chars=1_000_000)
    try:
        assert patient.parse(GOOD, "leave.md", "").title == "Leave"
    finally:
        patient.close()


def test_parser_that_dies_is_replaced_with_a_reason(parser: ParserProcess) -> None:
    parser.parse(GOOD, "leave.md", "")
    (pid,) = children()
    # No file is known to crash a parser: the kernel's out-of-memory killer ends one in the same way.
    killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(DocumentRejected) as caught:
        parser.parse(ENDLESS, "endless.html", "")
    killer.join()
    assert caught.value.code == "parser-crashed"
    assert parser.parse(GOOD, "leave.md", "").title == "Leave"


def test_closing_twice_leaves_no_process(parser: ParserProcess) -> None:
    parser.parse(GOOD, "leave.md", "")
    parser.close()
    parser.close()
    wait_until_gone()


def wait_until_gone() -> None:
    wait_until(lambda: children() == {}, within_s=20)
