"""What the index knows about one question: signals for fusion and for the judgement whether it can be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.columnar import Columnar

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HitEvidence:
    """What speaks for one hit, whether or not a list proposed it.

    coverage: share of the question's terms, weighted by idf, that it holds, 0 to 1; lexical_share: its BM25 score
    over the highest possible for this question, 0 to 1. cosine and deviations (above the background of its
    language, in standard deviations) are None where the question came without an embedding. language is "zh", "en"
    or "" for neither.
    """

    coverage: float
    lexical_share: float
    cosine: float | None
    deviations: float | None
    language: str


@dataclass(frozen=True, slots=True, eq=False)
class HitsEvidence(Columnar[HitEvidence]):
    """What speaks for each hit of a result; cosines and deviations are None for a question without an embedding."""

    coverages: Floats
    lexical_shares: Floats
    cosines: Floats | None
    deviations: Floats | None
    languages: Sequence[str]

    def __len__(self) -> int:
        return len(self.coverages)

    def made(self, span: slice) -> list[HitEvidence]:  # noqa: D102 - see Columnar
        coverages = self.coverages[span].tolist()
        nothing = [None] * len(coverages)
        return list(
            map(
                HitEvidence,
                coverages,
                self.lexical_shares[span].tolist(),
                nothing if self.cosines is None else self.cosines[span].tolist(),
                nothing if self.deviations is None else self.deviations[span].tolist(),
                self.languages[span],
            )
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals about one question; shares are weighted by idf and lie between 0 and 1.

    terms: the question's distinct terms. known_share: how much of the question the collection's vocabulary knows,
    read from all passages, whatever the filter. best_coverage and best_lexical_share: the coverage and the
    lexical share of the best lexical hit. best_cosine, best_deviations: the best dense hit's cosine, and its
    distance from the background of its language in standard deviations (about 4 to 6 for a real match, 2 to 3.5
    for the best of nothing). dense_margin: by how many deviations the best dense hit leads the mean of the next
    nine. hits: one for each hit of the result, in its order. The signals of a list that was not asked, or that
    found nothing, are 0.
    """

    terms: Sequence[str]
    question_language: str
    known_share: float
    best_coverage: float
    best_lexical_share: float
    best_cosine: float
    best_deviations: float
    dense_margin: float
    hits: HitsEvidence
