"""Concepts in flat arrays are what the same steps over lists make."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indexes.translation.dictionary import Dictionary
from indexes.translation.flat import Concepts

Lists = list[list[list[int]]]

alternatives = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3)
concepts = st.lists(st.lists(alternatives, max_size=4), max_size=6)


def flat(lists: Lists) -> Concepts:
    return Concepts.of([[np.array(terms, np.uint64) for terms in concept] for concept in lists])


def lists_of(found: Concepts) -> Lists:
    return [[terms.tolist() for terms in concept] for concept in found]


@given(concepts, concepts)
def test_concepts_are_put_behind_others(some: Lists, others: Lists) -> None:
    assert lists_of(flat(some).and_also(flat(others))) == some + others


@given(concepts.filter(bool), st.data())
def test_concepts_get_further_alternatives(some: Lists, data: st.DataObject) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, len(some) - 1), min_size=1)))
    further = [data.draw(alternatives) for _ in places]
    found = flat(some).with_alternatives(np.array(places), [np.array(terms, np.uint64) for terms in further])
    more = dict(zip(places, further, strict=True))
    assert lists_of(found) == [
        [*concept, *([more[place]] if place in more else [])] for place, concept in enumerate(some)
    ]


@given(concepts)
def test_concepts_without_alternatives_are_left_out(some: Lists) -> None:
    assert lists_of(flat(some).without_empty()) == [concept for concept in some if concept]


def test_what_the_dictionary_lacks_has_no_alternatives() -> None:
    words = {("fire",): [("火灾",)], ("stolen", "laptop"): [("偷", "电脑"), ("失窃",)]}
    dictionary = Dictionary.of(words)
    found = dictionary.translations([["laptop"], ["stolen", "laptop"], ["zebra"], ["fire"]])
    assert [[len(terms) for terms in concept] for concept in found] == [[], [2, 1], [], [1]]
    assert not len(dictionary.translations([]))
