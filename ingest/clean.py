"""From parsed text to clean text: one way to write each character, no invisible ones, offsets exact."""

from __future__ import annotations

import dataclasses
import re
import unicodedata

from core.errors import DocumentRejected
from core.language import detect_language
from core.types import BlockKind, ParsedDocument
from ingest.parsers.base import DocumentBuilder, Hint, one_line

_LINE_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_INVISIBLE = [
    *range(0x09),
    *range(0x0E, 0x1C),
    0x1F,
    *range(0x7F, 0x85),
    *range(0x86, 0xA0),
    0xAD,  # soft hyphen
    0x61C,
    0x180E,
    *range(0x200B, 0x2010),  # zero-width, direction marks
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    0xFFFE,
    0xFFFF,
    *range(0xD800, 0xE000),  # lone surrogates
]
# PDFs give ligatures for the letters and radicals (U+2F00) for the characters that look like them.
_COMPATIBLE = [*range(0x2F00, 0x2FD6), *range(0xFB00, 0xFB07), 0x2E9F, 0x2EF3]
_TRANSLATION: dict[int, str] = {
    **dict.fromkeys(map(ord, _LINE_ENDS), "\n"),
    **dict.fromkeys(map(ord, _SPACES), " "),
    **dict.fromkeys(_INVISIBLE, ""),
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in _COMPATIBLE},
}
_SPACE_RUN = re.compile(r"[ \t]+")
_AROUND_LINE_END = re.compile(r" ?\n[ \n]*")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
_TRAILING_SPACE = re.compile(r"[ \t]+$", re.M)
_ONE_LINE = frozenset({BlockKind.HEADING, BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW})


def clean(document: ParsedDocument) -> ParsedDocument:
    """Return the document with its text normalised, its blocks' ranges recomputed and its language set.

    Blocks that hold nothing visible are dropped, and so is text outside all blocks. Cleaning twice changes
    nothing. Raises DocumentRejected ("no-text") where nothing is left.
    """
    builder = DocumentBuilder(max_chars=None)
    for block in document.blocks:
        text = clean_text(document.text[block.char_start : block.char_end], block.kind)
        builder.add(block.kind, text, page=block.page, level=block.level)
    if not len(builder):
        raise DocumentRejected("no-text", "The file holds no readable text; there is nothing in it to search.")
    cleaned = builder.finish(Hint("", "", 0))
    return dataclasses.replace(
        document,
        text=cleaned.text,
        blocks=cleaned.blocks,
        title=one_line(clean_text(document.title, BlockKind.HEADING)),
        language=detect_language(cleaned.text),
    )


def clean_text(text: str, kind: BlockKind) -> str:
    """Return the text of one block, cleaned; code keeps its indentation and single blank lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TRANSLATION)
    text = unicodedata.normalize("NFC", text)
    if kind is BlockKind.CODE:
        return _BLANK_LINES.sub("\n\n", _TRAILING_SPACE.sub("", text)).strip("\n")
    if kind in _ONE_LINE:
        return one_line(text)
    return _AROUND_LINE_END.sub("\n", _SPACE_RUN.sub(" ", text)).strip()
