from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import docx
import pytest
from docx.document import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from core.types import BlockKind
from tests.support.parsing import assert_ranges_hold, outline, read, read_file, rejection, rows, texts
from tests.support.shared_data import shared_file


def saved(build: Callable[[Document], object]) -> bytes:
    document = docx.Document()
    build(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_headings_lists_and_tables_stand_in_their_order() -> None:
    def build(document: Document) -> None:
        document.core_properties.title = "差旅办法"
        document.add_heading("住宿", level=1)
        document.add_paragraph("每晚上限六百元。")
        document.add_paragraph("先申请", style="List Bullet")
        table = document.add_table(rows=2, cols=3)
        for row, values in zip(table.rows, (("类别", "城市", "上限"), ("一类", "北京", "550 元")), strict=True):
            for cell, value in zip(row.cells, values, strict=True):
                cell.text = value
        document.add_heading("After", level=2)

    document = read(saved(build), "travel.docx")
    assert document.title == "差旅办法"
    assert texts(document) == [
        "住宿",
        "每晚上限六百元。",
        "- 先申请",
        "类别 | 城市 | 上限",
        "一类 | 北京 | 550 元",
        "After",
    ]
    assert list(outline(document)) == [(1, "住宿"), (2, "After")]
    assert texts(document, BlockKind.TABLE_HEADER) == ["类别 | 城市 | 上限"]


def test_tracked_insertions_are_read_and_deletions_are_not() -> None:
    def build(document: Document) -> None:
        paragraph = document.add_paragraph("The limit is ")
        paragraph._p.append(
            parse_xml(f'<w:del {nsdecls("w")} w:id="1"><w:r><w:delText>40</w:delText></w:r></w:del>')
        )
        paragraph._p.append(parse_xml(f'<w:ins {nsdecls("w")} w:id="2"><w:r><w:t>60 euros.</w:t></w:r></w:ins>'))

    assert read(saved(build), "t.docx").text == "The limit is 60 euros."


def test_content_controls_are_read() -> None:
    def build(document: Document) -> None:
        inside = "<w:sdtContent><w:p><w:r><w:t>Form field</w:t></w:r></w:p></w:sdtContent>"
        control = f"<w:sdt {nsdecls('w')}>{inside}</w:sdt>"
        document.element.body.insert(0, parse_xml(control))

    assert "Form field" in read(saved(build), "f.docx").text


def test_real_document_keeps_lists_headings_and_table() -> None:
    document = read_file(shared_file("files", "files", "en_word_sample.docx"))
    assert document.title == "Swimming in the lake"
    assert "Leaves | Ash, Elm, Maple | 50" in rows(document)
    assert "- Berries" in texts(document, BlockKind.LIST_ITEM)


def test_merged_and_nested_tables_lose_no_cell() -> None:
    document = read_file(shared_file("files", "files", "en_word_tables.docx"))
    assert "Cell 1.0 | Merged Cell 1.1 1.2" in rows(document)
    assert "Cell 1.0 | Merged Cell 1.1 1.2 | | Cell 1.3" in rows(document)
    assert "Cell 3.0 | Merged Cell 3.1 4.1 | Cell 3.2" in rows(document)
    assert_ranges_hold(document)


def test_formulas_are_part_of_their_sentence() -> None:
    document = read_file(shared_file("files", "files", "en_equations.docx"))
    assert "The angle is θ=sin" in document.text


def test_comments_are_no_part_of_the_text() -> None:
    document = read_file(shared_file("files", "files", "en_comments.docx"))
    assert document.title.startswith("AutoGen")
    assert "13 | 14 | 49e168b7-d2ae-407f-a055-2167576f39a1 | 15 | 16 | 17" in rows(document)
    assert "This is a test comment" not in document.text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zh_en_mixed.docx", ["有序列表构成的章节标题", "hyperlink"]),
        ("zh_text_table_image.docx", ["我是文字", "我是表格3 | 我是表格4"]),
    ],
)
def test_chinese_documents_are_read(name: str, expected: list[str]) -> None:
    document = read_file(shared_file("files", "files", name))
    assert document.language == "zh"
    assert all(words in document.text for words in expected)
    assert_ranges_hold(document)


def test_encrypted_document_says_that_it_is() -> None:
    data = shared_file("files", "files", "enc_password.docx").read_bytes()
    assert rejection(data, "enc_password.docx") == "encrypted"


def test_damaged_documents_say_so() -> None:
    whole = saved(lambda document: document.add_paragraph("Text."))
    assert rejection(whole[: len(whole) // 2], "half.docx") == "corrupt"
    assert rejection(_with_part(whole, "word/document.xml", b"<w:document"), "xml.docx") == "corrupt"


def test_entities_that_would_expand_without_end_are_refused() -> None:
    whole = saved(lambda document: document.add_paragraph("Text."))
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert rejection(_with_part(whole, "word/document.xml", bomb), "bomb.docx") == "corrupt"


def test_archive_that_unpacks_without_end_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as part:
        for _ in range(600):
            part.write(bytes(1 << 20))
    assert rejection(out.getvalue(), "bomb.docx") == "too-long"


def _with_part(archive: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return out.getvalue()
