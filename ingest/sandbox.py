"""Parsing in a process of its own: a parser that hangs or crashes costs one document, not the worker."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as ParseTimeout
from concurrent.futures.process import BrokenProcessPool

from core.errors import DocumentRejected
from core.types import ParsedDocument
from ingest.clean import clean
from ingest.parse import parse

# A process is renewed after this many documents, which returns what C libraries have leaked.
_DOCUMENTS_A_PROCESS = 200


def _parse_and_clean(data: bytes, filename: str, content_type: str, max_chars: int) -> ParsedDocument:
    return clean(parse(data, filename=filename, content_type=content_type, max_chars=max_chars))


class ParserProcess:
    """One parsing process at a time, started when it is first needed and again after it died."""

    def __init__(self, timeout_s: float, max_chars: int) -> None:
        self._timeout_s = timeout_s
        self._max_chars = max_chars
        self._pool: ProcessPoolExecutor | None = None

    def parse(self, data: bytes, filename: str, content_type: str) -> ParsedDocument:
        """Parse and clean; raises DocumentRejected, also where the parser hangs or crashes."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), max_tasks_per_child=_DOCUMENTS_A_PROCESS
            )
        try:
            task = self._pool.submit(_parse_and_clean, data, filename, content_type, self._max_chars)
            return task.result(self._timeout_s)
        except ParseTimeout:
            self._kill()
            raise DocumentRejected(
                "parse-timeout", f"Reading the file took longer than {self._timeout_s:g} s: split it into parts."
            ) from None
        except BrokenProcessPool:
            self._kill()
            raise DocumentRejected(
                "parser-crashed", "The file made its parser crash: save it again in its program and retry."
            ) from None

    def _kill(self) -> None:
        if self._pool is not None:
            # The executor has no way of its own to stop a task that hangs before Python 3.14.
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def close(self) -> None:
        """Stop the process; idempotent."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
