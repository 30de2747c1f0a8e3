"""Reads server-sent events from bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing.

Lines end at CR, LF or CRLF and nowhere else: str.splitlines and the line readers built on it also cut at U+2028
and U+0085, which models do write. Cutting bytes is safe in UTF-8, where no byte of a longer sequence is CR or LF.
"""

from __future__ import annotations

import re

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """A line or an event is longer than any event of a model server has reason to be."""


class EventStreamDecoder:
    """Turns chunks of a body, however they are cut, into the `data` of each event."""

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        """max_bytes: longest line, and longest event, that is held."""
        self._max_bytes = max_bytes
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._started = False

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of the events that this chunk completes; raises EventTooLong."""
        rest = self._rest
        searched = len(rest)
        rest += chunk
        if not self._started:
            if len(rest) < len(_BOM) and _BOM.startswith(rest):
                return []
            if rest.startswith(_BOM):
                del rest[: len(_BOM)]
            self._started, searched = True, 0
        events: list[str] = []
        start = 0
        # A CR at the end of a chunk may be half of a CRLF: it stays until the next byte is known.
        end = len(rest) - 1 if rest.endswith(b"\r") else len(rest)
        for mark in _LINE_END.finditer(rest, max(searched - 1, 0), len(rest)):
            if mark.end() > end:
                break
            self._line(bytes(rest[start : mark.start()]), events)
            start = mark.end()
        if start:
            del rest[:start]
        if len(rest) > self._max_bytes:
            raise EventTooLong(f"a line of more than {self._max_bytes} bytes")
        return events

    def flush(self) -> list[str]:
        """Return the data of an event whose last line end was a CR; an event cut off is dropped, as specified."""
        events: list[str] = []
        if self._rest.endswith(b"\r"):
            self._line(bytes(self._rest[:-1]), events)
        self._rest.clear()
        return events

    def _line(self, line: bytes, events: list[str]) -> None:
        if not line:
            if self._data:
                events.append(b"\n".join(self._data).decode("utf-8", "replace"))
                self._data = []
                self._size = 0
            return
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
        elif line == b"data":
            value = b""
        else:
            return  # a comment, or a field that carries no text
        self._size += len(value)
        if self._size > self._max_bytes:
            raise EventTooLong(f"an event of more than {self._max_bytes} bytes")
        self._data.append(value)
