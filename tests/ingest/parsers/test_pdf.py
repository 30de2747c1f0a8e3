from __future__ import annotations

import pypdfium2 as pdfium
import pytest

from core.types import BlockKind, ParsedDocument
from tests.examples.texts import DOCUMENTS, squeeze
from tests.support.parsing import assert_ranges_hold, outline, read, read_file, rejection, rows, texts
from tests.support.shared_data import shared_file

REPORT = "zh_quarterly_report_22p.pdf"


def shared_pdf(name: str) -> ParsedDocument:
    return read_file(shared_file("files", "files", name))


def page_of(document: ParsedDocument, words: str) -> int | None:
    return next(b.page for b in document.blocks if words in document.text[b.char_start : b.char_end])


def test_every_block_stands_on_the_page_that_it_names() -> None:
    path = shared_file("files", "files", REPORT)
    with pdfium.PdfDocument(path) as pdf:
        pages = [squeeze(page.get_textpage().get_text_range()) for page in pdf]
    document = read_file(path)
    assert document.page_count == len(pages) == 22
    assert {block.page for block in document.blocks} == set(range(1, 23))
    elsewhere = 0
    for block in document.blocks:
        assert block.page is not None
        for cell in document.text[block.char_start : block.char_end].split("|"):
            elsewhere += squeeze(cell) not in pages[block.page - 1]
    # A cell whose lines pdfium reads in another order is not found in its text as a whole.
    assert elsewhere < 0.02 * sum(text.count("|") + 1 for text in texts(document))
    assert_ranges_hold(document)


def test_chinese_report_keeps_sections_and_the_rows_of_its_tables() -> None:
    document = shared_pdf(REPORT)
    assert document.language == "zh"
    headings = [heading for _, heading in outline(document)]
    assert [h for h in headings if h.startswith("第")][:3] == [
        "第一节 重要提示",
        "第二节 公司基本情况",
        "第三节 重要事项",
    ]
    assert "营业收入（元） | 4,755,785.11 | 5,699,227.63 | -16.55%" in rows(document)
    # The company's name stands at the head of each of the 22 pages.
    assert document.text.count("东北电气发展股份有限公司 2018 年第一季度报告全文") == 0


def test_sentences_of_the_first_column_come_before_those_of_the_second() -> None:
    document = read_file(DOCUMENTS / "hr" / "benefits-2025.pdf")
    order = [
        "一、社会保险与公积金",
        "二、补充医疗保险",
        "三、年度体检",
        "四、餐补、通讯与交通",
        "五、节日与生日",
        "八、关怀",
    ]
    places = [document.text.index(heading) for heading in order]
    assert places == sorted(places)
    assert "安环部承担，结果存入职业健康档案" in document.text


def test_column_that_a_table_fills_is_read_before_the_text_beside_it() -> None:
    document = read_file(DOCUMENTS / "products" / "cedar-cg4-manual.pdf")
    headings = [heading for _, heading in outline(document)]
    assert headings.index("6. Fault codes") + 1 == headings.index("7. Updating")
    last_row = max(document.text.index(row) for row in rows(document))
    assert document.text.index("6. Fault codes") < last_row < document.text.index("7. Updating")


def test_table_without_a_header_row_keeps_its_rows_whole() -> None:
    document = shared_pdf("en_big_table.pdf")
    assert any(row.startswith("Alabama | 18,870 | 23,022 | 22,650 | 859 | 1,178") for row in rows(document))
    assert sum(row.startswith(("Alabama", "Wyoming", "Guam")) for row in rows(document)) == 3


def test_dense_chinese_table_and_the_prose_around_it_are_kept_apart() -> None:
    document = shared_pdf("zh_standard_table.pdf")
    assert "高速公路 | 八 | 2.5000 | 60000≤Q＜80000 | 20＜μ≤30" in rows(document)
    assert any(text.startswith("第 7.9 条 服务设施出入口") for text in texts(document, BlockKind.PARAGRAPH))


def test_bookmarks_make_headings() -> None:
    headings = list(outline(shared_pdf("en_outline.pdf")))
    assert [h for _, h in headings if h[0].isdigit()] == [
        *("1 Foo", "2 Bar", "3 Baz", "4 Foo", "5 Bar", "6 Baz", "7 Foo", "8 Bar", "9 Baz")
    ]


def test_words_divided_at_line_ends_are_whole_again() -> None:
    document = shared_pdf("en_copy_protected.pdf")
    for word in ("important innovations", "frameworks like", "distribution, and", "digitization"):
        assert word in document.text
    assert "high-level" in document.text


def test_owner_password_does_not_keep_a_document_from_its_readers() -> None:
    assert shared_pdf("en_copy_protected.pdf").title.startswith("LayoutParser")


@pytest.mark.parametrize(
    ("name", "words", "language"),
    [
        ("en_4pages.pdf", "some text without a meaning", "en"),
        ("en_attachment.pdf", "Lorem ipsum dolor sit amet", "en"),
        ("ko_tables.pdf", "할인점 | 이마트", ""),
        ("zh_kb_template.pdf", "描述团队的共同目标", "zh"),
        ("zh_text_plus_image.pdf", "我是文字", "zh"),
        ("broken_corrupted.pdf", "Readability counts.", "en"),
    ],
)
def test_real_files_are_readable_text(name: str, words: str, language: str) -> None:
    document = shared_pdf(name)
    assert words in document.text
    assert language in ("", document.language)
    assert_ranges_hold(document)


@pytest.mark.parametrize("name", ["scan_no_text.pdf", "scan_image.pdf"])
def test_scan_says_that_it_needs_text_recognition(name: str) -> None:
    assert rejection(shared_file("files", "files", name).read_bytes(), name) == "no-text"


def test_encrypted_pdf_says_that_it_is() -> None:
    data = shared_file("files", "files", "enc_password.pdf").read_bytes()
    assert rejection(data, "enc_password.pdf") == "encrypted"


def test_empty_file_says_so() -> None:
    assert rejection(b"", "broken_zero_bytes.pdf") == "empty"


def test_damaged_pdf_is_read_as_far_as_it_goes_or_says_so() -> None:
    whole = (DOCUMENTS / "finance" / "expense-policy-2025.pdf").read_bytes()
    assert rejection(whole[:2000], "cut.pdf") == "corrupt"
    # Where the index at the end points nowhere, a reader finds the pages by searching.
    lost = whole.replace(b"\nstartxref\n", b"\nstartxref\n9")
    assert "claim must be filed within 45 calendar days" in read(lost, "index.pdf").text


def test_page_numbers_and_repeated_headers_are_no_text() -> None:
    document = read_file(DOCUMENTS / "finance" / "expense-policy-2025.pdf")
    assert not any(text.strip().isdigit() for text in texts(document, BlockKind.PARAGRAPH))
    assert page_of(document, "1. Purpose") == 1
