"""Ruled tables of a PDF page: pdfplumber's cell finder on the lines that pdfium reads.

pdfplumber's own reading of a page takes some 200 ms and pdfium's 5; the finder itself needs only the lines.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pdfplumber import table as finder

from ingest.parsers.base import join_lines
from ingest.parsers.pdf_text import Char, Rule
from ingest.parsers.tables import Grid, is_number

_TOLERANCE = 3.0
# In heights of a character: what stands farther apart are words even where pdfium has no space.
_WORD_GAP = 0.5
_MIN_RULES = 4
_MAX_RULES = 6_000
# Above these a "table" is a drawing, and finding its cells would take seconds.
_MAX_EDGES = 1_500
_MAX_INTERSECTIONS = 12_000

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Table:
    """A table's place and the text of its cells; a merged cell's text stands in the first row and column."""

    x0: float
    top: float
    x1: float
    bottom: float
    rows: Grid


def find_tables(rules: Sequence[Rule], chars: Sequence[Char]) -> tuple[list[Table], list[Char]]:
    """Return the tables of a page from top to bottom, and the characters that lie in none of them."""
    tables: list[Table] = []
    rest = list(chars)
    for cells in sorted(_cell_groups(rules), key=lambda group: min(cell[1] for cell in group)):
        frame = _Frame(cells)
        if len(frame.tops) < 2 or len(frame.lefts) < 2:
            continue
        inside, outside = frame.divide(rest)
        rows = frame.rows(inside)
        if sum(any(row) for row in rows) >= 2 and sum(any(column) for column in zip(*rows, strict=True)) >= 2:
            tables.append(Table(frame.lefts[0], frame.tops[0], frame.right, frame.bottom, rows))
            rest = outside
    return tables, rest


def _cell_groups(rules: Sequence[Rule]) -> Iterator[list[Box]]:
    if not _MIN_RULES <= len(rules) <= _MAX_RULES:
        return
    edges = finder.merge_edges(
        [_edge(rule) for rule in rules],
        snap_x_tolerance=_TOLERANCE,
        snap_y_tolerance=_TOLERANCE,
        join_x_tolerance=_TOLERANCE,
        join_y_tolerance=_TOLERANCE,
    )
    if len(edges) > _MAX_EDGES:
        return
    intersections = finder.edges_to_intersections(edges, _TOLERANCE, _TOLERANCE)
    if len(intersections) > _MAX_INTERSECTIONS:
        return
    yield from finder.cells_to_tables(finder.intersections_to_cells(intersections))


def _edge(rule: Rule) -> dict[str, object]:
    """A rule in pdfplumber's form."""
    horizontal = rule.x1 - rule.x0 >= rule.bottom - rule.top
    return {
        "x0": rule.x0,
        "x1": rule.x1,
        "top": rule.top,
        "bottom": rule.bottom,
        "width": rule.x1 - rule.x0,
        "height": rule.bottom - rule.top,
        "orientation": "h" if horizontal else "v",
        "object_type": "line",
    }


class _Frame:
    """The grid that a table's cells span: which cell owns each crossing of a row and a column."""

    def __init__(self, cells: Sequence[Box]) -> None:
        self.lefts = sorted({cell[0] for cell in cells})
        self.tops = sorted({cell[1] for cell in cells})
        self.right = max(cell[2] for cell in cells)
        self.bottom = max(cell[3] for cell in cells)
        self._owner: dict[tuple[int, int], tuple[int, int]] = {}
        for x0, top, x1, bottom in cells:
            first = (self.tops.index(top), self.lefts.index(x0))
            for row in range(first[0], len(self.tops)):
                if self.tops[row] >= bottom:
                    break
                for column in range(first[1], len(self.lefts)):
                    if self.lefts[column] >= x1:
                        break
                    self._owner[row, column] = first

    def divide(self, chars: Sequence[Char]) -> tuple[list[Char], list[Char]]:
        """The characters inside the frame and the others; spaces go with the character before them."""
        inside: list[Char] = []
        outside: list[Char] = []
        target = outside
        for char in chars:
            if not char.text.isspace():
                target = inside if self._holds(char) else outside
            target.append(char)
        return inside, outside

    def _holds(self, char: Char) -> bool:
        x, y = char.center
        return self.lefts[0] <= x <= self.right and self.tops[0] <= y <= self.bottom

    def rows(self, chars: Sequence[Char]) -> Grid:
        """The cells' texts, their wrapped lines joined."""
        parts: dict[tuple[int, int], list[Char]] = {}
        for char in chars:
            if not char.text.isspace():
                x, y = char.center
                crossing = (bisect_right(self.tops, y) - 1, bisect_right(self.lefts, x) - 1)
                parts.setdefault(self._owner.get(crossing, crossing), []).append(char)
        spaced = {char.index for before, char in pairwise(chars) if before.text.isspace() and before.text != "\n"}
        grid: list[list[list[str]]] = [[[] for _ in self.lefts] for _ in self.tops]
        for (row, column), cell in parts.items():
            grid[row][column] = _cell_lines(cell, spaced)
        return [row for cells in grid for row in _split_row(cells) if any(row)]


def _cell_lines(chars: Sequence[Char], spaced: Container[int]) -> list[str]:
    """The lines of a cell by their places: not every file stores a cell's characters line by line."""
    lines: list[list[Char]] = []
    for char in chars:
        for line in reversed(lines):
            last = line[-1]
            shared = min(last.bottom, char.bottom) - max(last.top, char.top)
            if shared > 0.5 * min(last.bottom - last.top, char.bottom - char.top):
                line.append(char)
                break
        else:
            lines.append([char])
    lines.sort(key=lambda line: line[0].center[1])
    return [_line_text(line, spaced) for line in lines]


def _line_text(line: Sequence[Char], spaced: Container[int]) -> str:
    """The characters of a line, with spaces where pdfium has one and where a wide gap shows one."""
    parts = [line[0].text]
    for previous, char in pairwise(line):
        if char.index in spaced or char.x0 - previous.x1 > _WORD_GAP * (char.bottom - char.top):
            parts.append(" ")
        parts.append(char.text)
    return "".join(parts)


def _split_row(cells: Sequence[Sequence[str]]) -> Grid:
    """The rows that stand between two ruled lines: several where numbers stand below each other.

    Words wrap inside a cell, numbers do not: equally many lines in all cells, and numbers in most, are rows.
    """
    filled = [lines for lines in cells if lines]
    count = len(filled[0]) if filled else 0
    numeric = sum(all(map(is_number, lines)) for lines in filled)
    if count > 1 and all(len(lines) == count for lines in filled) and 2 * numeric > len(filled):
        return [[lines[i] if lines else "" for lines in cells] for i in range(count)]
    return [[join_lines(lines) for lines in cells]]
