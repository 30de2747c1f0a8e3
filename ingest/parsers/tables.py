"""Where a grid of cells holds tables, and which of their rows are headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

Grid = list[list[str]]
_NUMBER = re.compile(r"[-+(]?[\d.,:/%\s$€£¥￥年月日TZ-]*\d[\d.,:/%\s)年月日TZ-]*")
# Years and months are numbers that name columns.
_PERIOD = re.compile(
    r"(?:19|20)\d\d(?:\s*年(?:度|\d{1,2}(?:\s*-\s*\d{1,2})?\s*月)?)?|\d{1,2}\s*月|(?:19|20)\d\d[-/.]\d{1,2}"
)
_HEADER_CHARS = 80


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, an amount, a date or a time."""
    return bool(_NUMBER.fullmatch(cell))


def is_header(row: Sequence[str]) -> bool:
    """Whether a first row names its columns: mostly filled, with short words or periods, no other numbers."""
    filled = [cell.strip() for cell in row if cell.strip()]
    return (
        len(filled) >= 2
        and len(filled) > len(row) / 2
        and all(len(cell) <= _HEADER_CHARS for cell in filled)
        and not all(map(is_number, filled))
        and not any(is_number(cell) and not _PERIOD.fullmatch(cell) for cell in filled)
    )


def split_tables(grid: Grid) -> Iterator[Grid]:
    """Cut a sheet into the rectangles that empty rows or empty columns separate, in reading order.

    Columns are cut only where both sides are tables of their own (two columns and two rows at least): a single
    empty column inside a table is kept.
    """
    for band in _bands(grid):
        columns = list(zip(*band, strict=True))
        cuts = [i for i, column in enumerate(columns) if not any(column)]
        if not cuts:
            yield band
            continue
        pieces: list[Grid] = []
        start = 0
        for cut in [*cuts, len(columns)]:
            if cut > start:
                pieces.append([list(row[start:cut]) for row in band])
            start = cut + 1
        if len(pieces) > 1 and all(len(piece[0]) >= 2 and len(piece) >= 2 for piece in pieces):
            for piece in pieces:
                yield from _bands(piece)
        else:
            yield [[cell for i, cell in enumerate(row) if i not in set(cuts)] for row in band]


def _bands(grid: Grid) -> Iterator[Grid]:
    band: Grid = []
    for row in grid:
        if any(row):
            band.append(row)
        elif band:
            yield band
            band = []
    if band:
        yield band
