"""Which pieces of the sources support an answer best, by meaning, by words and by rank."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from app.answering.question import Asked, has_expected, holds, understand
from app.answering.units import Unit, units_of
from app.retrieval.questions import QuestionVectors
from core.language import detect_language
from core.types import Embeddings, Source
from indexes.analyse import analyse
from indexes.embedders.base import Embedder
from indexes.embedders.reference import Reference

# Most units that are embedded for one question, with and without their cue: what two cores do in about 300 ms.
MOST_EMBEDDED = 32
_CACHED_VECTORS = 20_000  # 30 MB at 384 dimensions

# How much each signal moves a unit. Similarities differ by 0.1 to 0.3 between sentences of one passage.
_SIMILARITY_WEIGHT = 2.0
_COVERAGE_WEIGHT = 0.6
_RANK_WEIGHT = 0.1
_EXPECTED_WEIGHT = 0.25
_CODE_WEIGHT = 0.6
_LANGUAGE_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Supported:
    """A unit with what speaks for it.

    score orders the units of one question and means nothing between questions. similarity is that of question and
    unit, each less the mean of its kind, with the unit's cue or without it, whichever is higher; coverage the
    idf-weighted share of the question's content terms that the unit holds (0 to 1).
    """

    unit: Unit
    score: float
    similarity: float
    coverage: float
    has_expected: bool
    has_codes: bool


class SupportFinder:
    """Scores units; keeps their vectors, by content. Safe to use from several threads."""

    def __init__(self, questions: QuestionVectors, cached: int = _CACHED_VECTORS) -> None:
        """questions: where the question's own vector may be known from searching for it."""
        self._questions = questions
        self._cached = cached
        self._vectors: OrderedDict[tuple[str, str], Embeddings] = OrderedDict()
        self._lock = threading.Lock()

    def find(
        self,
        question: str,
        sources: Sequence[Source],
        embedder: Embedder,
        reference: Reference,
    ) -> list[Supported]:
        """Return the units that were weighed, best first; equal ones in the order of the sources.

        At most MOST_EMBEDDED are weighed. Blocks for the embedding of those not seen before: call it on a
        worker thread. Raises EmbedderUnavailable.
        """
        asked = understand(question)
        units = units_of(sources)
        if not units:
            return []
        coverages = _coverages(asked, [unit.searchable for unit in units])
        chosen = _worth_embedding(asked, units, coverages)
        shown = [units[i] for i in chosen]
        languages = [detect_language(unit.text) for unit in shown]
        embedded = self._questions.embed(embedder, question)
        similarities = [
            reference.similarities(embedded, asked.language, self._embed(texts, embedder), languages)
            for texts in ([unit.searchable for unit in shown], [unit.text for unit in shown])
        ]
        found = [
            _supported(asked, units[i], float(similarity), coverages[i])
            for i, similarity in zip(chosen, np.maximum(*similarities), strict=True)
        ]
        return sorted(found, key=lambda s: (-s.score, s.unit.source_index, s.unit.start))

    def _embed(self, texts: Sequence[str], embedder: Embedder) -> Embeddings:
        """Return float32 [len(texts), d], from the cache where it can."""
        keys = [(embedder.fingerprint, text) for text in texts]
        with self._lock:
            known = {key: self._vectors[key] for key in keys if key in self._vectors}
            for key in known:
                self._vectors.move_to_end(key)
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            known |= dict(zip(missing, embedder.embed_passages([text for _, text in missing]), strict=True))
            with self._lock:
                self._vectors |= {key: known[key] for key in missing}
                while len(self._vectors) > self._cached:
                    self._vectors.popitem(last=False)
        return np.stack([known[key] for key in keys])


def _coverages(asked: Asked, texts: Sequence[str]) -> list[float]:
    """The share of the question's terms that each text holds, rare ones among these texts weighing more."""
    bags = [frozenset(analyse(text)) for text in texts]
    weights = {term: log(1 + len(bags) / (1 + sum(term in bag for bag in bags))) for term in asked.terms}
    total = sum(weights.values()) or 1.0
    return [sum(weight for term, weight in weights.items() if term in bag) / total for bag in bags]


def _worth_embedding(asked: Asked, units: Sequence[Unit], coverages: Sequence[float]) -> list[int]:
    """The units that words and rank leave in the race, as indices in order."""

    def promise(i: int) -> float:
        unit = units[i]
        cues = 0.3 * any(holds(code, unit.searchable) for code in asked.codes)
        return coverages[i] + cues - _RANK_WEIGHT * unit.source_index

    best = sorted(range(len(units)), key=lambda i: (-promise(i), i))[:MOST_EMBEDDED]
    return sorted(best)


def _supported(asked: Asked, unit: Unit, similarity: float, coverage: float) -> Supported:
    expected = has_expected(asked.expected, unit.text)
    codes = bool(asked.codes) and all(holds(code, unit.searchable) for code in asked.codes)
    score = (
        _SIMILARITY_WEIGHT * similarity
        + _COVERAGE_WEIGHT * coverage
        - _RANK_WEIGHT * unit.source_index
        + _EXPECTED_WEIGHT * (asked.expected != "any" and expected)
        + _CODE_WEIGHT * codes
        + _LANGUAGE_WEIGHT * (detect_language(unit.text) == asked.language)
    )
    return Supported(unit, score, similarity, coverage, expected, codes)
