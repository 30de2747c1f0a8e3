"""The rows that either list proposes for a question, with what both lists say of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings, Ids
from indexes.background import Background, Level
from indexes.evidence import Evidence, HitsEvidence
from indexes.fusion import (
    Fusion,
    Ranking,
    adaptive_fusion,
    normalised,
    reciprocal_rank_fusion,
    shares_of_ceiling,
    weighted_sum,
)
from indexes.hits import NOT_LISTED, Hits
from indexes.lexical.matches import Mask, Rows
from indexes.snapshot import Snapshot
from indexes.top import top_places
from indexes.translation.concepts import OTHER
from indexes.translation.flat import NO_CONCEPTS, Concepts

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
_MARGIN_OVER = 9
_LEAST_LENGTH = 1e-6


@dataclass(frozen=True, slots=True)
class Depths:
    """How many passages each list proposes."""

    dense: int
    lexical: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the lists read it; embedding is None where only the lexical list is asked.

    concepts: its words in the other language. centre: the mean embedding of questions in its language. Ranked is by
    what sets the question apart from it: passages that resemble any question (by their language or their length)
    would else crowd the list.
    """

    terms: Sequence[str]
    language: str
    embedding: Embeddings | None
    concepts: Concepts = NO_CONCEPTS
    centre: Embeddings | None = None
    effort: float = 1.0


@dataclass(frozen=True, slots=True)
class LexicalView:
    """listed: places of the candidates that the list proposes, best first; the other arrays are of all of them.

    translated: the share of the question's concepts that passages of the other language speak of, weighted by idf.
    """

    listed: Places
    scores: Floats
    shares: Floats
    coverages: Floats
    translated: Floats
    known_share: float


@dataclass(frozen=True, slots=True)
class DenseView:
    """listed: places of the candidates that the list proposes, best first; the other arrays are of all of them."""

    listed: Places
    cosines: Floats
    deviations: Floats


