"""Plain text: paragraphs between blank lines, wrapped lines joined, the few headings that text can show."""

from __future__ import annotations

import re
import statistics

from core.types import BlockKind, ParsedDocument
from ingest.parsers.base import DocumentBuilder, Hint, join_lines, text_columns
from ingest.parsers.encoding import decode

_RULE = re.compile(r"\s*[=~*_#+-]{3,}\s*")
_HEADING_COLUMNS = 60
_FULL_LINE_COLUMNS = 60
_CHINESE_DIGITS = "一二三四五六七八九十"
_NO_SENTENCE = r"[^\n。；;!！?？|\t]{1,60}(?<![.,，、:：])"
_SHORT_LINE = re.compile(rf"(?=.*[^\W\d_])(?!.*\s{{3}}){_NO_SENTENCE}")
_NUMBERED = re.compile(
    rf"(?:[一二三四五六七八九十]{{1,3}}、|\d{{1,2}}(?:\.\d{{1,2}})*\.?\s+)(?=[^\W\d_]){_NO_SENTENCE}"
)
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
    paragraphs = _paragraphs(re.sub(r"\r\n?|[\v\f\x85\u2028\u2029]", "\n", text))
    for number, lines in enumerate(paragraphs):
        following = paragraphs[number + 1] if number + 1 < len(paragraphs) else []
        _add_paragraph(builder, _headings_first(builder, lines, following))


def _paragraphs(text: str) -> list[list[str]]:
    """The lines between blank lines and drawn rules; an underlined line keeps its rule."""
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if _RULE.fullmatch(line):
            if len(paragraphs[-1]) == 1 and _is_underline(line, paragraphs[-1][0]):
                paragraphs[-1].append(line)
            paragraphs.append([])
        elif line.strip():
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    return [lines for lines in paragraphs if lines]


def _is_underline(rule: str, line: str) -> bool:
    return 0.5 <= len(rule.strip()) / text_columns(line.strip()) <= 1.5 and not _ITEM.match(line)


def _headings_first(builder: DocumentBuilder, lines: list[str], following: list[str]) -> list[str]:
    """Append the headings that begin a paragraph; return its other lines."""
    while lines:
        line, rest = lines[0].strip(), lines[1:]
        level = 0
        if rest and _RULE.fullmatch(rest[0]):
            level, rest = (1 if rest[0].strip()[0] == "=" else 2), rest[1:]
        elif chapter := _CHAPTER.fullmatch(line):
            level = _LEVELS.get(chapter.group("unit") or "", 1)
        elif (numbered := _NUMBERED.fullmatch(line)) and (below := rest or following):
            # A line of the same numbering below makes it an item of a list.
            level = 0 if _numbering(below[0].strip()) == _numbering(numbered.group()) else 2
        elif not len(builder) and _SHORT_LINE.fullmatch(line) and (rest or following):
            level = 1
        elif not rest and _SHORT_LINE.fullmatch(line) and not _ITEM.match(line) and _is_prose(following):
            level = 2
        if not level:
            break
        builder.heading(line, level)
        lines = rest
    return lines


def _numbering(line: str) -> str:
    """How a line is numbered: "1" or "一" for the kind of its number, "" for none."""
    match = _NUMBERED.match(line) or _ITEM.match(line)
    first = match.group().strip()[:1] if match else ""
    return "1" if first.isdigit() else "一" if first in _CHINESE_DIGITS else first


def _is_prose(lines: list[str]) -> bool:
    """Whether a paragraph is long enough to be what a heading stands above."""
    return sum(map(text_columns, lines)) > 2 * _HEADING_COLUMNS or len(lines) > 1


def _add_paragraph(builder: DocumentBuilder, lines: list[str]) -> None:
    if sum(bool(_ITEM.match(line)) for line in lines) >= max(2, 0.5 * len(lines)):
        _add_items(builder, lines)
    elif _is_wrapped(lines):
        builder.add(BlockKind.PARAGRAPH, join_lines(lines))
    else:
        builder.add(BlockKind.PARAGRAPH, "\n".join(line.strip() for line in lines))


def _add_items(builder: DocumentBuilder, lines: list[str]) -> None:
    item: list[str] = []
    for line in lines:
        # A line goes on with the item above it where it is indented, or where that one filled its line.
        goes_on = item and (line[0].isspace() or text_columns(item[-1]) >= _FULL_LINE_COLUMNS)
        if item and (_ITEM.match(line) or not goes_on):
            _add_item(builder, item)
            item = []
        item.append(line)
    _add_item(builder, item)


def _add_item(builder: DocumentBuilder, lines: list[str]) -> None:
    kind = BlockKind.LIST_ITEM if _ITEM.match(lines[0]) else BlockKind.PARAGRAPH
    builder.add(kind, join_lines(lines))


def _is_wrapped(lines: list[str]) -> bool:
    """Whether an editor broke the lines at a margin: all but the last nearly as wide as the widest."""
    if len(lines) < 2:
        return False
    widths = [text_columns(line) for line in lines[:200]]
    return max(widths) in _WRAP_CHARS and statistics.median(widths[:-1]) >= 0.8 * max(widths)
