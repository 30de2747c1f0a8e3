"""What is kept of the reference pairs, and the logistic that reads similarities."""

from __future__ import annotations

from math import exp
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.embedders.e5 import E5Embedder
from indexes.embedders.reference import fit_logistic, reference_of


def test_answer_is_told_from_another_answer_in_both_languages_and_across(e5: E5Embedder, tmp_path: Path) -> None:
    reference = reference_of(e5, tmp_path)
    answer = e5.embed_passages(["The visitor car park closes at eight in the evening.", "访客停车场晚上八点关门。"])
    other = e5.embed_passages(["Invoices are due after thirty days.", "发票须在三十天内付清。"])
    for question, language in (("When does the visitor car park close?", "en"), ("访客停车场几点关门？", "zh")):
        embedded = e5.embed_query(question)
        right = reference.similarities(embedded, language, answer, ["en", "zh"])
        wrong = reference.similarities(embedded, language, other, ["en", "zh"])
        assert right.min() > wrong.max()
        assert reference.probability(float(right.max())) > 0.9
        assert reference.probability(float(wrong.max())) < 0.1


def test_what_is_kept_is_what_was_measured(e5: E5Embedder, tmp_path: Path) -> None:
    measured, kept = reference_of(e5, tmp_path), reference_of(e5, tmp_path)
    assert (measured.slope, measured.offset) == (kept.slope, kept.offset)
    assert np.array_equal(measured.centre("zh"), kept.centre("zh"))
    assert np.allclose(kept.centre("fr"), (kept.centre("en") + kept.centre("zh")) / 2)


@given(st.floats(0.2, 0.8), st.floats(0.05, 0.15))
def test_logistic_is_even_half_way_between_two_equal_groups(middle: float, gap: float) -> None:
    spread = np.linspace(-0.1, 0.1, 21)
    slope, offset = fit_logistic((middle + gap + spread).tolist(), (middle - gap + spread).tolist())
    assert slope > 0
    assert 1 / (1 + exp(-(slope * middle + offset))) == pytest.approx(0.5, abs=0.01)
