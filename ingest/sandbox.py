"""Parsing in a process of its own: a parser that hangs or crashes costs one document, not the worker."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from core.errors import DocumentRejected
from core.types import ParsedDocument
from ingest.clean import clean
from ingest.parse import parse

# A process is renewed after this many documents, which returns what C libraries have leaked.
_DOCUMENTS_A_PROCESS = 200
_END_WITHIN_S = 5.0


class ParserFailed(Exception):
    """A parser raised what it should not; the text is its traceback, since not every exception can be sent."""


class _Work(NamedTuple):
    data: bytes
    filename: str
    content_type: str
    max_chars: int


class ParserProcess:
    """One parsing process at a time, started when it is first needed and again after it died.

    A pipe and no executor: an executor's queues need POSIX semaphores, which a root without a writable /dev/shm
    does not have, and it offers no way to end a task that hangs.
    """

    def __init__(self, timeout_s: float, max_chars: int) -> None:
        self._timeout_s = timeout_s
        self._max_chars = max_chars
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._documents = 0

    def parse(self, data: bytes, filename: str, content_type: str) -> ParsedDocument:
        """Parse and clean; raises DocumentRejected, also where the parser hangs or crashes."""
        if self._process is not None and (self._documents >= _DOCUMENTS_A_PROCESS or not self._process.is_alive()):
            self.close()
        pipe = self._pipe or self._start()
        self._documents += 1
        try:
            pipe.send(_Work(data, filename, content_type, self._max_chars))
            if not pipe.poll(self._timeout_s):
                self._kill()
                raise DocumentRejected(
                    "parse-timeout",
                    f"Reading the file took longer than {self._timeout_s:g} s: split it into parts.",
                )
            outcome: ParsedDocument | DocumentRejected | ParserFailed = pipe.recv()
        except (EOFError, OSError):
            self._kill()
            raise DocumentRejected(
                "parser-crashed", "The file made its parser crash: save it again in its program and retry."
            ) from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), name="parser", daemon=True)
        self._process.start()
        theirs.close()  # so that a dead process reads as the end of the pipe
        self._pipe, self._documents = ours, 0
        return ours

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.close()

    def close(self) -> None:
        """Stop the process; idempotent."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(_END_WITHIN_S)
            self._process.kill()
            self._process.join()
            self._process.close()
        self._process, self._pipe, self._documents = None, None, 0


def _serve(pipe: Connection) -> None:
    """Parse what comes until the worker closes its end or dies.

    Signals to the whole process group are the worker's to answer: it lets the document at hand finish.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            work: _Work = pipe.recv()
        except EOFError:
            return
        outcome: ParsedDocument | DocumentRejected | ParserFailed
        try:
            outcome = _parse_and_clean(work)
        except DocumentRejected as rejected:
            outcome = rejected
        except Exception:
            outcome = ParserFailed("\n" + traceback.format_exc())
        pipe.send(outcome)


def _parse_and_clean(work: _Work) -> ParsedDocument:
    parsed = parse(work.data, filename=work.filename, content_type=work.content_type, max_chars=work.max_chars)
    return clean(parsed)
