"""BM25's formulas, as pure functions over arrays, and the table of variants that can be chosen.

Sources: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; Kamphuis,
de Vries, Boytsov and Lin, "Which BM25 Do You Mean?", ECIR 2020; the rank-bm25 package, class BM25Okapi.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RANK_BM25_EPSILON = 0.25
K1, B = 1.5, 0.75


def lucene_idf(df: NDArray[np.int64], documents: int) -> Floats:
    """Return ln(1 + (N - df + 0.5) / (df + 0.5)), always positive. Source: Lucene's BM25Similarity."""
    idf: Floats = np.log1p((documents - df + 0.5) / (df + 0.5))
    return idf


def robertson_idf(df: NDArray[np.int64], documents: int) -> Floats:
    """Return ln(N - df + 0.5) - ln(df + 0.5), negative for terms in over half of the documents."""
    idf: Floats = np.log(documents - df + 0.5) - np.log(df + 0.5)
    return idf


def floored(idf: Floats, mean_idf: float, epsilon: float = RANK_BM25_EPSILON) -> Floats:
    """Replace negative idf by epsilon times the mean over the whole vocabulary, as rank-bm25 does."""
    return np.where(idf < 0, epsilon * mean_idf, idf)


def saturation(tf: NDArray[np.unsignedinteger[Any]], length: NDArray[np.int32], mean_length: float) -> Floats:
    """Return tf / (tf + K1 (1 - B + B length / mean_length)), 0 to 1; tf and length elementwise."""
    return tf / (tf + length_norm(length, mean_length))


def length_norm(length: NDArray[np.integer[Any]], mean_length: float) -> Floats:
    """Return K1 (1 - B + B length / mean_length)."""
    return np.asarray(K1 * (1 - B) + (K1 * B / mean_length) * length, np.float64)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to score: gain multiplies every score; floored asks for rank-bm25's floor under the idf."""

    idf: Callable[[NDArray[np.int64], int], Floats]
    floored: bool
    gain: float


VARIANTS = {
    "bm25": Variant(lucene_idf, floored=False, gain=1.0),
    "bm25-robertson": Variant(robertson_idf, floored=True, gain=K1 + 1),
}
