"""A text in any encoding that our users' systems write comes out as the text it was."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DocumentRejected
from ingest.parsers.encoding import decode
from tests.examples.texts import DOCUMENTS, SOURCES

CHINESE = (SOURCES / "hr" / "referral-bonus.txt").read_text(encoding="utf-8")
TRADITIONAL = "員工因公出差,應先填寫申請單,經主管核准後辦理。差旅費用應於返回公司後十個工作日內報銷,逾期不予受理。"
GERMAN = "Die Wartung der Anlage erfolgt jährlich; größere Störungen meldet man über das Büro für Qualität."
FRENCH = "Le délai de réclamation est de trente jours après réception; au-delà, aucune demande n'est acceptée."
# Sentences of everyday Chinese, as a file of the office holds them.
SENTENCES = [line for line in CHINESE.splitlines() if len(line) > 20]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda t: t[0] != "\ufeff"))
def test_utf8_is_never_taken_for_anything_else(text: str) -> None:
    assert decode(text.encode()) == text
    assert decode(b"\xef\xbb\xbf" + text.encode()) == text


@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5))
def test_gb18030_is_read_without_being_told(sentences: list[str]) -> None:
    text = "\r\n".join(sentences)
    assert decode(text.encode("gb18030")) == text


def test_gb18030_document_of_the_examples_is_what_its_author_wrote() -> None:
    data = (DOCUMENTS / "hr" / "referral-bonus.txt").read_bytes()
    assert decode(data) == CHINESE.replace("\n", "\r\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["Leave policy: twenty days a year.\n", "年假 20 天, see HR-023.\n"])
def test_utf16_and_utf32_are_read_with_and_without_a_mark(text: str, encoding: str) -> None:
    assert decode((text * 4).encode(encoding)) == text * 4


def test_big5_is_read_without_being_told() -> None:
    assert decode(TRADITIONAL.encode("big5")) == TRADITIONAL


@pytest.mark.parametrize("text", [GERMAN, FRENCH])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_latin1_keeps_its_accents(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_name_of_an_encoding_is_believed_where_it_fits_and_not_where_it_does_not() -> None:
    assert decode("漢字かな交じり文".encode("shift_jis"), declared="Shift_JIS") == "漢字かな交じり文"
    assert decode("中文".encode("gb18030"), declared="gb2312") == "中文"
    assert decode("年假二十天".encode(), declared="shift_jis-of-mars") == "年假二十天"
    assert decode("年假二十天，病假凭证明。".encode(), declared="iso-8859-1") == "年假二十天，病假凭证明。"


def test_file_cut_off_inside_a_character_keeps_the_rest() -> None:
    data = ("年假二十天。" * 50).encode()
    assert decode(data[:-1]) == "年假二十天。" * 49 + "年假二十天"


def test_binary_data_is_refused_and_not_indexed_as_noise() -> None:
    with pytest.raises(DocumentRejected, match="binary"):
        decode(bytes(range(256)) * 40)


@given(st.binary(max_size=400), st.sampled_from(["", "utf-8", "gb2312", "utf-16", "utf-7", "base64", "\0"]))
def test_any_bytes_give_text_or_a_reason(data: bytes, declared: str) -> None:
    with suppress(DocumentRejected):
        assert isinstance(decode(data, declared=declared), str)