class PassageVectors(Protocol):
    """Where the vectors of candidates come from."""

    @property
    def background(self) -> Background: ...  # noqa: D102

    def vectors_of(self, rows: Rows) -> Embeddings:
        """Return the vectors of rows (ascending), float32 [len(rows), d]."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidate i is the chunk ids[i] of rows[i] in languages[i]; dense is None where that list was not asked."""

    question: Question
    rows: Rows
    ids: Ids
    languages: Sequence[str]
    lexical: LexicalView
    dense: DenseView | None

    @classmethod
    def of(cls, snapshot: Snapshot, question: Question, depths: Depths, allowed: Mask | None) -> Candidates:
        """Take as many allowed rows from each list as depths say, and join them."""
        matches = snapshot.lexical.match(question.terms)
        by_words, _ = matches.top(depths.lexical, allowed)
        translations = snapshot.match_concepts(question.concepts, OTHER.get(question.language, ""))
        by_translation, _ = translations.top(depths.lexical, allowed)
        by_meaning = np.empty(0, np.int64)
        levels: dict[str, Level] = {}
        if question.embedding is not None:
            asked = question.embedding if question.centre is None else question.embedding - question.centre
            levels = snapshot.background.levels(asked)
            by_meaning = _dense_list(snapshot, asked, levels, depths.dense, allowed, question.effort)
        rows = np.unique(np.concatenate([by_words, by_translation, by_meaning]))
        of_segments = [segment.language for segment in snapshot.segments]
        segments = snapshot.segment_of(rows)
        languages = [of_segments[place] for place in segments.tolist()]
        scores, coverages = matches.of_rows(rows)
        lexical = LexicalView(
            listed=np.searchsorted(rows, by_words),
            scores=scores,
            shares=shares_of_ceiling(scores, coverages, matches.ceiling),
            coverages=coverages,
            translated=translations.of_rows(rows)[1],
            known_share=matches.known_idf / matches.asked_idf if matches.asked_idf else 0.0,
        )
        dense = None
        if question.embedding is not None:
            vectors = snapshot.vectors_of(rows)
            cosines = (vectors @ question.embedding).astype(np.float64)
            means = np.array([levels[language].mean for language in of_segments])
            spreads = np.array([levels[language].deviation for language in of_segments])
            deviations = ((vectors @ asked).astype(np.float64) - means[segments]) / spreads[segments]
            dense = DenseView(np.searchsorted(rows, by_meaning), cosines, deviations)
        return cls(question, rows, snapshot.ids_of(rows), languages, lexical, dense)

    def by_lexical(self) -> Ranking:
        """Rank the lexical list's own proposals by BM25 score."""
        return Ranking(self.lexical.listed, self.lexical.scores[self.lexical.listed])

    def by_dense(self) -> Ranking:
        """Rank the dense list's own proposals by deviations."""
        return Ranking(self._dense.listed, self._dense.deviations[self._dense.listed])

    def by_both(self, fusion: Fusion) -> Ranking:
        """Rank the proposals of both lists."""
        weights = fusion.weights
        if fusion.method == "rrf":
            lists = [self.lexical.listed, self._dense.listed]
            return reciprocal_rank_fusion(lists, fusion.rrf_k, [weights.lexical, weights.dense])
        places = np.arange(len(self.ids))
        if fusion.method == "weighted":
            said = (self.lexical.scores, self._dense.deviations)
            scores = [normalised(each, fusion.normalisation) for each in said]
            return weighted_sum(places, scores, [weights.lexical, weights.dense])
        own = self.question.language
        foreign = np.array([bool(own and language and language != own) for language in self.languages], np.bool_)
        words = self.lexical
        return adaptive_fusion(places, words.shares, words.translated, self._dense.deviations, foreign, weights)

    def exhaust(self, depths: Depths) -> bool:
        """Whether nothing allowed is left out: a dense list that is deep enough holds every passage."""
        if self.dense is None:
            return len(self.lexical.listed) < depths.lexical
        return len(self.dense.listed) < depths.dense

    def hits(self, ranking: Ranking) -> Hits:
        """Return a ranking of places as hits; each list's score and rank only where that list proposed the hit."""
        places, asked = ranking.ids, self.dense is not None
        return Hits(
            chunk_ids=self.ids[places],
            scores=ranking.scores,
            dense_ranks=self._ranks(self._dense.listed if asked else places[:0])[places],
            lexical_ranks=self._ranks(self.lexical.listed)[places],
            cosines=self._dense.cosines[places] if asked else None,
            lexical_scores=self.lexical.scores[places],
        )

    def _ranks(self, listed: Places) -> NDArray[np.int64]:
        """Return each candidate's rank in a list."""
        ranks = np.full(len(self.ids), NOT_LISTED)
        ranks[listed] = np.arange(1, len(listed) + 1)
        return ranks

    def vectors(self, source: PassageVectors, ranking: Ranking) -> Embeddings:
        """Return what sets each of a ranking's passages apart from the others in its language, float32 [n, d].

        Vectors less the mean of a sample of their language, of length one: the cosine of two passages that have
        nothing in common is then about 0, whatever the model's own cosines are.
        """
        means = source.background.means()
        vectors = source.vectors_of(self.rows)
        shared = np.array([means[language] for language in self.languages], np.float32).reshape(vectors.shape)
        apart = (vectors - shared)[ranking.ids]
        lengths = np.linalg.norm(apart, axis=1, keepdims=True).astype(np.float32)
        unit: Embeddings = apart / np.maximum(lengths, np.float32(_LEAST_LENGTH))
        return unit

    def evidence(self, ranking: Ranking) -> Evidence:
        """Return the signals about the question, and about each hit of a ranking of places."""
        first_word = self.lexical.listed[:1].tolist()
        first_meaning = [] if self.dense is None else self.dense.listed[:1].tolist()
        return Evidence(
            terms=tuple(dict.fromkeys(self.question.terms)),
            question_language=self.question.language,
            known_share=self.lexical.known_share,
            best_coverage=sum(float(self.lexical.coverages[place]) for place in first_word),
            best_lexical_share=sum(float(self.lexical.shares[place]) for place in first_word),
            best_cosine=sum(float(self._dense.cosines[place]) for place in first_meaning),
            best_deviations=sum(float(self._dense.deviations[place]) for place in first_meaning),
            dense_margin=0.0 if self.dense is None else _lead(self.dense.deviations[self.dense.listed]),
            hits=self._of_hits(ranking.ids),
        )

    def _of_hits(self, places: Places) -> HitsEvidence:
        words = self.lexical
        languages = self.languages
        return HitsEvidence(
            coverages=np.maximum(words.coverages[places], words.translated[places]),
            lexical_shares=words.shares[places],
            cosines=None if self.dense is None else self.dense.cosines[places],
            deviations=None if self.dense is None else self.dense.deviations[places],
            languages=[languages[place] for place in places.tolist()],
        )

    @property
    def _dense(self) -> DenseView:
        if self.dense is None:
            raise ValueError("the dense list was not asked")
        return self.dense


def _dense_list(
    snapshot: Snapshot,
    asked: Embeddings,
    levels: dict[str, Level],
    depth: int,
    allowed: Mask | None,
    effort: float,
) -> Rows:
    """Return the depth allowed rows that rise highest above the background of their language, best first."""
    rows, deviations = [np.empty(0, np.int64)], [np.empty(0)]
    of_segments = [levels[segment.language] for segment in snapshot.segments]
    found = snapshot.dense.top(asked, depth, snapshot.by_segment(allowed), effort, of_segments)
    for base, level, (local, similarities) in zip(snapshot.bases, of_segments, found, strict=False):
        rows.append(local + base)
        deviations.append(level.standardised(similarities.astype(np.float64)))
    every = np.concatenate(rows)
    return every[top_places(np.concatenate(deviations), depth)]


def _lead(deviations: Floats) -> float:
    """Return how far the first leads the mean of the next nine; 0 where there is none to lead."""
    rest = deviations[1 : 1 + _MARGIN_OVER]
    return float(deviations[0] - rest.mean()) if len(rest) else 0.0
