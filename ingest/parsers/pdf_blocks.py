"""From lines in reading order to a document's blocks: furniture dropped, paragraphs joined, headings told apart."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.types import BlockKind
from ingest.parsers.base import DocumentBuilder, join_lines, one_line, text_columns
from ingest.parsers.hyphens import Hyphenation
from ingest.parsers.pdf_layout import Item, Line, Placed, Row
from ingest.parsers.pdf_tables import Table
from ingest.parsers.tables import is_header

_ITEM = re.compile(
    r"(?:[•●·▪◦‣■□◆]\s*|[-–*]\s+|[(（]\d{1,3}[)）]|\d{1,3}[.)、．](?!\d)\s*|[(（][一二三四五六七八九十]+[)）])\S"
)
_CAPTION = re.compile(r"(?:表|图|圖|table|figure|fig\.)\s*[\dA-Z一二三四五六七八九十]", re.I)
_SENTENCE_END = tuple('。.！!？?；;：:，,”"…')
_PAGE_NUMBER = re.compile(
    r"[-–—\s]*(?:(?:page|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:/|of|of total|,)\s*\d{1,4})?[-–—\s]*"
    r"|第\s*\d{1,4}\s*页(?:[\s/，,]*共\s*\d{1,4}\s*页)?",
    re.I,
)
_NUMBERS = re.compile(r"[\d\s]+")
# Headers and footers stand in the outer eighth of a page and on at least half of the pages.
_MARGIN_SHARE = 0.125
_NUMBER_MARGIN_SHARE = 0.2
_REPEATED_SHARE = 0.5
_MIN_PAGES_FOR_FURNITURE = 3
_HEADING_SIZE_RATIO = 1.12
_HEADING_COLUMNS = 120
_BOLD_HEADING_COLUMNS = 60
_MAX_SIZE_LEVELS = 3
_PITCH_SLACK = 1.35
# Chinese may break before any character but some marks: two characters of slack.
_CHINESE_WORD_COLUMNS = 6
_SLACK_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Page:
    """A page's lines and tables. height in points; number counts from 1."""

    number: int
    height: float
    items: Sequence[Item]


def without_furniture(pages: Sequence[Page]) -> list[Page]:
    """Drop the headers, footers and page numbers that repeat from page to page."""
    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({key for item in page.items if (key := _margin_key(item, page))})
    repeated = {key for key, count in seen.items() if count >= max(2, _REPEATED_SHARE * len(pages))}
    few = len(pages) < _MIN_PAGES_FOR_FURNITURE

    def is_furniture(item: Item, page: Page) -> bool:
        if not isinstance(item, Line):
            return False
        if _PAGE_NUMBER.fullmatch(item.text) and _is_outermost(item, page):
            return True
        return not few and _margin_key(item, page) in repeated

    return [
        Page(page.number, page.height, [item for item in page.items if not is_furniture(item, page)])
        for page in pages
    ]


def _is_in_margin(item: Item, page: Page, share: float) -> bool:
    return item.bottom < share * page.height or item.top > (1 - share) * page.height


def _is_outermost(item: Item, page: Page) -> bool:
    """Whether nothing but other furniture can stand between an item and the page's upper or lower edge."""
    if not _is_in_margin(item, page, _NUMBER_MARGIN_SHARE):
        return False
    above = all(other.top >= item.top for other in page.items if other is not item)
    below = all(other.bottom <= item.bottom for other in page.items if other is not item)
    return above or below


def _margin_key(item: Item, page: Page) -> str:
    """What stays equal when a header or footer repeats: its words without its numbers, and its side."""
    if not isinstance(item, Line) or not _is_in_margin(item, page, _MARGIN_SHARE):
        return ""
    side = "top" if item.bottom < page.height / 2 else "bottom"
    return f"{side} {_NUMBERS.sub('#', item.text)}"


class Headings:
    """Tells headings from text by the outline, by size, and by a bold line of its own."""

    def __init__(self, pages: Sequence[Page], outline: Mapping[str, int]) -> None:
        """outline: level (from 1) by heading, as heading_key gives it."""
        self._outline = outline
        characters: Counter[float] = Counter()
        bold: Counter[bool] = Counter()
        lines = [item for page in pages for item in page.items if isinstance(item, Line)]
        for line in lines:
            characters[_size(line)] += len(line.text)
            bold[line.style.bold] += len(line.text)
        self._body_size = characters.most_common(1)[0][0] if characters else 0.0
        self._bold_stands_out = bold[True] < 0.3 * bold.total()
        larger = {_size(line) for line in lines if _size(line) >= _HEADING_SIZE_RATIO * self._body_size}
        self._sizes = sorted(larger, reverse=True)

    def level(self, lines: Sequence[Line], text: str) -> int:
        """The level of a paragraph as a heading, 0 for text."""
        listed = self._outline.get(heading_key(text))
        if listed:
            return listed
        if not all(line.style.upright for line in lines):
            return 0
        width = text_columns(text)
        is_text = text.endswith(_SENTENCE_END) or _CAPTION.match(text) or not any(map(str.isalpha, text))
        if is_text or width > _HEADING_COLUMNS:
            return 0
        size = statistics.median(map(_size, lines))
        if size >= _HEADING_SIZE_RATIO * self._body_size and len(lines) <= 3:
            rank = sum(1 for larger in self._sizes if larger > size)
            return min(rank, _MAX_SIZE_LEVELS - 1) + 1
        is_bold = self._bold_stands_out and all(line.style.bold for line in lines)
        if is_bold and width <= _BOLD_HEADING_COLUMNS and len(lines) == 1:
            return min(len(self._sizes), _MAX_SIZE_LEVELS - 1) + 1
        return 0


