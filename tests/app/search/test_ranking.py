"""A request decides how its hits are ranked, and every hit tells what each list said of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.service import RunningService

QUESTION = "How many days of paid leave does a new colleague get?"


def hits_of(service: RunningService, query: str = QUESTION, **options: Any) -> list[dict[str, Any]]:
    hits = service.search("examples", query, **options)
    assert hits
    return hits


def test_reciprocal_ranks_can_be_checked_by_the_ranks_shown(examples: RunningService) -> None:
    ranking = {"fusion": "rrf", "rrf_k": 10, "weights": {"dense": 3, "lexical": 1}}
    hits = hits_of(examples, k=40, ranking=ranking)
    for hit in hits:
        dense, lexical = hit["ranks"]["dense"], hit["ranks"]["lexical"]
        expected = (3 / (10 + dense) if dense else 0) + (1 / (10 + lexical) if lexical else 0)
        assert hit["score"] == pytest.approx(expected)
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert any(hit["ranks"]["dense"] and hit["ranks"]["lexical"] for hit in hits)


@pytest.mark.parametrize("normalisation", ["min-max", "z-score"])
@pytest.mark.parametrize("alone", ["dense", "lexical"])
def test_weighted_scores_with_one_weight_are_that_list(
    examples: RunningService, alone: str, normalisation: str
) -> None:
    weights = {"dense": 0, "lexical": 0} | {alone: 1}
    ranking = {"fusion": "weighted", "normalisation": normalisation, "weights": weights}
    fused = hits_of(examples, k=8, ranking=ranking)
    assert [hit["ranks"][alone] for hit in fused] == list(range(1, 9))
    assert [hit["chunk_id"] for hit in fused] == [hit["chunk_id"] for hit in hits_of(examples, k=8, mode=alone)]


def test_equal_weights_lie_between_the_lists(examples: RunningService) -> None:
    def scores(weights: dict[str, float]) -> dict[int, float]:
        depths = {"dense": 30, "lexical": 30}
        ranking = {"fusion": "weighted", "weights": weights, "depths": depths, "translate": False}
        return {hit["chunk_id"]: hit["score"] for hit in hits_of(examples, k=100, ranking=ranking)}

    dense, lexical = scores({"lexical": 0}), scores({"dense": 0})
    both = scores({})
    assert both == pytest.approx({chunk: (dense[chunk] + lexical[chunk]) / 2 for chunk in both})


def test_effort_changes_nothing_where_all_vectors_are_compared(examples: RunningService) -> None:
    assert hits_of(examples, ranking={"effort": 0.1}) == hits_of(examples, ranking={"effort": 10})


def test_depths_bound_what_each_list_proposes(examples: RunningService) -> None:
    hits = hits_of(examples, k=50, ranking={"depths": {"dense": 4, "lexical": 2}, "translate": False})
    assert sorted(rank for hit in hits if (rank := hit["ranks"]["dense"])) == [1, 2, 3, 4]
    assert sorted(rank for hit in hits if (rank := hit["ranks"]["lexical"])) == [1, 2]
    assert len(hits) <= 6


def test_translation_can_be_left_out(examples: RunningService) -> None:
    question = "年假有多少天？"
    english = {"lang": "en"}
    with_words = hits_of(examples, question, k=5, filter=english)
    without = hits_of(examples, question, k=5, filter=english, ranking={"translate": False})
    assert [hit["score"] for hit in with_words] != [hit["score"] for hit in without]


def test_answer_follows_the_ranking_asked_for(client: httpx.Client) -> None:
    asked = {"collection": "examples", "question": QUESTION, "stream": False, "k": 3}
    ranking = {"fusion": "weighted", "weights": {"dense": 0, "lexical": 1}}
    answer = client.post("/v1/answers", json=asked | {"ranking": ranking}).json()
    assert answer["sources"][0]["ranks"]["lexical"] == 1
    completion = client.post(
        "/v1/chat/completions",
        json={
            "model": "examples",
            "messages": [{"role": "user", "content": QUESTION}],
            "ragstone": {"k": 3, "ranking": ranking},
        },
    ).json()
    shown = [[source["chunk_id"] for source in each["sources"]] for each in (answer, completion["ragstone"])]
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    ("ranking", "mode", "words"),
    [
        ({"fusion": "borda"}, "hybrid", "ranking.fusion"),
        ({"weights": {"dense": 0, "lexical": 0}}, "hybrid", "one of the weights has to be above 0"),
        ({"weights": {"dense": -1}}, "hybrid", "ranking.weights.dense"),
        ({"weights": {"sparse": 1}}, "hybrid", "ranking.weights.sparse"),
        ({"rrf_k": 0, "fusion": "rrf"}, "hybrid", "ranking.rrf_k"),
        ({"rrf_k": 60}, "hybrid", "rrf_k counts only with fusion 'rrf', not 'adaptive'"),
        ({"normalisation": "z-score"}, "hybrid", "normalisation counts only with fusion 'weighted'"),
        ({"depths": {"dense": 1001}}, "hybrid", "ranking.depths may be at most 1000"),
        ({"depths": {"lexical": 0}}, "hybrid", "ranking.depths.lexical"),
        ({"fusion": "rrf"}, "dense", "ranking.fusion is for mode hybrid"),
        ({"weights": {"dense": 2}}, "lexical", "ranking.weights is for mode hybrid"),
        ({"effort": 0}, "hybrid", "ranking.effort"),
        ({"effort": 11}, "dense", "ranking.effort"),
        ({"effort": 2}, "lexical", "ranking.effort is for the dense list"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/answers"])
def test_ranking_that_cannot_be_is_named(
    client: httpx.Client, path: str, ranking: dict[str, Any], mode: str, words: str
) -> None:
    body = {"collection": "examples", "mode": mode, "ranking": ranking}
    reply = client.post(path, json=body | {"query" if path == "/v1/search" else "question": QUESTION})
    assert reply.status_code == 422, reply.text
    assert words in reply.json()["detail"]
