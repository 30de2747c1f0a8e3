"""Any cross-encoder of sentence-transformers, on a real checkpoint made on the spot: its scores are noise.

No package carries the weights of a trained one; what is checked is that its own scores come through.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.errors import RerankerUnavailable
from indexes.rerank.base import RerankedTooLate
from indexes.rerank.cross_encoder import CrossEncoderReranker
from tests.support.shared_data import passages

pytestmark = pytest.mark.local

QUESTION = "How many days of leave does a colleague get? 年假有多少天？"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.tiny_cross_encoder import make_model, make_tokenizer

    folder: Path = tmp_path_factory.mktemp("cross-encoder")
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    make_model(tokenizer).save_pretrained(folder)
    return folder


def test_scores_are_those_of_the_library(checkpoint: Path) -> None:
    from sentence_transformers import CrossEncoder

    texts = [*passages("squad2", 12), *passages("cmrc2018", 5), "", "🤖"]
    expected = CrossEncoder(str(checkpoint)).predict([(QUESTION, text) for text in texts])
    scores = CrossEncoderReranker(str(checkpoint), batch=4).score(QUESTION, texts, timeout_s=300)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert len(set(scores.tolist())) > 10, "scores that do not differ would show nothing"


def test_late_call_stops_and_the_next_one_is_answered(checkpoint: Path) -> None:
    reranker = CrossEncoderReranker(str(checkpoint), batch=1)
    with pytest.raises(RerankedTooLate, match="of 2000 passages"):
        reranker.score(QUESTION, ["leave " * 50] * 2000, timeout_s=0.05)
    assert reranker.score(QUESTION, ["leave"], timeout_s=300).shape == (1,)


def test_one_question_at_a_time_and_none_waits_beyond_its_time(checkpoint: Path) -> None:
    reranker = CrossEncoderReranker(str(checkpoint), batch=1)
    begun = threading.Event()

    def long_call() -> None:
        begun.set()
        with pytest.raises(RerankedTooLate):
            reranker.score(QUESTION, ["leave " * 50] * 100_000, timeout_s=3)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(long_call)
        begun.wait()
        while not reranker._running.locked():
            assert not running.done()
        with pytest.raises(RerankedTooLate, match="busy with another question"):
            reranker.score(QUESTION, ["leave"], timeout_s=0.05)
        running.result()


def test_broken_unicode_is_scored_all_the_same(checkpoint: Path) -> None:
    reranker = CrossEncoderReranker(str(checkpoint))
    assert np.isfinite(reranker.score("a\ud800b", ["a\ud800b", "nul\0"], timeout_s=300)).all()


def test_model_that_is_no_reranker_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    from tests.support.tiny_cross_encoder import make_model, make_tokenizer

    with pytest.raises(RerankerUnavailable, match="nobody/nothing"):
        CrossEncoderReranker("nobody/nothing")
    classifier = make_model(make_tokenizer(), labels=3)
    make_tokenizer().save_pretrained(tmp_path)
    classifier.save_pretrained(tmp_path)
    with pytest.raises(RerankerUnavailable, match="3 classes"):
        CrossEncoderReranker(str(tmp_path))


def test_checkpoint_is_made_by_its_command_too(tmp_path: Path) -> None:
    """The vLLM environment, which has no tests, makes it so."""
    maker = Path(__file__).parents[2] / "support" / "tiny_cross_encoder.py"
    subprocess.run([sys.executable, maker, tmp_path], check=True, capture_output=True)
    assert CrossEncoderReranker(str(tmp_path)).score(QUESTION, ["leave"], timeout_s=300).shape == (1,)
