"""From characters with places to lines in reading order: columns found, rows of unruled tables kept together."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.parsers.base import text_columns
from ingest.parsers.pdf_tables import Table
from ingest.parsers.pdf_text import Char, Style

# A horizontal gap of so many font sizes inside a line separates columns or cells, not words.
_SEGMENT_GAP = 1.8
_WORD_GAP = 0.12
_GUTTER_SIZES = 0.9
_MIN_COLUMN_LINES = 3
# Columns are looked for in time proportional to lines times places; no readable page has more lines.
_MAX_LINES = 2_000
# Lines narrower than this (in columns of a Latin letter, a Chinese character being two) are cells, not prose.
_PROSE_COLUMNS = 18
_LEADERS = re.compile(r"(?:\s?[.·…⋯]){4,}\s*")


@dataclass(frozen=True, slots=True)
class Line:
    """A run of text on one baseline. column_x0 and column_x1 bound the column in which it stands."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    style: Style
    column_x0: float = 0.0
    column_x1: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """Several runs side by side on one baseline, left to right: a row of a table without lines."""

    cells: Sequence[Line]


Item = Line | Table
Placed = Line | Row | Table


def lines_of(chars: Sequence[Char], style_of: Callable[[int], Style]) -> list[Line]:
    """Cut a page's characters, in pdfium's order, into lines wherever the place jumps."""
    lines: list[Line] = []
    run: list[Char] = []
    style: Style | None = None

    def flush() -> None:
        nonlocal style
        if style is not None and (line := _line(run, style)):
            lines.append(line)
        run.clear()
        style = None

    for char in chars:
        if char.text == "\n":
            flush()
        elif char.text.isspace():
            if run:
                run.append(char)
        else:
            if run and style is not None and style.upright and _jumps(run, char):
                flush()
            if style is None:
                style = style_of(char.index)
            run.append(char)
    flush()
    return lines


def _jumps(run: Sequence[Char], char: Char) -> bool:
    last = next(previous for previous in reversed(run) if not previous.text.isspace())
    height = max(last.bottom - last.top, char.bottom - char.top, 1.0)
    shift = abs(sum((char.top, char.bottom)) - sum((last.top, last.bottom))) / 2
    return shift > 0.6 * height or char.x0 - last.x1 > _SEGMENT_GAP * height or char.x0 < last.x0 - 2 * height


def _line(run: Sequence[Char], style: Style) -> Line | None:
    visible = [char for char in run if not char.text.isspace()]
    if not visible:
        return None
    text = "".join(char.text for char in run).strip()
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Line(
        text=_LEADERS.sub(" … ", text),
        x0=min(char.x0 for char in visible),
        top=min(char.top for char in visible),
        x1=max(char.x1 for char in visible),
        bottom=max(char.bottom for char in visible),
        style=style,
    )


def reading_order(items: Sequence[Item]) -> list[Placed]:
    """Put lines and tables in the order in which a person reads them: column after column, row after row."""
    upright = [item for item in items if isinstance(item, Table) or item.style.upright]
    # Text set across the others (a stamp in the margin) interrupts nothing: it comes last.
    turned = [item for item in items if isinstance(item, Line) and not item.style.upright]
    return [*_ordered(upright), *turned]


def _ordered(items: Sequence[Item]) -> Iterator[Placed]:
    gutter = _gutter(items)
    if gutter is None:
        yield from _rows(items)
        return
    # What crosses the gutter (a title, a wide table) divides the page; above and below it columns are read apart.
    left: list[Item] = []
    right: list[Item] = []
    for item in sorted(items, key=lambda item: item.top):
        if item.x1 <= gutter:
            left.append(item)
        elif item.x0 >= gutter:
            right.append(item)
        else:
            yield from _ordered(left)
            yield from _ordered(right)
            left, right = [], []
            yield from _rows([item])
    yield from _ordered(left)
    yield from _ordered(right)


def _gutter(items: Sequence[Item]) -> float | None:
    """The place of an empty vertical band with columns of text on both sides, None where there is no such."""
    lines = [item for item in items if isinstance(item, Line)]
    if not _MIN_COLUMN_LINES <= len(lines) <= _MAX_LINES:
        return None
    size = statistics.median(line.bottom - line.top for line in lines)
    best: tuple[int, float, float] | None = None
    for gutter in sorted({math.floor(item.x0) for item in items}):
        left = [item for item in items if item.x1 <= gutter]
        right = [item for item in items if item.x0 >= gutter]
        if not (_is_column(left) and _is_column(right)):
            continue
        width = gutter - max(item.x1 for item in left)
        if width < _GUTTER_SIZES * size or not _side_by_side(left, right):
            continue
        crossing = len(items) - len(left) - len(right)
        if best is None or (crossing, -width) < best[:2]:
            best = (crossing, -width, gutter - width / 2)
    return best[2] if best else None


def _is_column(items: Sequence[Item]) -> bool:
    """Whether items are a column: lines of prose, or a table that fills it."""
    lines = [item for item in items if isinstance(item, Line)]
    if len(lines) < _MIN_COLUMN_LINES:
        return any(isinstance(item, Table) for item in items)
    return statistics.median(text_columns(line.text) for line in lines) >= _PROSE_COLUMNS


def _side_by_side(left: Sequence[Item], right: Sequence[Item]) -> bool:
    shared = min(max(item.bottom for item in side) for side in (left, right)) - max(
        min(item.top for item in side) for side in (left, right)
    )
    heights = [max(item.bottom for item in side) - min(item.top for item in side) for side in (left, right)]
    return shared > 0.3 * min(heights)


def _rows(items: Sequence[Item]) -> Iterator[Placed]:
    """One column from top to bottom; lines that stand side by side become a row."""
    lines = [item for item in items if isinstance(item, Line)]
    x0 = min((line.x0 for line in lines), default=0.0)
    x1 = max((line.x1 for line in lines), default=0.0)
    row: list[Line] = []
    for item in sorted(items, key=lambda item: (item.top + item.bottom) / 2):
        if isinstance(item, Table):
            yield from _row(row)
            row = []
            yield item
            continue
        if row and not _on_one_baseline(row, item):
            yield from _row(row)
            row = []
        row.append(replace(item, column_x0=x0, column_x1=x1))
    yield from _row(row)


def _on_one_baseline(row: Sequence[Line], line: Line) -> bool:
    tallest = max(row, key=lambda member: member.bottom - member.top)
    shared = min(tallest.bottom, line.bottom) - max(tallest.top, line.top)
    return shared > 0.5 * min(tallest.bottom - tallest.top, line.bottom - line.top)


def _row(lines: Sequence[Line]) -> Iterator[Placed]:
    """Join what stands close together (a raised number, a change of font); what stands apart are cells."""
    cells: list[Line] = []
    for line in sorted(lines, key=lambda line: line.x0):
        height = line.bottom - line.top
        if cells and line.x0 - cells[-1].x1 <= _SEGMENT_GAP * max(height, cells[-1].bottom - cells[-1].top):
            cells[-1] = _joined(cells[-1], line)
        else:
            cells.append(line)
    if len(cells) == 1:
        yield cells[0]
    elif cells:
        yield Row(tuple(cells))


def _joined(left: Line, right: Line) -> Line:
    larger = max(left, right, key=lambda line: (line.style.size, len(line.text)))
    space = " " if right.x0 - left.x1 > _WORD_GAP * larger.style.size else ""
    return replace(
        larger,
        text=f"{left.text}{space}{right.text}",
        x0=min(left.x0, right.x0),
        top=min(left.top, right.top),
        x1=max(left.x1, right.x1),
        bottom=max(left.bottom, right.bottom),
    )
