from __future__ import annotations

import pytest

from core.language import detect_language
from tests.support.shared_data import passages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("员工每年有二十天年假。", "zh"),
        ("Twenty days of leave a year.", "en"),
        ("请在 Canopy 里点 Settings。", "zh"),
        ("The 青藤 app shows how many days of leave you have left.", "en"),
        ("員工每年有二十天年假。", "zh"),
        ("E-1042", "en"),
        ("3.14 / 2.72 = ?", ""),
        ("", ""),
    ],
)
def test_language_is_that_of_most_of_the_text(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("dataset", "language"), [("cmrc2018", "zh"), ("drcd", "zh"), ("squad2", "en"), ("scifact", "en")]
)
def test_language_of_real_passages_is_known(dataset: str, language: str) -> None:
    texts = passages(dataset, 300)
    assert [text for text in texts if detect_language(text) != language] == []
