"""Whether a hyphen at a line's end divides a word or joins two, by what the document itself shows."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from itertools import pairwise

SOFT_HYPHENS = ("\u00ad", "\x02")  # pdfium writes the latter for any hyphen at a line's end
_WORD = re.compile(r"[^\W\d_]{2,}")
_DIVIDED_END = re.compile(r"([^\W\d_]+)[-\u00ad\x02]$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


class Hyphenation:
    """A document's habits. Without words, every hyphen before a small letter divides."""

    def __init__(self, words: Container[str] = frozenset(), *, divides_words: bool = True) -> None:
        """words: in lower case. divides_words: whether the document divides words at its lines' ends."""
        self._words = words
        self._divides_words = divides_words

    @classmethod
    def of(cls, lines: Iterable[str]) -> Hyphenation:
        """Learn from a document's lines: it divides words if one that it divides stands whole elsewhere."""
        lowered = [line.strip().lower() for line in lines]
        words: set[str] = set()
        halves: list[tuple[str, str]] = []
        divided = False
        for line, following in pairwise([*lowered, ""]):
            # The halves of a divided word are no words of the document.
            whole = _FIRST_WORD.sub("", line, count=1) if divided and _FIRST_WORD.match(line) else line
            words.update(_WORD.findall(_DIVIDED_END.sub("", whole)))
            end, start = _DIVIDED_END.search(line), _FIRST_WORD.match(following)
            divided = end is not None
            if end and start:
                halves.append((end.group(1), start.group()))
        return cls(words, divides_words=any(before + after in words for before, after in halves))

    def divides(self, before: str, after: str) -> bool:
        """Whether a hyphen between these two is one that only the line's end put there."""
        before, after = before.lower(), after.lower()
        if before + after in self._words:
            return True
        return self._divides_words and not (before in self._words and after in self._words)
