"""How similar a question is to passages that have nothing to do with it: the zero and the unit of cosines.

A multilingual model puts a passage in the question's language far closer than its translation (for
multilingual-e5-small the gap is larger than that between right and wrong passages), so each language has a
background of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings, Ids
from indexes.lexical.matches import Mask, Rows

if TYPE_CHECKING:
    from indexes.segments import Segment

_Cosines = TypeVar("_Cosines", float, NDArray[np.float32], NDArray[np.float64])

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
        return cls({language: _vectors_of_sample(parts) for language, parts in by_language.items()})

    def means(self) -> dict[str, Embeddings]:
        """Return each language's mean vector, float32 [d]."""
        return {language: vectors.mean(axis=0) for language, vectors in self.samples.items()}

    def levels(self, query: Embeddings) -> dict[str, Level]:
        """Return each language's level for a question, float32 [d]."""
        by_language = {language: _Moments.of(vectors @ query) for language, vectors in self.samples.items()}
        everything = _Moments(*map(sum, zip(*by_language.values(), strict=True))) if by_language else _Moments()
        return {language: _level(moments, everything) for language, moments in by_language.items()}


class _Moments(NamedTuple):
    """How many cosines there are, their sum and the sum of their squares."""

    size: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, cosines: NDArray[np.float32]) -> _Moments:
        exact = cosines.astype(np.float64)
        return cls(len(exact), float(exact.sum()), float(exact @ exact))

    def spread_around(self, centre: float) -> float:
        """Return the sum of the squared distances from a number."""
        return self.squares - 2 * centre * self.total + self.size * centre**2


def _level(own: _Moments, everything: _Moments) -> Level:
    """Estimate a language's level with a prior of _PRIOR_ROWS rows as they are spread in the collection."""
    count, mean = own.size + _PRIOR_ROWS, everything.total / max(everything.size, 1)
    own_mean = (own.total + _PRIOR_ROWS * mean) / count
    prior = everything.spread_around(own_mean) / max(everything.size, 1)
    variance = (own.spread_around(own_mean) + _PRIOR_ROWS * prior) / count
    return Level(own_mean, max(math.sqrt(max(variance, 0.0)), _LEAST_DEVIATION))


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows of a segment from which samples are drawn, in the order in which they are, with their chunk ids.

    vectors: float32 [n, d], those of the rows where the segment has many more, so that opening it reads one stretch
    of a file and not a page here and there for each row; without rows elsewhere.
    """

    rows: Rows
    chunk_ids: Ids
    vectors: Embeddings

    @classmethod
    def of(cls, chunk_ids: Ids, vectors: Embeddings) -> Sample:
        """Choose from all rows of a segment, vectors: float32 [N, d]."""
        keys = scattered(chunk_ids)
        rows = np.arange(len(keys))
        if len(keys) > _CANDIDATE_ROWS:
            rows = np.argpartition(keys, _CANDIDATE_ROWS)[:_CANDIDATE_ROWS]
        rows = rows[np.argsort(keys[rows])]
        return cls(rows, chunk_ids[rows], vectors[rows if len(rows) < len(vectors) else rows[:0]])

    def vectors_at(self, places: NDArray[np.int64], every: Embeddings) -> Embeddings:
        """Return the vectors of rows by their places in the sample; every: those of the segment."""
        return self.vectors[places] if len(self.vectors) else every[self.rows[places]]


def _vectors_of_sample(parts: Sequence[tuple[Segment, Mask | None]]) -> Embeddings:
    places, ids, of_part = [], [], []
    for number, (segment, live) in enumerate(parts):
        rows = segment.sample.rows
        alive = np.arange(len(rows)) if live is None else np.flatnonzero(live[rows])
        places.append(alive[:SAMPLE_ROWS])
        ids.append(segment.sample.chunk_ids[places[-1]])
        of_part.append(np.full(len(places[-1]), number))
    first = np.argsort(scattered(np.concatenate(ids)))[:SAMPLE_ROWS]
    chosen, origin = np.concatenate(places)[first], np.concatenate(of_part)[first]
    vectors = np.empty((len(first), parts[0][0].dense.vectors.shape[1]), np.float32)
    for number, (segment, _) in enumerate(parts):
        own = origin == number
        vectors[own] = segment.sample.vectors_at(chosen[own], segment.dense.vectors)
    return vectors


def scattered(ids: Ids) -> NDArray[np.uint64]:
    """Map ids to numbers that look random: SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
