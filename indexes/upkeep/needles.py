"""Byte strings looked for in files of any size, many at once."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LEAST_BYTES = 6
# A window is so long that it says something, and so short that a line holds it whole.
_LEAST_WINDOW_BYTES = 18
_LATIN_CHARS, _HAN_CHARS = 24, 12
_BLOCK = 1 << 22
_BITS = 20
_FACTOR = np.uint32(0x9E3779B1)


@dataclass(frozen=True, slots=True)
class Needle:
    """A byte string with the text that it spells."""

    content: bytes
    text: str


def spellings(text: str) -> list[Needle]:
    """Return a text in every way in which we or a program below us may write it.

    UTF-8 (SQLite, JSON Lines, originals), UTF-16 of either byte order, and JSON's escapes for what is not ASCII. Of
    one that is too short to mean anything, none.
    """
    ways = (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), escaped(text).encode())
    return [Needle(content, text) for content in dict.fromkeys(ways) if len(content) >= LEAST_BYTES]


def escaped(text: str) -> str:
    """Return a text as it stands in JSON that is written in ASCII, as the columns of lists and objects are."""
    return json.dumps(text)[1:-1]


def windows(data: bytes, most: int = 400) -> list[str]:
    """Cut pieces out of a file's lines, spread over the file, that name it: none where it is no text."""
    text = _decoded(data)
    lines = [line.strip() for line in text.splitlines()]
    pieces = [
        piece
        for line in lines
        for start in range(0, len(line), _length(line))
        if len((piece := line[start : start + _length(line)]).encode()) >= _LEAST_WINDOW_BYTES
    ]
    step = max(1, len(pieces) // most)
    return list(dict.fromkeys(pieces[::step]))[:most]


def _length(line: str) -> int:
    return _HAN_CHARS if len(line.encode()) > 2 * len(line) else _LATIN_CHARS


def _decoded(data: bytes) -> str:
    encodings = ("utf-16",) if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text if "\0" not in text else ""
    return ""


class Haystack:
    """Looks for needles by their first four bytes: a table of bits tells most places from those to be compared."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self._by_start: dict[int, list[Needle]] = {}
        for needle in needles:
            self._by_start.setdefault(int.from_bytes(needle.content[:4], "little"), []).append(needle)
        self._longest = max((len(n.content) for group in self._by_start.values() for n in group), default=0)
        self._marked = np.zeros(1 << _BITS, np.bool_)
        self._marked[_hashes(np.array(list(self._by_start), np.uint32))] = True

    def found_in(self, path: Path) -> Iterator[tuple[int, Needle]]:
        """Yield each place of a needle in a file."""
        with path.open("rb") as file:
            if not self._longest or not path.stat().st_size:
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                for start in range(0, len(content), _BLOCK):
                    block = content[start : start + _BLOCK + self._longest]
                    for offset, needle in self._found(block):
                        if offset < _BLOCK:  # else the next block tells of it
                            yield start + offset, needle

    def _found(self, block: bytes) -> Iterator[tuple[int, Needle]]:
        for shift in range(min(4, len(block))):
            words = np.frombuffer(block, "<u4", (len(block) - shift) // 4, shift)
            for place in np.flatnonzero(self._marked[_hashes(words)]).tolist():
                offset = place * 4 + shift
                for needle in self._by_start.get(int(words[place]), ()):
                    if block[offset : offset + len(needle.content)] == needle.content:
                        yield offset, needle


def _hashes(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return (words * _FACTOR) >> np.uint32(32 - _BITS)


def every_spelling(texts: Sequence[str]) -> list[Needle]:
    """Return the spellings of texts."""
    return [needle for text in texts for needle in spellings(text)]
