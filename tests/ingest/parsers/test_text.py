from __future__ import annotations

from core.types import BlockKind
from ingest.parsers.base import join_lines
from ingest.parsers.hyphens import Hyphenation
from tests.examples.texts import DOCUMENTS
from tests.support.parsing import outline, read, read_file, texts

WRAPPED = """\
Working from home

Everybody may work from home on two days a week. Ask your manager first, and put
the days into the calendar, so that colleagues know where you are. The core hours
are the same as in the office.

1. Equipment
The company lends a screen and a head-
set. Return them when you leave.
"""


def test_wrapped_lines_become_one_paragraph_under_their_heading() -> None:
    document = read(WRAPPED, "home.txt")
    assert document.title == "Working from home"
    paragraph = texts(document, BlockKind.PARAGRAPH)[0]
    assert "put the days into" in paragraph
    assert "colleagues know where you are" in paragraph


def test_chinese_chapters_are_headings_and_items_stay_apart() -> None:
    chapter = "员工手册\n\n第一章 总则\n\n本手册适用于全体员工，自发布之日起施行。\n\n"
    text = f"{chapter}一、年假\n1、满一年五天；\n2、满十年十天。\n"
    document = read(text, "handbook.txt")
    assert [heading for _, heading in outline(document)] == ["员工手册", "第一章 总则", "一、年假"]
    assert texts(document, BlockKind.LIST_ITEM) == ["1、满一年五天；", "2、满十年十天。"]


def test_gb18030_document_has_its_headings() -> None:
    document = read_file(DOCUMENTS / "hr" / "referral-bonus.txt")
    assert document.language == "zh"
    assert "三、哪些情况不算推荐" in [heading for _, heading in outline(document)]


def test_lines_of_an_address_are_not_run_together() -> None:
    document = read("Send invoices to:\n\nFernridge Instruments\nAccounts payable\nDelft\n", "a.txt")
    assert "Fernridge Instruments\nAccounts payable\nDelft" in document.text


def test_only_a_line_of_the_document_is_its_title() -> None:
    assert read("只有一行。", "folder/说明.txt").title == "说明"


def test_lines_join_as_their_author_wrote_them() -> None:
    assert join_lines(["员工应当在", "十五日内提交"]) == "员工应当在十五日内提交"
    assert join_lines(["使用", "Canopy 平台"]) == "使用 Canopy 平台"
    assert join_lines(["an uninter-", "rupted supply"]) == "an uninterrupted supply"
    assert join_lines(["ports: RS-", "485 and USB-", "A"]) == "ports: RS-485 and USB-A"
    assert join_lines(["one", "two"]) == "one two"


def test_hyphen_goes_only_in_a_document_that_divides_words() -> None:
    lines = ["Two of the applica-", "tions run in frame-", "works.", "An application"]
    divides = Hyphenation.of([*lines, "applications"])
    assert join_lines(lines[:3], divides) == "Two of the applications run in frameworks."
    keeps = Hyphenation.of(["look at ready-", "made products"])
    assert join_lines(["look at ready-", "made products"], keeps) == "look at ready-made products"
    compound = Hyphenation.of([*lines, "applications", "a row", "the level"])
    assert join_lines(["row-", "level security"], compound) == "row-level security"
