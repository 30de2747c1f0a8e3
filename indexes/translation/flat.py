"""Concepts in flat arrays: what passages may hold for each of several words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

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
        alternatives = list(chain.from_iterable(concepts))
        return cls.counted(
            np.array(list(map(len, concepts)), np.int64),
            np.array(list(map(len, alternatives)), np.int64),
            np.concatenate([np.empty(0, np.uint64), *alternatives]),
        )

    @classmethod
    def counted(cls, alternatives: Numbers, terms: Numbers, hashes: Hashes) -> Concepts:
        """Take how many alternatives each concept has, how many terms each alternative, and all of these."""
        return cls(starts_of(alternatives), starts_of(terms), hashes)

    def and_also(self, others: Concepts) -> Concepts:
        """Put other concepts behind these."""
        return Concepts(
            np.append(self.first, others.first[1:] + self.first[-1]),
            np.append(self.bounds, others.bounds[1:] + self.bounds[-1]),
            np.append(self.hashes, others.hashes),
        )

    def with_alternatives(self, places: Numbers, others: Sequence[Hashes]) -> Concepts:
        """Add an alternative to each of the concepts at these places (ascending), behind those that it has."""
        behind = self.first[places + 1]
        sizes = np.array(list(map(len, others)), np.int64)
        return Concepts.counted(
            np.diff(self.first) + np.bincount(places, minlength=len(self)),
            np.insert(np.diff(self.bounds), behind, sizes),
            np.insert(self.hashes, self.bounds[behind].repeat(sizes), np.concatenate(others)),
        )

    def without_empty(self) -> Concepts:
        """Leave out those without alternatives."""
        return Concepts(np.append(0, self.first[1:][np.diff(self.first) > 0]), self.bounds, self.hashes)

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
            until = starts_of(np.minimum.reduceat(df, self.bounds[:-1]))[self.first]
            holding = until[1:] - until[:-1]
        worth = lucene_idf(np.minimum(holding, documents), documents)
        return worth, worth[holding > 0]


NO_CONCEPTS = Concepts.of([])
