from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.analyse import analyse


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("E-1042", "The device shows E-1042 when the cable is loose."),
        ("E1042", "错误代码E-1042表示网络中断"),
        ("e_1042", "E-1042"),
        ("getUserById", "Call getUserById first."),
        ("user by id", "Call getUserById first."),
        ("snake", "snake_case"),
        ("2.4.1", "since v2.4.1"),
        ("2.4", "since v2.4.1"),
        ("RX-200", "RX-200/B"),
        ("2.4km", "全程2.4km左右"),
        ("1234567", "$1,234,567"),
        ("ABC１２３", "abc123"),
        ("Beyoncé", "Beyonce"),
        ("policies", "the travel policy"),
        ("梵語", "梵语的研究"),
        ("學術", "学术"),
        ("张三丰", "请联系张三丰办理"),
        ("state of the art", "a state-of-the-art engine"),
        ("C++", "written in C++"),
    ],
)
def test_spellings_of_the_same_thing_meet(asked: str, written: str) -> None:
    assert set(analyse(asked)) & set(analyse(written))


@pytest.mark.parametrize("code", ["E-1042", "v2.4.1", "RX-200/B", "getUserById", "snake_case", "2.4km"])
def test_a_code_is_found_whole(code: str) -> None:
    assert code.lower() in analyse(f"before {code}, after")


def test_words_of_grammar_do_not_find_passages() -> None:
    assert analyse("What is the?") == []
    assert not {"的", "是", "什么", "吗"} & set(analyse("报销的流程是什么吗"))


def test_capitals_keep_names_that_look_like_words_of_grammar() -> None:
    assert analyse("US and IT") == ["us", "it"]
    assert analyse("tell us about it") == ["tell", "about"]


def test_traditional_and_simplified_texts_have_the_same_terms() -> None:
    traditional = "在歐洲，梵語的學術研究，由德國學者開創。後來發現印歐語系。"
    simplified = "在欧洲，梵语的学术研究，由德国学者开创。后来发现印欧语系。"
    assert analyse(traditional) == analyse(simplified)


@given(st.text(max_size=200))
def test_any_text_has_terms_that_can_be_stored(text: str) -> None:
    terms = analyse(text)
    assert all(term and len(term) <= 64 and not term.isspace() for term in terms)
    assert analyse(text) == terms


@given(st.text(max_size=100), st.text(max_size=100))
def test_a_passage_has_every_term_of_its_lines(first: str, second: str) -> None:
    together = analyse(f"{first}\n{second}")
    assert sorted(together) == sorted(analyse(first) + analyse(second))


def test_threads_may_analyse_at_once() -> None:
    texts = [f"Running policies number {i} 部门规定第{i}条" for i in range(400)]
    alone = [analyse(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(analyse, texts)) == alone
