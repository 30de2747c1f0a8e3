"""What a reader of an answer relies on: the markers lead to the words that were meant."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.answering.citations import BoundText, Citation, CitationBinder, Unsupported
from core.types import Ranks, Source

LEAVE = "Annual leave is 15 days. Sick leave is paid for 30 days.\nCarry over at most 5 days."
REISE = "差旅住宿标准为每晚 600 元。超出部分需经理审批。"


def source(text: str, start: int = 100, lang: str = "") -> Source:
    return Source(
        document_id="handbook.md",
        chunk_id=7,
        title="Handbook",
        uri="https://intranet/handbook",
        text=text,
        heading="Leave",
        context="",
        lang=lang,
        page_from=2,
        page_to=2,
        char_start=start,
        char_end=start + len(text),
        score=1.0,
        ranks=Ranks(1, 1),
    )


SOURCES = (source(LEAVE), source(REISE, 0))


def bind(pieces: Sequence[str], *, withhold: bool = False) -> CitationBinder:
    binder = CitationBinder(SOURCES, withhold=withhold)
    shown = ""
    citations: list[Citation] = []
    for bound in (*(b for piece in pieces for b in binder.feed(piece)), *binder.finish()):
        if isinstance(bound, BoundText):
            shown += bound.text
        elif isinstance(bound, Citation):
            citations.append(bound)
    assert shown == binder.text
    assert citations == binder.citations
    return binder


def claims(binder: CitationBinder) -> list[tuple[int, str, str]]:
    return [(c.n, binder.text[c.answer_start : c.answer_end], c.quote) for c in binder.citations]


def test_marker_leads_to_the_sentence_that_says_it() -> None:
    binder = bind(["You have 15 days of annual leave [1]. A night may cost 600 元。[2]"])
    assert claims(binder) == [
        (1, "You have 15 days of annual leave [1].", "Annual leave is 15 days."),
        (2, "A night may cost 600 元。", "差旅住宿标准为每晚 600 元。"),
    ]
    first = binder.citations[0]
    assert LEAVE[first.char_start - 100 : first.char_end - 100] == first.quote


def test_marker_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    binder = bind(["Annual leave is 15 days. [1] 住宿标准为每晚 600 元。【2】超出部分需经理审批[2]。"])
    assert [claim for _, claim, _ in claims(binder)] == [
        "Annual leave is 15 days.",
        "住宿标准为每晚 600 元。",
        "超出部分需经理审批[2]。",
    ]
    assert [c.support for c in binder.citations] == [1.0, 1.0, 1.0]


def test_lists_and_ranges_of_numbers_become_single_markers() -> None:
    assert bind(["Leave is 15 days [1, 2]."]).text == "Leave is 15 days [1][2]."
    assert bind(["Leave is 15 days［1-2］."]).text == "Leave is 15 days[1][2]."
    assert bind(["Leave is 15 days [来源1；来源2]."]).text == "Leave is 15 days [1][2]."


def test_number_without_a_source_is_taken_out_and_counted() -> None:
    binder = bind(["Leave is 15 days [1][9]. Nothing else [7], really."])
    assert binder.text == "Leave is 15 days [1]. Nothing else, really."
    assert binder.dropped_markers == 2


def test_brackets_that_are_no_markers_stay() -> None:
    for text in (
        "See [the manual] and [2024].",
        "`a[0]` is first",
        "```\nx[1] = 2\n```\n",
        "[x](http://y)",
        "a [",
        "[1",
    ):
        assert bind([text]).text == text
        assert bind(list(text)).citations == []


def test_sentence_that_nothing_supports_is_flagged_with_its_range() -> None:
    binder = bind(["Annual leave is 15 days [1]. Employees may bring elephants to the cafeteria on Fridays."])
    assert [binder.text[u.answer_start : u.answer_end] for u in binder.unsupported] == [
        "Employees may bring elephants to the cafeteria on Fridays."
    ]


def test_wrong_number_in_a_claim_lowers_its_support() -> None:
    right, wrong = bind(["Sick leave is paid for 30 days [1]."]), bind(["Sick leave is paid for 90 days [1]."])
    assert wrong.citations[0].support < right.citations[0].support / 1.5


def test_withheld_sentence_is_never_shown_and_later_ranges_still_fit() -> None:
    text = "Elephants may enter the cafeteria. Annual leave is 15 days [1]. 大象进食堂。住宿标准为每晚 600 元[2]。"
    binder = bind(list(text), withhold=True)
    assert binder.text == "Annual leave is 15 days [1]. 住宿标准为每晚 600 元[2]。"
    assert [claim for _, claim, _ in claims(binder)] == [
        "Annual leave is 15 days [1].",
        "住宿标准为每晚 600 元[2]。",
    ]
    assert binder.withheld == 2


def test_claim_in_another_language_is_not_called_unsupported_for_that() -> None:
    binder = bind(["每年有十五天年假[1]。病假带薪 30 天[1]。"])
    assert binder.unsupported == []
    assert binder.citations[1].quote == "Sick leave is paid for 30 days."


def test_extractive_answer_quotes_with_full_support() -> None:
    binder = bind([LEAVE.replace(". ", ". [1] ").replace("\n", " [1]\n") + " [1]"])
    assert [c.support for c in binder.citations] == [1.0, 1.0, 1.0]
    assert binder.unsupported == []


_MARKS = ["[1]", "[", "]", "1", "2", "[9]", "【2】", "［", "`", "```", "来源", "S"]
_SPACES = [" ", "  ", "\n", "\u2028", "\u0085"]
_WORDS = ["The", "leave", "年假", "15 days", "Annual leave is 15 days.", "每晚 600 元", "Mr. Smith ", "etc."]
PIECES = st.sampled_from([*_MARKS, *_SPACES, *_WORDS, ", ", "。", ". ", "!", '"'])


@given(st.lists(PIECES, max_size=40).map("".join), st.randoms(use_true_random=False), st.booleans())
def test_answer_is_the_same_however_the_model_server_cuts_it(text: str, random: object, withhold: bool) -> None:
    whole = bind([text], withhold=withhold)
    cuts = sorted({random.randrange(len(text) + 1) for _ in range(8)})  # type: ignore[attr-defined]
    for pieces in (list(text), [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]):
        again = bind(pieces, withhold=withhold)
        assert again.text == whole.text
        assert again.citations == whole.citations
        assert again.unsupported == whole.unsupported
        assert again.dropped_markers == whole.dropped_markers


@given(st.lists(PIECES, max_size=40).map("".join))
def test_nothing_but_markers_is_changed(text: str) -> None:
    bare = text.translate(dict.fromkeys(map(ord, "[]【】［］123456789, -；来源S\t")))
    assert bind([text]).text.translate(dict.fromkeys(map(ord, "[]【】［］123456789, -；来源S\t"))) == bare


@given(st.lists(PIECES, max_size=40).map("".join))
def test_every_range_lies_in_the_answer(text: str) -> None:
    binder = bind([text])
    for item in (*binder.citations, *binder.unsupported):
        assert 0 <= item.answer_start < item.answer_end <= len(binder.text)
        if isinstance(item, Citation):
            assert item.source.text[item.char_start - item.source.char_start :].startswith(item.quote)
    assert all(isinstance(item, Unsupported) for item in binder.unsupported)


def test_endless_repetition_costs_linear_time() -> None:
    binder = CitationBinder(SOURCES)
    for _ in range(20_000):
        binder.feed("very ")
    binder.finish()
    assert len(binder.text) == 100_000
