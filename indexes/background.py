"""How similar a question is to passages that have nothing to do with it: the zero and the unit of cosines.

A multilingual model puts a passage in the question's language far closer than its translation (for
multilingual-e5-small the gap is larger than that between right and wrong passages), so each language has a
background of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings, Ids
from indexes.lexical.matches import Mask, Rows

if TYPE_CHECKING:
    from indexes.segments import Segment

_Cosines = TypeVar("_Cosines", float, NDArray[np.float64])

# Fused nDCG@10 was the same with 100, 250 and 1,000 rows.
SAMPLE_ROWS = 512
# A segment names so many candidates when it is written, of which a part may have died when they are asked for.
_CANDIDATE_ROWS = 2 * SAMPLE_ROWS
# A language with fewer passages than this leans on those of the whole collection.
_PRIOR_ROWS = 16
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Level:
    """Mean and standard deviation of a question's cosines with a sample of passages."""

    mean: float
    deviation: float

    def standardised(self, cosines: _Cosines) -> _Cosines:
        """Return how many deviations above the mean a cosine, or each of an array, is."""
        return (cosines - self.mean) / self.deviation


@dataclass(frozen=True, slots=True)
class Background:
    """Vectors of sampled live passages for each language, float32 [≤ 512, d]."""

    samples: Mapping[str, Embeddings]

    @classmethod
    def of(cls, segments: Sequence[Segment], live: Sequence[Mask | None]) -> Background:
        """Sample passages by their ids, so that the sample does not depend on the segmentation."""
        by_language: dict[str, list[tuple[Segment, Mask | None]]] = {}
        for segment, mask in zip(segments, live, strict=True):
            by_language.setdefault(segment.language, []).append((segment, mask))
        return cls({language: _sample(parts) for language, parts in by_language.items()})

    def means(self) -> dict[str, Embeddings]:
        """Return each language's mean vector, float32 [d]."""
        return {language: vectors.mean(axis=0) for language, vectors in self.samples.items()}

    def levels(self, query: Embeddings) -> dict[str, Level]:
        """Return each language's level for a question, float32 [d]."""
        by_language = {language: vectors @ query for language, vectors in self.samples.items()}
        everything = np.concatenate(list(by_language.values()) or [np.zeros(1, np.float32)])
        mean, variance = float(everything.mean()), float(everything.var())
        return {language: _level(cosines, mean, variance) for language, cosines in by_language.items()}


def _level(cosines: NDArray[np.float32], mean: float, variance: float) -> Level:
    """Estimate a language's level with a prior of _PRIOR_ROWS rows at the collection's mean and variance."""
    total = len(cosines) + _PRIOR_ROWS
    own_mean = (float(cosines.sum()) + _PRIOR_ROWS * mean) / total
    spread = float(np.square(cosines - own_mean).sum()) + _PRIOR_ROWS * (variance + (mean - own_mean) ** 2)
    return Level(own_mean, max(float(np.sqrt(spread / total)), _LEAST_DEVIATION))


def sample_rows(chunk_ids: Ids) -> Rows:
    """Return the rows of a segment from which samples are drawn, in the order in which they are."""
    keys = scattered(chunk_ids)
    rows = np.arange(len(keys))
    if len(keys) > _CANDIDATE_ROWS:
        rows = np.argpartition(keys, _CANDIDATE_ROWS)[:_CANDIDATE_ROWS]
    return rows[np.argsort(keys[rows])]


def _sample(parts: Sequence[tuple[Segment, Mask | None]]) -> Embeddings:
    keys, rows, places = [], [], []
    for place, (segment, live) in enumerate(parts):
        alive = segment.sample if live is None else segment.sample[live[segment.sample]]
        rows.append(alive[:SAMPLE_ROWS])
        keys.append(scattered(segment.chunk_ids[rows[-1]]))
        places.append(np.full(len(rows[-1]), place))
    first = np.argsort(np.concatenate(keys))[:SAMPLE_ROWS]
    chosen = zip(np.concatenate(places)[first].tolist(), np.concatenate(rows)[first].tolist(), strict=True)
    vectors = [parts[place][0].dense.vectors[row] for place, row in chosen]
    return np.stack(vectors) if vectors else np.empty((0, parts[0][0].dense.vectors.shape[1]), np.float32)


def scattered(ids: Ids) -> NDArray[np.uint64]:
    """Map ids to numbers that look random: SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
