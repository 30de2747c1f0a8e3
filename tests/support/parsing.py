"""Files as the worker reads them: parsed, cleaned, and looked at block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import DocumentRejected
from core.types import BlockKind, ParsedDocument
from ingest.clean import clean
from ingest.parse import parse

MAX_CHARS = 20_000_000


def read(data: bytes | str, filename: str, content_type: str = "", max_chars: int = MAX_CHARS) -> ParsedDocument:
    """Parse and clean what a file holds; text is taken as UTF-8."""
    body = data.encode() if isinstance(data, str) else data
    return clean(parse(body, filename=filename, content_type=content_type, max_chars=max_chars))


def read_file(path: Path) -> ParsedDocument:
    """Parse and clean a file."""
    return read(path.read_bytes(), path.name)


def rejection(data: bytes | str, filename: str, content_type: str = "", max_chars: int = MAX_CHARS) -> str:
    """The code with which a file is refused, after checking that its reason is a sentence for a person."""
    with pytest.raises(DocumentRejected) as caught:
        read(data, filename, content_type, max_chars)
    detail = caught.value.detail
    assert re.fullmatch(r"[A-Z].*\.", detail), detail
    assert not re.search("Error|Exception", detail), detail
    return caught.value.code


def texts(document: ParsedDocument, *kinds: BlockKind) -> list[str]:
    """The texts of the blocks of these kinds, or of all blocks."""
    return [document.text[b.char_start : b.char_end] for b in document.blocks if not kinds or b.kind in kinds]


def outline(document: ParsedDocument) -> Iterator[tuple[int, str]]:
    """The headings with their levels."""
    for block in document.blocks:
        if block.kind is BlockKind.HEADING:
            yield block.level, document.text[block.char_start : block.char_end]


def rows(document: ParsedDocument) -> list[str]:
    """The rows of all tables, header rows included."""
    return texts(document, BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW)


def assert_ranges_hold(document: ParsedDocument) -> None:
    """Check what all consumers rely on: ranges within the text, in order, apart, trimmed, and nothing outside."""
    position = 0
    for block in document.blocks:
        assert position <= block.char_start < block.char_end <= len(document.text), block
        text = document.text[block.char_start : block.char_end]
        assert text.strip(), block
        if block.kind is not BlockKind.CODE:
            assert text == text.strip(), block
        assert (1 <= block.level <= 6) == (block.kind is BlockKind.HEADING), block
        if block.kind in {BlockKind.HEADING, BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW}:
            assert "\n" not in text, block
        assert not document.text[position : block.char_start].strip(), block
        position = block.char_end
    assert not document.text[position:].strip()
