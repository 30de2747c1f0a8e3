"""Copies are collapsed, and nothing else: one changed number, word or heading keeps two passages apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.near_duplicates import LEAST_SIMILARITY, collapse, similarity
from tests.app.retrieval.passages import passage

MEALS = (
    "Meals with customers are paid up to CNY 200 for each person in mainland China and EUR 45 in Europe, "
    "drinks included. Colleagues may not outnumber the guests."
)
MEALS_ZH = "与客户用餐，中国大陆每人不超过200元，欧洲每人不超过45欧元，含酒水。陪同人数不得多于客人。"


def alike(one: str, other: str, **other_parts: str) -> float:
    return similarity(passage(one).source, passage(other, 2, **other_parts).source)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MEALS, MEALS),
        (MEALS, MEALS.upper().replace(" ", "  \n")),
        (MEALS_ZH, MEALS_ZH.replace("，", ", ").replace("。", "。\n")),
        ("與客戶用餐，每人不超過200元。", "与客户用餐，每人不超过２００元。"),
        ("Amount | Approver\nUp to CNY 5,000 | Line manager", "Amount\tApprover\n- Up to CNY 5000: “line manager”"),
    ],
)
def test_layout_case_and_script_make_no_difference(one: str, other: str) -> None:
    assert alike(one, other) == alike(other, one) == 1.0


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (MEALS, MEALS.replace("200", "260")),
        (MEALS, MEALS.replace("may not", "may")),
        (MEALS, MEALS.replace("EUR", "USD")),
        (MEALS_ZH, MEALS_ZH.replace("不得", "可以")),
        (MEALS_ZH, MEALS_ZH.replace("45", "54")),
        ("Store at -5 °C or colder, for at most 20 days.", "Store at 5 °C or colder, for at most 20 days."),
        ("The share is < 5 % of the total in each year.", "The share is > 5 % of the total in each year."),
        ("The tolerance is 0.5 mm on each of the sides.", "The tolerance is 5 mm on each of the sides."),
    ],
)
def test_changed_fact_keeps_passages_apart(text: str, changed: str) -> None:
    assert text != changed
    assert alike(text, changed) == alike(changed, text) == 0.0


words = st.lists(
    st.sampled_from(re.findall(r"\w+", MEALS) + list("与客户用餐每人不超过元")), min_size=2, max_size=60
)


@given(words, st.data())
def test_any_one_changed_word_keeps_passages_apart(text: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    changed = [*text[:place], "elsewhere", *text[place + 1 :]]
    assert alike(" ".join(text), " ".join(changed)) == 0.0
    assert alike(" ".join(changed), " ".join(text)) == 0.0


@given(words, st.integers(0, 80), st.booleans())
def test_passage_is_covered_by_a_longer_one_but_does_not_cover_it(text: list[str], more: int, before: bool) -> None:
    rest = ["elsewhere"] * more
    longer = [*rest, *text] if before else [*text, *rest]
    share = len(text) / len(longer)
    assert alike(" ".join(text), " ".join(longer)) == (pytest.approx(share) if share >= LEAST_SIMILARITY else 0.0)
    assert alike(" ".join(longer), " ".join(text)) == (1.0 if not more else 0.0)


def test_same_words_below_another_heading_or_header_say_something_else() -> None:
    row = "A hotel is paid up to 120 a night."
    german = passage(row, heading="Allowances › Germany").source
    assert similarity(german, passage(row, 2, heading="Booklet › Germany").source) == 1.0
    assert similarity(german, passage(row, 2, heading="Allowances › Austria").source) == 0.0
    dollars = passage(row, context="what | USD").source
    assert similarity(dollars, passage(row, 2, context="what | USD").source) == 1.0
    assert similarity(dollars, passage(row, 2, context="what | EUR").source) == 0.0


def test_best_stays_and_lists_the_others() -> None:
    found = [
        passage(MEALS, 1, score=0.9),
        passage(MEALS_ZH, 2, score=0.8),
        passage(MEALS.lower(), 3, title="A copy", score=0.7),
        passage(MEALS.replace("200", "260"), 4, score=0.6),
        passage(MEALS_ZH, 5, score=0.5),
    ]
    shown = collapse(found)
    assert [each.source.chunk_id for each in shown] == [1, 2, 4]
    (copy,) = shown[0].source.duplicates
    assert (copy.chunk_id, copy.document_id, copy.title, copy.score) == (3, "document-3", "A copy", 0.7)
    assert [duplicate.chunk_id for duplicate in shown[1].source.duplicates] == [5]
    assert not shown[2].source.duplicates


def test_nothing_is_merged_along_a_chain() -> None:
    """b is held by a, and c by b, but c is too little of a to stand for the same."""
    a, b, c = (" ".join(f"word{i}" for i in range(count)) for count in (100, 60, 35))
    shown = collapse([passage(a, 1), passage(b, 2), passage(c, 3)])
    assert [each.source.chunk_id for each in shown] == [1, 3]
