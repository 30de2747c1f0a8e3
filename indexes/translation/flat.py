"""Concepts in flat arrays: what passages may hold for each of several words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.blocks import starts_of
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
        alternatives = [terms for concept in concepts for terms in concept]
        return cls(
            first=starts_of(np.array([len(concept) for concept in concepts], np.int64)),
            bounds=starts_of(np.array([len(terms) for terms in alternatives], np.int64)),
            hashes=np.concatenate([np.empty(0, np.uint64), *alternatives]),
        )

    @classmethod
    def gathered(cls, count: int, of_concept: Numbers, sizes: Numbers, hashes: Hashes) -> Concepts:
        """Put alternatives that come in any order with their concepts; sizes: how many of the hashes each has."""
        order = np.argsort(of_concept, kind="stable")
        starts = np.cumsum(sizes) - sizes
        return cls(
            first=np.searchsorted(of_concept[order], np.arange(count + 1)),
            bounds=starts_of(sizes[order]),
            hashes=hashes[spans(starts[order], sizes[order])],
        )

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
            of_alternatives = np.minimum.reduceat(df, self.bounds[:-1])
            np.add.at(holding, np.repeat(np.arange(len(self)), np.diff(self.first)), of_alternatives)
        worth = lucene_idf(np.minimum(holding, documents), documents)
        return worth, worth[holding > 0]


def spans(starts: Numbers, counts: Numbers) -> Numbers:
    """Return the numbers from each start on, as many as its count says, one after the other."""
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))


NO_CONCEPTS = Concepts.of([])
