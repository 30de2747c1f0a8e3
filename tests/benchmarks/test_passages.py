"""The passages that engines are compared on: the same everywhere, and the same work for everybody."""

from collections import Counter
from itertools import islice

import pytest

from benchmarks.passages.compose import Composed, compose
from benchmarks.passages.fragments import Piece, pieces
from indexes.analyse import analyse


@pytest.fixture(scope="module")
def found() -> list[Piece]:
    return pieces()


@pytest.fixture(scope="module")
def fragments(found: list[Piece]) -> list[str]:
    return list(dict.fromkeys(fragment for piece in found for fragment in piece.fragments))


def arranged(found: list[Piece], fragments: list[str], count: int) -> list[Composed]:
    return list(compose(found, {fragment: number for number, fragment in enumerate(fragments)}, count))


def test_a_larger_collection_begins_with_the_smaller_one(found: list[Piece], fragments: list[str]) -> None:
    larger = arranged(found, fragments, 9000)
    assert larger[:8000] == arranged(found, fragments, 8000)
    assert larger[:3000] == arranged(found, fragments, 3000)


def test_no_passage_comes_twice_and_none_mixes_languages(found: list[Piece], fragments: list[str]) -> None:
    passages = arranged(found, fragments, 9000)
    assert len({passage.members for passage in passages}) == len(passages)
    language_of = {fragment: piece.language for piece in found for fragment in piece.fragments}
    for passage in passages:
        assert {language_of[fragments[member]] for member in passage.members} == {passage.language}


def test_a_passage_has_the_terms_of_its_fragments(found: list[Piece], fragments: list[str]) -> None:
    # The raw engines get the fragments' terms, ours analyses the whole text: the work must be the same.
    for passage in islice(arranged(found, fragments, 9000), 6500, None, 25):
        parts = [fragments[member] for member in passage.members]
        assert Counter(analyse("\n".join(parts))) == Counter(term for part in parts for term in analyse(part))
