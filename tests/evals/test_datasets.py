from pathlib import Path

import pytest

from core.errors import NotFound
from evals.datasets import DATASETS, load


@pytest.mark.parametrize("name", DATASETS)
def test_every_judged_question_has_its_passage_in_the_set(name: str) -> None:
    dataset = load(name)
    ids = {passage.id for passage in dataset.passages}
    assert dataset.judged()
    assert all(ids & dataset.qrels[question.id].keys() for question in dataset.judged())


def test_cross_language_sets_ask_in_one_language_about_the_other() -> None:
    dataset = load("xquad-en-zh")
    assert {passage.lang for passage in dataset.passages} == {"zh"}
    assert {question.lang for question in dataset.questions} == {"en"}


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"squad2 needs .*corpus\.jsonl"):
        load("squad2", tmp_path)
    with pytest.raises(NotFound, match="there are squad2"):
        load("squad3")
