from __future__ import annotations

import datetime
import io
from collections.abc import Callable

import openpyxl
from openpyxl import Workbook

from core.types import BlockKind
from tests.support.parsing import assert_ranges_hold, outline, read, read_file, rejection, rows, texts
from tests.support.shared_data import shared_file


def saved(build: Callable[[Workbook], object]) -> bytes:
    book = openpyxl.Workbook()
    build(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_sheets_are_headings_and_cells_read_as_excel_shows_them() -> None:
    def build(book: Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        sheet.title = "价格"
        sheet.append(["2025 年价格表"])
        sheet.append(["料号", "数量", "单价", "日期", "有效"])
        sheet.append(["FR-70455", 12, 0.1 + 0.2, datetime.datetime(2025, 7, 1), True])
        other = book.create_sheet("Notes")
        other.append(["Prices exclude tax."])

    document = read(saved(build), "list.xlsx")
    assert document.title == "list"
    assert list(outline(document)) == [(1, "价格"), (1, "Notes")]
    assert texts(document, BlockKind.TABLE_HEADER) == ["料号 | 数量 | 单价 | 日期 | 有效"]
    assert texts(document, BlockKind.TABLE_ROW)[0] == "FR-70455 | 12 | 0.3 | 2025-07-01 | TRUE"
    assert "Prices exclude tax." in document.text


def test_tables_beside_and_below_each_other_keep_their_own_headers() -> None:
    document = read_file(shared_file("files", "files", "en_workbook.xlsx"))
    headers = texts(document, BlockKind.TABLE_HEADER)
    assert "first | second | third" in headers
    assert "col-1 | col-2 | col-3 | col-4" in headers
    assert headers.count("col-1 | col-2 | col-3") == 2


def test_hidden_sheets_are_left_out_and_named() -> None:
    document = read_file(shared_file("files", "files", "en_workbook.xlsx"))
    assert document.warnings == ("Hidden sheets were left out: Sheet4.",)
    assert "Sheet4" not in document.text


def test_chinese_issue_list_keeps_every_row() -> None:
    path = shared_file("files", "files", "zh_issues.xlsx")
    sheet = openpyxl.load_workbook(path, read_only=True).worksheets[0]
    expected = sum(1 for row in sheet.iter_rows(values_only=True) if any(value is not None for value in row))
    document = read_file(path)
    assert len(rows(document)) == expected
    assert document.language == "zh"
    assert_ranges_hold(document)


def test_encrypted_workbook_and_old_format_say_what_to_do() -> None:
    encrypted = shared_file("files", "files", "enc_password.xlsx").read_bytes()
    assert rejection(encrypted, "enc_password.xlsx") == "encrypted"
    old = shared_file("files", "files", "legacy.xls").read_bytes()
    assert rejection(old, "legacy.xls") == "unsupported-type"


def test_stray_cell_far_away_does_not_exhaust_the_memory() -> None:
    def build(book: Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        sheet["A1"] = "here"
        sheet["XFD1048576"] = "there"

    assert rejection(saved(build), "wide.xlsx") == "too-long"


def test_damaged_workbook_says_so() -> None:
    whole = saved(lambda book: book.create_sheet("x"))
    assert rejection(whole[: len(whole) // 2], "half.xlsx") == "corrupt"


def test_workbook_without_a_cell_says_so() -> None:
    assert rejection(saved(lambda book: None), "empty.xlsx") == "no-text"
