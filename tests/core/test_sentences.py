from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("年假为十天。病假需证明！谁批准？", ["年假为十天。", "病假需证明！", "谁批准？"]),
        ("他说：“可以。”然后走了。", ["他说：“可以。”", "然后走了。"]),
        ("（见附录。）下一节；再下一节……完", ["（见附录。）", "下一节；", "再下一节……", "完"]),
        ("“好！”，他答道。行。", ["“好！”，他答道。", "行。"]),
        ("版本 3.11 支持。圆周率约为3.14。", ["版本 3.11 支持。", "圆周率约为3.14。"]),
        ("真的吗？！是的。", ["真的吗？！", "是的。"]),
        ("运行命令 make run.然后打开页面。", ["运行命令 make run.", "然后打开页面。"]),
        ('报告写道:"成功。"随后发布。', ['报告写道:"成功。"', "随后发布。"]),
        ("Leave is ten days. Ask HR! Why? Because.", ["Leave is ten days.", "Ask HR!", "Why?", "Because."]),
        ("Dr. Smith met Mr. Li, e.g. on Monday. Fine.", ["Dr. Smith met Mr. Li, e.g. on Monday.", "Fine."]),
        (
            "It costs $3.50. See www.example.com/a.b?x=1 now.",
            ["It costs $3.50.", "See www.example.com/a.b?x=1 now."],
        ),
        ("Made by Acme Inc. in China. J. Smith paid.", ["Made by Acme Inc. in China.", "J. Smith paid."]),
        ("Bring pens, paper etc. The rest is here.", ["Bring pens, paper etc.", "The rest is here."]),
        ("The U.S. Army left. See Fig. 3 and no. 5.", ["The U.S. Army left.", "See Fig. 3 and no. 5."]),
        ("He said no. Then he left.", ["He said no.", "Then he left."]),
        ('She said "Go." Then "Stop!" was heard.', ['She said "Go."', 'Then "Stop!" was heard.']),
        ("1. First step. 2. Second step.", ["1. First step.", "2. Second step."]),
        ("Heading\nText one. Text two", ["Heading", "Text one.", "Text two"]),
        ("Use version 2. It is newer. 使用它。OK.", ["Use version 2.", "It is newer.", "使用它。", "OK."]),
        ("Wait... what? Yes… it is. (Done.) Next.", ["Wait... what?", "Yes… it is.", "(Done.)", "Next."]),
        (
            "Renamed in 1924.[27] By 1933 merged.[1][2] 完成。[3]然后。",
            ["Renamed in 1924.[27]", "By 1933 merged.[1][2]", "完成。[3]", "然后。"],
        ),
        ("  \n\t ", []),
        ("", []),
    ],
)
def test_quotes_begin_and_end_with_the_sentence(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


PIECES = st.sampled_from(
    [
        *"。！？；….!?\"'”’“)（）】 \n\r\t\u2028\u3000,，1a我",
        "e.g.",
        "Dr. ",
        "3.14",
        "The ",
        "你好",
        "http://a.b/c?d ",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_ranges_are_exact_ordered_trimmed_and_lose_nothing(text: str) -> None:
    ranges = split_sentences(text)
    position = 0
    for start, end in ranges:
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize("unit", [".", "。", '"', "a.", "A. ", '?"', "a", " . ", ")", "’", " "])
def test_a_megabyte_of_anything_is_cut_in_linear_time(unit: str) -> None:
    # A quadratic algorithm would need hours here.
    text = unit * (1_000_000 // len(unit))
    kept = sum(end - start - text[start:end].count(" ") for start, end in split_sentences(text))
    assert kept == len(text) - text.count(" ")


def test_row_of_a_table_is_one_sentence() -> None:
    row = "E-1042 | 传感器断线；未更换过的联系服务部。 | Replace it. Then restart."
    text = f"第一句。第二句。\n{row}"
    assert [text[start:end] for start, end in split_sentences(text)] == ["第一句。", "第二句。", row]
