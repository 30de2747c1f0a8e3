"""Hits are kept in columns, and read as a sequence of objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.types import Hit, Ranks
from indexes.hits import Hits
from indexes.hybrid import HybridIndex, HybridQuery
from tests.support.index_entries import commit, embedding_of

HITS = Hits(
    chunk_ids=np.array([7, 3, 9]),
    scores=np.array([0.9, 0.5, 0.1]),
    dense_ranks=np.array([2, 0, 1]),
    lexical_ranks=np.array([1, 2, 0]),
    cosines=np.array([0.8, 0.7, 0.6]),
    lexical_scores=np.array([4.0, 2.0, 1.0]),
)
FIRST = Hit(7, 0.9, Ranks(dense=2, lexical=1), dense_score=0.8, lexical_score=4.0)
SECOND = Hit(3, 0.5, Ranks(lexical=2), lexical_score=2.0)
THIRD = Hit(9, 0.1, Ranks(dense=1), dense_score=0.6)


def test_each_list_speaks_only_of_what_it_proposed() -> None:
    assert list(HITS) == HITS[:] == [FIRST, SECOND, THIRD]


def test_places_and_spans_are_those_of_a_list() -> None:
    assert (len(HITS), HITS[0], HITS[-1], HITS[1:], HITS[5:]) == (3, FIRST, THIRD, [SECOND, THIRD], [])
    for outside in (3, -4):
        with pytest.raises(IndexError):
            HITS[outside]


def test_evidence_stands_in_the_order_of_the_hits(tmp_path: Path) -> None:
    commit(tmp_path, {1: "alpha beta", 2: "alpha", 3: "gamma"})
    with HybridIndex.open(tmp_path) as index:
        result = index.search(HybridQuery("alpha beta", embedding_of(3), 10))
        words_only = index.search(HybridQuery("alpha beta", None, 10))
    evidence = {hit.chunk_id: said for hit, said in zip(result.hits, result.evidence.hits, strict=True)}
    assert evidence[1].coverage == pytest.approx(1)
    assert 0 < evidence[2].coverage < 1
    assert evidence[3].coverage == 0
    assert evidence[3].cosine == pytest.approx(1, abs=1e-6)
    assert [(said.cosine, said.deviations) for said in words_only.evidence.hits] == [(None, None)] * 2
