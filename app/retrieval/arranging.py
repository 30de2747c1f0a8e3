"""From visible candidates, best first, to the k passages that are shown: reranked, and made to differ."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.retrieval.hydration import Passage
from app.retrieval.options import RankingOptions
from app.retrieval.reranking import Reranking
from core.settings import Settings
from core.types import Embeddings, Source
from indexes.diversity import maximal_marginal_relevance
from indexes.fusion import min_max

# Passages that those shown are chosen from for their diversity, for each one shown, and at least.
_CHOICE = 4
_LEAST_CHOICE = 40
# With near-duplicates left out, so many candidates are looked at for each one wanted, in the first round.
_SPARE = 2


@dataclass(frozen=True, slots=True)
class Arranged:
    """The passages shown, best first; rerank_ms is the time that the search waited for the reranker."""

    passages: Sequence[Passage]
    reranked: bool
    rerank_ms: float


class Arranger:
    """Puts candidates in their last order; safe to use from several threads."""

    def __init__(self, settings: Settings, reranking: Reranking) -> None:
        self._settings = settings
        self._reranking = reranking

    def candidates(self, k: int, ranking: RankingOptions, *, collapse: bool) -> int:
        """Return how many candidates are needed to show k."""
        count = k
        if self._reranks(ranking):
            count = max(count, self._depth(ranking))
        if ranking.diversity is not None:
            count = max(count, _CHOICE * k, _LEAST_CHOICE)
        return count * _SPARE if collapse else count

    def arrange(
        self,
        question: str,
        passages: Sequence[Passage],
        vectors: Mapping[int, Embeddings],
        k: int,
        ranking: RankingOptions,
    ) -> Arranged:
        """Return at most k of the passages; vectors holds one for each chunk id where diversity is asked for."""
        began = time.perf_counter()
        depth = self._depth(ranking) if self._reranks(ranking) else 0
        head = [passage.source for passage in passages[:depth]]
        scores = self._reranking.scores(question, [read_by_reranker(source) for source in head])
        rerank_ms = (time.perf_counter() - began) * 1000 if depth else 0.0
        relevance = min_max(np.array([passage.source.score for passage in passages]))
        if scores is not None:
            order = np.argsort(-scores, kind="stable").tolist()
            first = [_reranked(passages[place], rank, scores[place]) for rank, place in enumerate(order, 1)]
            passages = [*first, *passages[depth:]]
            # What it has not read stands below what it has.
            relevance = np.zeros(len(passages))
            relevance[: len(order)] = min_max(scores[order].astype(np.float64))
        if ranking.diversity is not None and passages:
            passages = _diverse(passages, vectors, relevance, k, ranking.diversity)
        return Arranged(passages[:k], scores is not None, rerank_ms)

    def _reranks(self, ranking: RankingOptions) -> bool:
        return ranking.rerank and self._reranking.enabled

    def _depth(self, ranking: RankingOptions) -> int:
        return ranking.rerank_depth or self._settings.rerank_depth


def read_by_reranker(source: Source) -> str:
    """Return a passage as the reranker reads it: below its title and headings, each said once."""
    place = dict.fromkeys(part for part in (source.title, *source.heading.split(" › ")) if part)
    return "\n".join(part for part in (" › ".join(place), source.context, source.text) if part)


def _reranked(passage: Passage, rank: int, score: np.float32) -> Passage:
    source = passage.source
    ranks = replace(source.ranks, rerank=rank)
    return replace(passage, source=replace(source, ranks=ranks, rerank_score=float(score)))


def _diverse(
    passages: Sequence[Passage],
    vectors: Mapping[int, Embeddings],
    relevance: NDArray[np.float64],
    k: int,
    balance: float,
) -> list[Passage]:
    rows = np.stack([vectors[passage.source.chunk_id] for passage in passages])
    return [passages[place] for place in maximal_marginal_relevance(relevance, rows, k, balance).tolist()]
