"""What every parser shares: its contract, the builder that keeps offsets exact, and the choice of a title."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from core.errors import DocumentRejected
from core.types import Block, BlockKind, JsonScalar, ParsedDocument
from ingest.parsers.hyphens import SOFT_HYPHENS, Hyphenation


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of a file besides its bytes. max_chars bounds the parsed text, in code points."""

    filename: str
    content_type: str
    max_chars: int

    @property
    def stem(self) -> str:
        """The file's name without folders and extension: the title of last resort."""
        return PurePosixPath(self.filename.replace("\\", "/")).stem


class Parser(Protocol):
    """Turns the bytes of one format into text with structure."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """Return the document, or raise DocumentRejected with a sentence for its owner."""
        ...


_TIGHT = frozenset({BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW, BlockKind.LIST_ITEM})
# Titles that programs write when nobody gave one.
_NOT_A_TITLE = re.compile(
    r"(?i)(untitled|title|document|word 文档|powerpoint|presentation|无标题|新建|microsoft (word|excel)\s*-).{0,12}"
    r"|.*\.(docx?|pdf|xlsx?|csv|txt|md|html?|tex|dvi|indd|rtf|wps)"
)
_CONTENTS = re.compile(r"(?i)(?:table of )?contents|目\s*[录錄次]")
_TITLE_CHARS = 300
_TITLE_WITHIN_BLOCKS = 12


class DocumentBuilder:
    """Collects blocks in reading order; the text and every offset follow from them.

    Raises DocumentRejected ("too-long") as soon as the text passes max_chars (None: no limit).
    """

    def __init__(self, max_chars: int | None) -> None:
        self._max_chars = max_chars
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0
        self.warnings: list[str] = []

    def __len__(self) -> int:
        """Code points so far."""
        return self._length

    def add(self, kind: BlockKind, text: str, *, page: int | None = None, level: int = 0) -> None:
        """Append a block; text that is only whitespace adds nothing."""
        text = text.strip("\r\n").rstrip() if kind is BlockKind.CODE else text.strip()
        if not text.strip():
            return
        separator = self._separator(kind)
        start = self._length + len(separator)
        self._parts += (separator, text)
        self._length = start + len(text)
        if self._max_chars is not None and self._length > self._max_chars:
            raise DocumentRejected(
                "too-long",
                f"The document holds more than {self._max_chars:,} characters of text; "
                "split it into smaller files and upload those.",
            )
        self._blocks.append(Block(kind, start, self._length, page, level))

    def _separator(self, kind: BlockKind) -> str:
        if not self._blocks:
            return ""
        continues = kind is self._blocks[-1].kind or kind is BlockKind.TABLE_ROW
        return "\n" if kind in _TIGHT and self._blocks[-1].kind in _TIGHT and continues else "\n\n"

    def heading(self, text: str, level: int, *, page: int | None = None) -> None:
        """Append a heading, on one line; level 1 to 6."""
        self.add(BlockKind.HEADING, one_line(text), page=page, level=min(max(level, 1), 6))

    def table(self, rows: Iterable[Sequence[str]], *, has_header: bool, page: int | None = None) -> None:
        """Append a table, a line a row, cells separated by " | "; rows without text are left out."""
        kind = BlockKind.TABLE_HEADER if has_header else BlockKind.TABLE_ROW
        for row in rows:
            line = " | ".join(one_line(cell) for cell in row).rstrip(" |")
            if line.strip(" |"):
                self.add(kind, line, page=page)
                kind = BlockKind.TABLE_ROW

    def finish(
        self,
        hint: Hint,
        *,
        title: str = "",
        page_count: int | None = None,
        metadata: Mapping[str, JsonScalar] | None = None,
    ) -> ParsedDocument:
        """The document. title is what the file itself says; without one the first heading, then the name."""
        return ParsedDocument(
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            title=self._title(title, hint),
            page_count=page_count,
            metadata=dict(metadata or {}),
            warnings=tuple(self.warnings),
        )

    def _title(self, own: str, hint: Hint) -> str:
        own = one_line(own)
        if own and not _NOT_A_TITLE.fullmatch(own):
            return own[:_TITLE_CHARS]
        # parts alternate separator, text: the text of block i is at 2 i + 1.
        headings = [
            (block.level, self._parts[2 * i + 1])
            for i, block in enumerate(self._blocks[:_TITLE_WITHIN_BLOCKS])
            if block.kind is BlockKind.HEADING and not _CONTENTS.fullmatch(self._parts[2 * i + 1])
        ]
        if headings:
            return min(headings, key=lambda heading: heading[0])[1][:_TITLE_CHARS]
        return one_line(hint.stem)[:_TITLE_CHARS]


def one_line(text: str) -> str:
    """The text with every run of whitespace, line ends included, as one space."""
    return " ".join(text.split())


def text_columns(text: str) -> int:
    """The width of a text in columns of a Latin letter."""
    return sum(2 if char >= "\u2e80" else 1 for char in text)


_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_WIDE_CHAR = re.compile(f"[{_WIDE}]")
_EVERY_HYPHEN_DIVIDES = Hyphenation()
_WORD_END = re.compile(r"[^\W\d_]+$")
_WORD_START = re.compile(r"[^\W\d_]+")


def join_lines(lines: Iterable[str], hyphens: Hyphenation = _EVERY_HYPHEN_DIVIDES) -> str:
    """Join the wrapped lines of one paragraph as its author wrote it.

    No space beside a Chinese character unless a Latin word or a number meets it there, none after a hyphen, one
    elsewhere. A hyphen at a line's end goes where it divides a word before a small letter; elsewhere it stays,
    as in "RS-" "485".
    """
    joined = ""
    for raw in lines:
        line = raw.strip()
        if line:
            joined = _join(joined, line, hyphens) if joined else line
    return joined


def _join(head: str, line: str, hyphens: Hyphenation) -> str:
    if head.endswith((*SOFT_HYPHENS, "-")) and head[-2:-1].isalnum():
        left, right = _WORD_END.search(head[:-1]), _WORD_START.match(line)
        divides = left and right and line[0].islower() and hyphens.divides(left.group(), right.group())
        return f"{head[:-1]}{'' if divides else '-'}{line}"
    ends_wide, begins_wide = _WIDE_CHAR.match(head[-1]), _WIDE_CHAR.match(line)
    if ends_wide or begins_wide:
        both = ends_wide and begins_wide
        meets_word = line[0].isalnum() if ends_wide else head[-1].isalnum()
        return f"{head}{' ' if meets_word and not both else ''}{line}"
    return f"{head} {line}"
