from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DocumentRejected
from core.types import Block, BlockKind, ParsedDocument
from ingest.clean import clean, clean_text
from tests.support.parsing import assert_ranges_hold

KINDS = st.sampled_from(list(BlockKind))
TEXT = st.text(
    st.one_of(
        st.characters(), st.sampled_from([*" \t\r\n\u00a0\u3000\u200b\ufeff\u2028\x0b\x00\u00ad⻟⼀ﬁ\u0301"])
    ),
    max_size=60,
)


def document_of(blocks: list[tuple[BlockKind, str]], between: str = "") -> ParsedDocument:
    text, made = between, []
    for kind, part in blocks:
        made.append(Block(kind, len(text), len(text) + len(part), None, int(kind is BlockKind.HEADING)))
        text += part + between
    return ParsedDocument(text, made)


@given(TEXT, KINDS)
def test_cleaning_twice_changes_nothing(text: str, kind: BlockKind) -> None:
    once = clean_text(text, kind)
    assert clean_text(once, kind) == once


@given(st.lists(st.tuples(KINDS, TEXT), max_size=8), st.sampled_from(["", "\n\n", " outside "]))
def test_ranges_hold_after_cleaning(blocks: list[tuple[BlockKind, str]], between: str) -> None:
    document = document_of(blocks, between)
    if not any(clean_text(text, kind).strip() for kind, text in blocks):
        with pytest.raises(DocumentRejected):
            clean(document)
        return
    cleaned = clean(document)
    assert_ranges_hold(cleaned)
    assert "outside" not in cleaned.text or any("outside" in text for _, text in blocks)
    assert clean(cleaned) == cleaned


@given(st.text(st.sampled_from("年假二十天abcXYZ019，。()"), min_size=1))
def test_letters_digits_and_chinese_are_never_lost(text: str) -> None:
    assert clean_text(text, BlockKind.PARAGRAPH) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u00a0\u3000 b", "a b"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("ef\ufb01cient", "efficient"),
        ("⼯作", "工作"),
        ("e\u0301", "é"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("left \u202etfel", "left tfel"),
        ("NUL\x00BEL\x07", "NULBEL"),
        ("full １２３ width", "full １２３ width"),
    ],
)
def test_each_character_is_written_one_way(text: str, expected: str) -> None:
    assert clean_text(text, BlockKind.PARAGRAPH) == expected


def test_code_keeps_its_indentation() -> None:
    assert clean_text("def f():\n\tif x:\n        y()  \n\n\n\n    z()\n", BlockKind.CODE) == (
        "def f():\n\tif x:\n        y()\n\n    z()"
    )


def test_language_is_that_of_the_text() -> None:
    assert clean(document_of([(BlockKind.PARAGRAPH, "员工每年有二十天年假。")])).language == "zh"
    assert clean(document_of([(BlockKind.PARAGRAPH, "Twenty days of leave.")])).language == "en"
