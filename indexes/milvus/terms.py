"""Terms as sparse vectors: what a passage holds, and what a question asks, so that their product is BM25.

A passage's weight for a term is its saturation at the generation's reference length; a question's is its idf.
The product differs from BM25 only by the distance of that length from the mean of today, and decides on no rank: it
proposes rows, whose frequencies are read back from their vectors and scored anew with the statistics of today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from indexes.lexical.bm25 import K1, B
from indexes.lexical.postings import Bag

Sparse = Mapping[int, float]
"""Term → weight."""

# Milvus knows 32 bits of a term: two of a million share one with a question's term by a chance of 1 in 4,000.
_TERMS = 2**32 - 2
# Milvus takes no empty vector: what a passage without terms holds, and no question asks.
NO_TERM = _TERMS


def term_of(hashed: int) -> int:
    """Return the number by which Milvus knows a term, from its hash."""
    return hashed % _TERMS


def counted(bag: Bag) -> Counter[int]:
    """Return how often a passage or a question holds each term, by Milvus' numbers."""
    counts: Counter[int] = Counter()
    for hashed, count in bag.items():
        counts[term_of(hashed)] += count
    return counts


def terms_of(hashes: Iterable[int]) -> frozenset[int]:
    """Return Milvus' numbers of several terms."""
    return frozenset(map(term_of, hashes))


def saturations(counts: Mapping[int, int], reference_length: float) -> Sparse:
    """Return a passage as a sparse vector."""
    norm = _norm(sum(counts.values()), reference_length)
    return {term: count / (count + norm) for term, count in counts.items()} or {NO_TERM: 1.0}


def frequencies(held: Sparse, length: int, reference_length: float) -> dict[int, int]:
    """Return how often a passage of a length holds each term: `saturations`, backwards."""
    norm = _norm(length, reference_length)
    return {term: round(weight * norm / (1 - weight)) for term, weight in held.items() if term != NO_TERM}


def _norm(length: int, reference_length: float) -> float:
    return K1 * (1 - B + B * length / reference_length)
