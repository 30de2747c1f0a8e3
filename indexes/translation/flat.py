"""Concepts in flat arrays: what passages may hold for each of several words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats, lucene_idf

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Concepts:
    """Concepts with their alternatives, one after the other; without any, no passage can speak of a concept.

    Concept c has the alternatives [first[c], first[c + 1]); a passage speaks of alternative a where it holds all
    terms of hashes[bounds[a] : bounds[a + 1]], which are never none.
    """

    first: Numbers
    bounds: Numbers
    hashes: Hashes

    @classmethod
    def of(cls, concepts: Sequence[Sequence[Hashes]]) -> Concepts:
        """Put each one's alternatives one after the other."""
        return cls.joined([([len(terms) for terms in concept], concept) for concept in concepts])

    @classmethod
    def joined(cls, concepts: Iterable[tuple[Sequence[int], Sequence[Hashes]]]) -> Concepts:
        """Put concepts one after the other: of each, how many terms its alternatives have, and these in pieces."""
        first, bounds = [0], [0]
        pieces = [np.empty(0, np.uint64)]
        for sizes, terms in concepts:
            for size in sizes:
                bounds.append(bounds[-1] + size)
            first.append(len(bounds) - 1)
            pieces += terms
        return cls(np.array(first), np.array(bounds), np.concatenate(pieces))

    def __len__(self) -> int:
        """How many concepts there are."""
        return len(self.first) - 1

    def __iter__(self) -> Iterator[list[Hashes]]:
        """Yield the alternatives of each concept."""
        terms = [self.hashes[start:end] for start, end in pairwise(self.bounds.tolist())]
        for start, end in pairwise(self.first.tolist()):
            yield terms[start:end]

    def worth(self, df: Numbers, documents: int) -> tuple[Floats, Floats]:
        """Return what each concept is worth, and what those are that any of so many passages may speak of.

        df: in how many of the passages each term is. How many speak of a concept would take reading every list to
        the end; it is taken to be the sum over its alternatives of their rarest term's passages. Such estimates
        rank as well as counting does (Darwish and Oard, "Probabilistic Structured Query Methods", SIGIR 2003).
        """
        holding = np.zeros(len(self), np.int64)
        if len(self.bounds) > 1:
            until = np.append(0, np.minimum.reduceat(df, self.bounds[:-1]).cumsum())[self.first]
            holding = until[1:] - until[:-1]
        worth = lucene_idf(np.minimum(holding, documents), documents)
        return worth, worth[holding > 0]


NO_CONCEPTS = Concepts.of([])
