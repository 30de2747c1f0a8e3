"""What the documents do not answer is told from what they answer, by the real embedder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.answering.judge import Judge
from app.answering.support import SupportFinder
from app.retrieval.questions import QuestionVectors
from core.settings import Settings
from core.types import Ranks, Source
from indexes.embedders.pool import EmbedderPool

LEAVE = "Every colleague receives fifteen days of annual leave a year. Unused days expire at the end of March."
CODES = "E-1042：传感器断线，检查接头后重启。\nE-1043：电源电压过低，更换电源模块。"
PARKING = "地下车库每个车位每月收费三百元，从工资中扣除。"


def source(number: int, title: str, text: str, lang: str) -> Source:
    return Source(title, number, title, "", text, "", "", lang, None, None, 0, len(text), 1.0, Ranks())


SOURCES = (
    source(1, "Leave rules", LEAVE, "en"),
    source(2, "故障代码", CODES, "zh"),
    source(3, "停车管理", PARKING, "zh"),
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    folder: Path = tmp_path_factory.mktemp("judge")
    pool = EmbedderPool(Settings(data_dir=folder))
    yield Judge(SupportFinder(QuestionVectors()), pool, "e5")
    pool.close()


@pytest.mark.parametrize(
    "question",
    [
        "How many days of annual leave do I get?",
        "What does a parking space cost?",
        "车位一个月多少钱？",
        "仪表报 E-1043 怎么办？",
        "What does e1042 mean?",
    ],
)
def test_question_that_a_source_answers_is_probable(judge: Judge, question: str) -> None:
    assert judge.probability(question, SOURCES, 0.0) > Settings().refuse_below


@pytest.mark.parametrize(
    "question",
    [
        "Who won the football World Cup in 1998?",
        "红烧肉怎么做才好吃？",
        "What is the boiling point of ethanol?",
        "仪表报 E-1044 怎么办？",
        "What does getUserByEmail return?",
    ],
)
def test_question_that_no_source_answers_is_improbable(judge: Judge, question: str) -> None:
    assert judge.probability(question, SOURCES, 0.0) < Settings().refuse_below


def test_nothing_is_answered_by_no_source(judge: Judge) -> None:
    assert judge.probability("How many days of annual leave do I get?", (), 0.0) == 0.0


def test_words_in_common_decide_at_the_border(judge: Judge) -> None:
    border = "一年有多少天年假？"
    assert judge.probability(border, SOURCES, 0.0) < Settings().refuse_below
    assert judge.probability(border, SOURCES, 0.8) > Settings().refuse_below


@pytest.mark.parametrize(("question", "best"), [("一年有多少天年假？", 1), ("What does a parking space cost?", 3)])
def test_best_support_is_found_across_languages(judge: Judge, question: str, best: int) -> None:
    assert SOURCES[judge.find(question, SOURCES)[0].unit.source_index].chunk_id == best
