"""Finds the markers of sources in text that arrives in pieces: [1], [1][2], [1, 2], [1-3], 【1】."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST_INNER = 40
_BRACKETED = re.compile(r"[\[【［]([^\[\]【】［］\n`]*)[\]】］]")
# What may still become a marker. Letters are those of the labels that models put before a number.
_LABEL = r"(?:\^|[Ss]ources?|来源|资料|文档)"
_UNFINISHED = re.compile(r"[\[【［][\d\s,，、;；–\-^SsourceOURCE来源资料文档]*")
_NUMBERS = re.compile(rf"\s*{_LABEL}?\s*\d{{1,3}}(?:\s*(?:[,，、;；]|[-–])\s*{_LABEL}?\s*\d{{1,3}})*\s*")
_NUMBER = re.compile(r"(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?")
_LONGEST_RANGE = 20
# A space is kept back because it goes with a marker that is dropped.
_SPECIAL = re.compile(r"[ \t]?[\[【［]|`+|\n|[ \t]$")


@dataclass(frozen=True, slots=True)
class Marker:
    """Source numbers that exist, and the text that stands for them: `gap` and then [n] for each."""

    numbers: tuple[int, ...]
    gap: str

    @property
    def text(self) -> str:
        """The marker as the answer shows it, whatever brackets the model used."""
        return self.gap + "".join(f"[{number}]" for number in self.numbers)


class MarkerReader:
    """Splits text into plain pieces and markers, the same ones however the text was cut.

    Numbers that no source has are left out and counted. Nothing in backquotes is a marker: there, [0] is code.
    """

    def __init__(self, source_count: int) -> None:
        self._source_count = source_count
        self._rest = ""
        self._open_quotes = 0
        self.dropped = 0

    def feed(self, text: str) -> list[str | Marker]:
        """Return what is certain by now; at most a few dozen characters are kept back."""
        return self._read(text, final=False)

    def finish(self) -> list[str | Marker]:
        """Return what was kept back."""
        return self._read("", final=True)

    def _read(self, text: str, *, final: bool) -> list[str | Marker]:
        text = self._rest + text
        pieces: list[str | Marker] = []
        position = emitted = 0
        while special := _SPECIAL.search(text, position):
            start, end = special.span()
            found = text[start:end]
            at_end = end == len(text) and not final
            if at_end and (found[0] == "`" or found in {" ", "\t"}):
                break  # a run of backquotes may go on, a space may go with a marker
            position = end
            if found == "\n":
                if self._open_quotes < 3:
                    self._open_quotes = 0  # a stray backquote does not reach beyond its line
            elif found[0] == "`":
                self._quote(len(found))
            elif found[-1] in "[【［" and not self._open_quotes:
                bracket = end - 1
                whole = _BRACKETED.match(text, bracket)
                inner = whole[1] if whole else ""
                if whole and len(inner) <= _LONGEST_INNER and _NUMBERS.fullmatch(inner):
                    if start > emitted:
                        pieces.append(text[emitted:start])
                    pieces += self._marker(inner, text[start:bracket])
                    position = emitted = whole.end()
                elif not final and self._may_become_marker(text, bracket):
                    position = start
                    break
        else:
            start = len(text)
        if start > emitted:
            pieces.append(text[emitted:start])
        self._rest = text[start:]
        return pieces

    @staticmethod
    def _may_become_marker(text: str, bracket: int) -> bool:
        unfinished = _UNFINISHED.match(text, bracket)
        return unfinished is not None and unfinished.end() == len(text) <= bracket + _LONGEST_INNER + 1

    def _quote(self, run: int) -> None:
        if not self._open_quotes:
            self._open_quotes = run
        elif run == self._open_quotes or (self._open_quotes >= 3 and run >= self._open_quotes):
            self._open_quotes = 0

    def _marker(self, inner: str, gap: str) -> list[str | Marker]:
        numbers: list[int] = []
        for match in _NUMBER.finditer(inner):
            first, last = int(match[1]), int(match[2] or match[1])
            numbers += range(first, min(last, first + _LONGEST_RANGE) + 1)
        known = tuple(dict.fromkeys(n for n in numbers if 1 <= n <= self._source_count))
        self.dropped += len(set(numbers)) - len(known)
        return [Marker(known, gap)] if known else []
