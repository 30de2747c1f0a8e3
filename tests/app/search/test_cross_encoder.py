"""A cross-encoder behind the service: hits stand in the order of the scores that the library itself gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.retrieval.arranging import read_by_reranker
from core.types import Ranks, Source
from tests.app.search.conftest import DOCUMENTS
from tests.support.service import running_service

pytestmark = pytest.mark.local

QUESTION = "Who approves a claim?"


def test_hits_stand_in_the_order_of_the_cross_encoder(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    from tests.support.tiny_cross_encoder import make_model, make_tokenizer

    checkpoint = str(tmp_path / "model")
    make_tokenizer().save_pretrained(checkpoint)
    make_model(make_tokenizer()).save_pretrained(checkpoint)
    settings = {"reranker": f"st:{checkpoint}", "rerank_budget_ms": "60000", "rerank_depth": "10"}
    with running_service(tmp_path / "data", **settings) as service:
        service.create_collection("finance")
        files = sorted((DOCUMENTS / "finance").iterdir())
        assert service.feed("finance", {path.name: path.read_bytes() for path in files})["state"] == "succeeded"
        hits = service.search("finance", QUESTION, k=10)
    read = [
        read_by_reranker(
            Source(
                "",
                0,
                hit["title"],
                "",
                hit["text"],
                hit["heading"],
                hit["context"],
                "",
                None,
                None,
                0,
                0,
                0,
                Ranks(),
            )
        )
        for hit in hits
    ]
    expected = CrossEncoder(checkpoint).predict([(QUESTION, text) for text in read]).tolist()
    assert [hit["rerank_score"] for hit in hits] == pytest.approx(expected, abs=1e-5)
    assert expected == sorted(expected, reverse=True)
    assert [hit["ranks"]["rerank"] for hit in hits] == list(range(1, 11))
    assert expected[0] > expected[-1]


def test_model_that_cannot_be_loaded_leaves_the_fused_order_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "no-model").mkdir()
    with running_service(
        tmp_path / "data", reranker=f"st:{tmp_path / 'no-model'}", rerank_budget_ms="60000"
    ) as service:
        service.create_collection("notes")
        service.put("notes", "a.txt", b"Claims are approved by the line manager.")
        with service.client() as client:
            assert client.get("/readyz").status_code == 200
            found = client.post("/v1/search", json={"collection": "notes", "query": QUESTION}).json()
        assert [hit["document_id"] for hit in found["hits"]] == ["a.txt"]
        assert found["reranked"] is False
        assert "no reranking, the fused order stands: The reranker" in service.log()
