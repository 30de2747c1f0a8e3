"""A question's words find passages of the other language, by CC-CEDICT itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.types import Embeddings, IndexEntry
from indexes.analyse import analyse
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.lexical.postings import term_hash
from indexes.translation.concepts import concepts
from indexes.translation.dictionary import Dictionary
from indexes.writer import IndexWriter

LAPTOP = "Report a stolen laptop to the service desk within four hours."
PARKING = "The speed limit in the warehouse is 8 km/h."
FIRE = "发生火灾时，请到北门集合。"
DINNER = "食堂晚餐供应到七点半。"


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Dictionary:
    folder = tmp_path_factory.mktemp("models")
    built = Dictionary.open(folder)
    kept = Dictionary.open(folder)
    assert np.array_equal(built.terms, kept.terms)
    return kept


def speaks_of(text: str, question: str, language: str, dictionary: Dictionary) -> int:
    """How many concepts of a question a text speaks of, by its own terms."""
    held = {term_hash(term) for term in analyse(text)}
    found = concepts(question, language, dictionary)
    return sum(any(set(terms.tolist()) <= held for terms in concept) for concept in found)


@pytest.mark.parametrize(
    ("question", "language", "right", "wrong"),
    [
        ("笔记本电脑被偷了，要在多长时间之内报告？", "zh", LAPTOP, PARKING),
        ("仓库里限速多少？", "zh", PARKING, LAPTOP),
        ("Where do people assemble when there is a fire?", "en", FIRE, DINNER),
        ("Until when does the canteen serve dinner?", "en", DINNER, FIRE),
    ],
)
def test_words_find_their_translation(
    question: str, language: str, right: str, wrong: str, dictionary: Dictionary
) -> None:
    assert speaks_of(right, question, language, dictionary) >= 1
    assert speaks_of(wrong, question, language, dictionary) == 0


def test_names_and_codes_stand_for_themselves(dictionary: Dictionary) -> None:
    assert speaks_of("Error E-1042: replace the sensor.", "E-1042 是什么故障？", "zh", dictionary) >= 1
    assert speaks_of("错误 E-1042：更换传感器。", "What does E-1042 mean?", "en", dictionary) >= 1


def test_words_that_only_ask_are_no_concepts(dictionary: Dictionary) -> None:
    assert len(concepts("多少？", "zh", dictionary)) == 0
    assert len(concepts("How many?", "en", dictionary)) == 0
    assert len(concepts("Combien de jours?", "", dictionary)) == 0


def test_a_hybrid_search_finds_by_translated_words_and_a_lexical_one_does_not(
    tmp_path: Path, dictionary: Dictionary
) -> None:
    alike: Embeddings = np.array([1.0, 0.0], np.float32)  # the vectors tell nothing apart
    with IndexWriter.open(tmp_path) as writer:
        writer.add(
            [IndexEntry(id_, "", "", text, alike) for id_, text in enumerate([LAPTOP, PARKING, FIRE, DINNER])]
        )
        writer.commit()
    question = "仓库里限速多少？"
    with HybridIndex.open(tmp_path) as index:
        query = HybridQuery(question, alike, 10, concepts=concepts(question, "zh", dictionary))
        assert index.search(query).hits[0].chunk_id == 1
        asked_by_words = HybridQuery(question, None, 10, "lexical", concepts=query.concepts)
        assert 1 not in [hit.chunk_id for hit in index.search(asked_by_words).hits]
