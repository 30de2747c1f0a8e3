from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import BlockKind
from ingest.parsers.base import one_line
from tests.examples.texts import DOCUMENTS
from tests.support.parsing import read, read_file, rejection, rows, texts

HEADER = ["零件号", "Name", "价格"]
CELLS = st.text(st.sampled_from([*"abc 零件，,;\"'\n|1.5é"]), min_size=1, max_size=12).filter(
    lambda cell: one_line(cell).strip(" |") == one_line(cell) != ""
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12), st.sampled_from([",", ";", "\t"]))
def test_every_cell_stands_in_its_row(table: list[tuple[str, str, str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    writer.writerows(table)
    document = read(out.getvalue(), "parts.tsv" if delimiter == "\t" else "parts.csv")
    assert texts(document, BlockKind.TABLE_HEADER) == [" | ".join(HEADER)]
    assert texts(document, BlockKind.TABLE_ROW) == [" | ".join(map(one_line, row)) for row in table]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_exports_in_any_encoding_are_read(encoding: str) -> None:
    lines = ["员工编号,姓名,部门", *(f"E{n:03d},员工姓名,客户服务部门" for n in range(20))]
    document = read("\r\n".join(lines).encode(encoding), "staff.csv")
    assert rows(document)[0] == "员工编号 | 姓名 | 部门"
    assert rows(document)[20] == "E019 | 员工姓名 | 客户服务部门"


def test_numbers_in_the_first_row_are_data_and_no_header() -> None:
    document = read("1,2,3\n4,5,6\n", "grid.csv")
    assert texts(document, BlockKind.TABLE_HEADER) == []
    assert rows(document) == ["1 | 2 | 3", "4 | 5 | 6"]


def test_file_that_excel_saved_names_its_delimiter() -> None:
    assert rows(read("sep=;\na;b\n1;2,5\n", "x.csv"))[-2:] == ["a | b", "1 | 2,5"]


def test_rows_of_the_examples_are_whole() -> None:
    for path in sorted(DOCUMENTS.rglob("*.csv")):
        expected = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        document = read_file(path)
        assert texts(document, BlockKind.TABLE_HEADER) == [" | ".join(expected[0])]
        assert rows(document) == [one_line(" | ".join(row)).rstrip(" |") for row in expected], path


def test_quote_that_is_never_closed_is_named() -> None:
    assert rejection('name,text\na,"' + "x" * 1_100_000, "broken.csv") == "corrupt"