def _size(line: Line) -> float:
    return round(line.style.size * 2) / 2


def heading_key(text: str) -> str:
    """A heading as the outline and the page both have it: without spaces and leading numbers."""
    return re.sub(r"^[\d.]+|\s+", "", one_line(text)).casefold()


class BlockWriter:
    """Appends the blocks of one page after another."""

    def __init__(self, builder: DocumentBuilder, pages: Sequence[Page], outline: Mapping[str, int]) -> None:
        """outline: level (from 1) by heading, as heading_key gives it."""
        self._builder = builder
        self._headings = Headings(pages, outline)
        lines = (item.text for page in pages for item in page.items if isinstance(item, Line))
        self._hyphens = Hyphenation.of(lines)
        self._last_columns = 0
        self._last_header: Sequence[str] = ()

    def add_page(self, number: int, placed: Sequence[Placed]) -> None:
        """Append a page's content, which is in reading order."""
        for group in _groups(placed):
            if isinstance(group, Table):
                self._add_table(group, number, continues=group is placed[0])
            elif isinstance(group[0], Row):
                self._add_rows([item for item in group if isinstance(item, Row)], number)
            else:
                self._add_lines([item for item in group if isinstance(item, Line)], number)

    def _add_table(self, table: Table, number: int, *, continues: bool) -> None:
        columns = len(table.rows[0])
        # A table that goes on at the top of the next page has its header on the page before.
        goes_on = continues and columns == self._last_columns
        rows = table.rows
        if goes_on and rows[0] == self._last_header:
            rows = rows[1:]  # printed again on each page
        elif not goes_on:
            self._last_header = rows[0] if is_header(rows[0]) else ()
        self._builder.table(rows, has_header=not goes_on and bool(self._last_header), page=number)
        self._last_columns = columns

    def _add_rows(self, rows: Sequence[Row], number: int) -> None:
        cells = [[cell.text for cell in row.cells] for row in rows]
        width = max(map(len, cells))
        if len(rows) >= 3 or (len(rows) == 2 and width >= 3):
            self._builder.table(cells, has_header=is_header(cells[0]), page=number)
        else:
            for row in rows:
                text = " ".join(cell.text for cell in row.cells)
                level = self._headings.level(row.cells, text)
                self._add_text(text, level, number)
        self._last_columns = 0

    def _add_lines(self, lines: Sequence[Line], number: int) -> None:
        for paragraph in _paragraphs(lines):
            text = join_lines((line.text for line in paragraph), self._hyphens)
            self._add_text(text, self._headings.level(paragraph, text), number)
        self._last_columns = 0

    def _add_text(self, text: str, level: int, number: int) -> None:
        if level:
            self._builder.heading(text, level, page=number)
        else:
            kind = BlockKind.LIST_ITEM if _ITEM.match(text) else BlockKind.PARAGRAPH
            self._builder.add(kind, text, page=number)


def _groups(placed: Sequence[Placed]) -> Iterator[Table | list[Placed]]:
    """Runs of lines and runs of rows; each table alone."""
    run: list[Placed] = []
    for item in placed:
        if run and (isinstance(item, Table) or isinstance(item, Row) != isinstance(run[0], Row)):
            yield run
            run = []
        if isinstance(item, Table):
            yield item
        else:
            run.append(item)
    if run:
        yield run


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    pitches = [b.top - a.top for a, b in pairwise(lines) if b.top > a.top]
    pitch = statistics.median_low(pitches) if pitches else 0.0
    paragraph: list[Line] = []
    for line in lines:
        if paragraph and _begins_paragraph(paragraph, line, pitch):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _begins_paragraph(paragraph: Sequence[Line], line: Line, pitch: float) -> bool:
    previous = paragraph[-1]
    size = max(line.style.size, 1.0)
    if abs(_size(line) - _size(previous)) > 0.1 * size or _ITEM.match(line.text):
        return True
    step = line.top - previous.top
    if step <= 0:  # the next column: goes on unless the last one ended a sentence
        return previous.text.endswith(("。", ".", "！", "？", "!", "?"))
    if step > _PITCH_SLACK * max(pitch, 1.05 * (previous.bottom - previous.top)):
        return True
    if _ITEM.match(paragraph[0].text):
        return line.x0 < paragraph[0].x0 - 0.5 * size or _ends_short(previous, line)
    first_line_indent = line.x0 - line.column_x0 > 1.2 * size and line.x0 - previous.x0 > 0.8 * size
    return first_line_indent or _ends_short(previous, line)


def _ends_short(line: Line, following: Line) -> bool:
    """Whether the next line's first word would still have fitted: the last line of a paragraph."""
    word = following.text.split(maxsplit=1)[0]
    needed = _CHINESE_WORD_COLUMNS if word[0] >= "\u2e80" else text_columns(word) + _SLACK_COLUMNS
    column_width = (line.x1 - line.x0) / max(1, text_columns(line.text))
    return line.column_x1 - line.x1 > needed * column_width
