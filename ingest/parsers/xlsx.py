"""Excel workbooks: every visible sheet under a heading, its tables row by row."""

from __future__ import annotations

import datetime
import io
import re
import zipfile

import python_calamine as calamine

from core.errors import DocumentRejected
from core.types import BlockKind, ParsedDocument
from ingest.parsers.archive import corrupt, open_archive
from ingest.parsers.base import DocumentBuilder, Hint
from ingest.parsers.tables import Grid, is_header, split_tables

_KIND = "Excel workbook"
# A sheet is held in memory as the full rectangle between its outermost filled cells.
MAX_SHEET_CELLS = 8_000_000
# Cells with content: an empty one with only a style ends in "/>". The bounds keep the search linear.
_FILLED_CELL = re.compile(rb"<(?:\w{1,20}:)?c\s[^>]{0,200}?\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]{0,200}[^/>]>")
_SCAN_BYTES = 4 << 20
_OVERLAP_BYTES = 512

Cell = object


class XlsxParser:
    """Parses .xlsx and .xlsm workbooks."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        with open_archive(data, _KIND) as archive:
            _check_extent(archive)
        builder = DocumentBuilder(hint.max_chars)
        try:
            with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
                _add_sheets(builder, workbook)
        except calamine.PasswordError as error:
            raise DocumentRejected(
                "encrypted", f"The {_KIND} is protected by a password; remove it and upload the file again."
            ) from error
        except calamine.CalamineError as error:
            raise corrupt(_KIND) from error
        # The sheets' names are headings, but none of them names the workbook.
        return builder.finish(hint, title=hint.stem)


def _add_sheets(builder: DocumentBuilder, workbook: calamine.CalamineWorkbook) -> None:
    hidden: list[str] = []
    for sheet in workbook.sheets_metadata:
        if sheet.typ is not calamine.SheetTypeEnum.WorkSheet:
            continue
        if sheet.visible is not calamine.SheetVisibleEnum.Visible:
            hidden.append(sheet.name)
            continue
        rows = workbook.get_sheet_by_name(sheet.name).iter_rows()
        grid = [[_text(cell) for cell in row] for row in rows]
        if any(map(any, grid)):
            builder.heading(sheet.name, 1)
            for table in split_tables(grid):
                _add_table(builder, table)
    if hidden:
        builder.warnings.append(f"Hidden sheets were left out: {', '.join(hidden)}.")


def _add_table(builder: DocumentBuilder, rows: Grid) -> None:
    """Append one table; lines above its header that fill a single cell are its caption."""
    start = 0
    while start < len(rows) and sum(map(bool, rows[start])) == 1 and len(rows[start]) > 1:
        builder.add(BlockKind.PARAGRAPH, next(filter(None, rows[start])))
        start += 1
    if start < len(rows):
        builder.table(rows[start:], has_header=start + 1 < len(rows) and is_header(rows[start]))


def _text(cell: Cell) -> str:
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            # Excel itself keeps and shows 15 digits.
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15g}"
        case datetime.datetime():
            return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ", "seconds")
        case datetime.time():
            return cell.isoformat("seconds")
        case _:
            return str(cell).strip()


def _check_extent(archive: zipfile.ZipFile) -> None:
    """Refuse a sheet whose filled cells lie so far apart that its rectangle would exhaust the memory.

    The extent that a sheet states of itself can lie, so its cells are read. Raises DocumentRejected.
    """
    for member in archive.infolist():
        rows: list[int] = []
        columns: list[int] = []
        with archive.open(member) as stream:
            tail = b""
            while block := stream.read(_SCAN_BYTES):
                cells = [(column, int(row)) for column, row in _FILLED_CELL.findall(tail + block)]
                if cells:
                    rows += (min(row for _, row in cells), max(row for _, row in cells))
                    names = {column for column, _ in cells}
                    columns += map(_column_number, names)
                tail = block[-_OVERLAP_BYTES:]
        if rows and (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1) > MAX_SHEET_CELLS:
            raise DocumentRejected(
                "too-long",
                f"A sheet of the workbook spans more than {MAX_SHEET_CELLS:,} cells; delete stray cells far from "
                "the data or split the sheet, and upload it again.",
            )


def _column_number(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number
