"""Plain text: paragraphs between blank lines, wrapped lines joined, the few headings that text can show."""

from __future__ import annotations

import re
import statistics

from core.types import BlockKind, ParsedDocument
from ingest.parsers.base import DocumentBuilder, Hint, join_lines
from ingest.parsers.encoding import decode

_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_UNDERLINE = re.compile(r"\s*(=|-|~|\*){3,}\s*")
_NUMERAL = "[一二三四五六七八九十百零〇\\d]{1,5}"
_CHAPTER = re.compile(
    rf"第{_NUMERAL}(?P<unit>[编篇部章节])(?:[\s:：、.].{{0,40}}|[^。；，,;]{{0,30}})"
    r"|(?i:chapter|part) [\divxlc]+\b.{0,60}"
)
_ITEM = re.compile(r"\s*(?:[-*•·●▪–]\s+|[(（]?(?:\d{1,3}|[a-zA-Z]|[一二三四五六七八九十]{1,3})[)）.、．]\s*)\S")
_WRAP_CHARS = range(40, 140)
_LEVELS = {"编": 1, "篇": 1, "部": 1, "章": 1, "节": 2}


class TextParser:
    """Parses plain text in any encoding."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        builder = DocumentBuilder(hint.max_chars)
        add_plain_text(builder, decode(data))
        return builder.finish(hint)


def add_plain_text(builder: DocumentBuilder, text: str) -> None:
    """Append text as headings, list items and paragraphs."""
    text = re.sub(r"\r\n?|[\v\f\x85\u2028\u2029]", "\n", text)
    for paragraph in _BLANK.split(text):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        lines = _headings_first(builder, lines)
        if not lines:
            continue
        if sum(bool(_ITEM.match(line)) for line in lines) >= max(2, 0.5 * len(lines)):
            _add_items(builder, lines)
        elif _is_wrapped(lines):
            builder.add(BlockKind.PARAGRAPH, join_lines(lines))
        else:
            builder.add(BlockKind.PARAGRAPH, "\n".join(line.strip() for line in lines))


def _headings_first(builder: DocumentBuilder, lines: list[str]) -> list[str]:
    """Append the headings that begin a paragraph; return its other lines."""
    while lines:
        chapter = _CHAPTER.fullmatch(lines[0].strip())
        if chapter:
            builder.heading(lines[0], _LEVELS.get(chapter.group("unit") or "", 1))
            lines = lines[1:]
        elif len(lines) > 1 and len(lines[0]) <= 100 and (rule := _UNDERLINE.fullmatch(lines[1])):
            builder.heading(lines[0], 1 if rule.group(1) == "=" else 2)
            lines = lines[2:]
        else:
            break
    return lines


def _add_items(builder: DocumentBuilder, lines: list[str]) -> None:
    item: list[str] = []
    for line in lines:
        if _ITEM.match(line) and item:
            builder.add(BlockKind.LIST_ITEM, join_lines(item))
            item = []
        item.append(line)
    builder.add(BlockKind.LIST_ITEM, join_lines(item))


def _is_wrapped(lines: list[str]) -> bool:
    """Whether an editor broke the lines at a margin: all but the last nearly as wide as the widest."""
    if len(lines) < 2:
        return False
    # A Chinese character takes two columns.
    widths = [sum(2 if char >= "\u2e80" else 1 for char in line) for line in lines[:200]]
    return max(widths) in _WRAP_CHARS and statistics.median(widths[:-1]) >= 0.8 * max(widths)
