"""vLLM itself serves the rerank endpoint, for a cross-encoder of random weights."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from core.errors import RerankerUnavailable
from indexes.rerank.endpoint import EndpointReranker
from tests.support import vllm_server

pytestmark = pytest.mark.vllm

QUESTION = "How many days of leave does a colleague get?"
TEXTS = ["Twenty days of leave.", "A car park.", "年假有十五天。", "leave " * 40, ""]


def test_scores_are_those_that_the_model_gives(tmp_path: Path) -> None:
    script = Path(vllm_server.__file__).with_name("tiny_cross_encoder.py")
    command = [vllm_server.VLLM_PYTHON, script, tmp_path, QUESTION, *TEXTS]
    expected = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    with vllm_server.running_vllm(vllm_server.RERANKER) as url:
        reranker = EndpointReranker(vllm_server.MODEL_NAME, url)
        scores = reranker.score(QUESTION, TEXTS, timeout_s=120).tolist()
        with pytest.raises(RerankerUnavailable, match="HTTP 404"):
            EndpointReranker("another", url).score(QUESTION, TEXTS, timeout_s=120)
        reranker.close()
    assert scores == pytest.approx(expected, abs=1e-3)
    assert len({round(score, 2) for score in expected}) == len(TEXTS), (
        "scores that do not differ would show nothing"
    )
