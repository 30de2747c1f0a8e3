"""Whatever a file holds: its blocks lie within the text, in order and apart, and cleaning again changes nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import DocumentRejected
from ingest.clean import clean
from tests.support.parsing import assert_ranges_hold, read, rejection

WORDS = st.sampled_from(
    [
        *(
            "年假",
            "二十天。",
            "word",
            "E-1042",
            "e.g. ",
            "𠮷野家",
            "é",
            "e\u0301",
            "\u200b",
            "\u00a0",
            "　",
            "\t",
            "\r",
        ),
        *("\x0c", "\u2028", "\x85", "😀", "　", "\u202e", "ﬁ", "-\n", " ", "\n", "\n\n", "。\n", ":\n", "<br>"),
    ]
)
MARKDOWN = st.sampled_from(
    [
        *(
            "# ",
            "###### ",
            "- ",
            "1. ",
            "> ",
            "```\n",
            "~~~",
            "|",
            "|--|--|\n",
            "| a | b |\n",
            "**",
            "`",
            "$",
            "$$",
        ),
        *("---\n", "title: x\n", "[a](b)", "<div>", "</div>", "<!--", "-->", "\\", "    ", "&amp;"),
    ]
)
HTML = st.sampled_from(
    [
        *("<p>", "</p>", "<h1>", "</h1>", "<h4>", "<table>", "<tr>", "<td>", "<th>", "</td>", "</tr>", "</table>"),
        *("<ul>", "<ol>", "<li>", "</ul>", "<pre>", "</pre>", "<div class=nav>", "</div>", "<main>", "</main>"),
        *("<script>", "</script>", "<b>", "</b>", "<nav>", "</nav>", "<title>", "&nbsp;", "<td colspan=3>", "<!--"),
    ]
)
CSV = st.sampled_from([",", ";", '"', '""', "\n", "\r\n", "a,b\n", "1.5", "|", "\t", "sep=,\n"])
PLAIN = st.sampled_from(
    ["第一章 总则\n", "一、", "1. ", "(a) ", "======\n", "* ", "Chapter 2\n", "----\n", "目录\n"]
)
FORMATS = {"notes.md": MARKDOWN, "page.html": HTML, "table.csv": CSV, "plain.txt": PLAIN}


def documents(marks: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.lists(st.one_of(WORDS, marks), max_size=60).map("".join), st.text(max_size=200))


@pytest.mark.parametrize("filename", FORMATS)
@given(data=st.data())
def test_ranges_of_any_file_hold_and_cleaning_is_final(filename: str, data: st.DataObject) -> None:
    text = data.draw(documents(FORMATS[filename]))
    with suppress(DocumentRejected):
        document = read(text.encode("utf-8", "replace"), filename)
        assert_ranges_hold(document)
        assert clean(document) == document


@given(st.binary(max_size=500), st.sampled_from([*FORMATS, "x.pdf", "x.docx", "x.xlsx", "x", "x.pptx"]))
@example(b"%PDF-1.7", "x.pdf")
@example(b"PK\x03\x04", "x.docx")
@example(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.xlsx")
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes, filename: str) -> None:
    with suppress(DocumentRejected):
        assert_ranges_hold(read(data, filename))


@pytest.mark.parametrize("filename", FORMATS)
def test_text_over_the_limit_is_refused_in_every_format(filename: str) -> None:
    assert rejection("word,年假\n" * 1000, filename, max_chars=1000) == "too-long"
