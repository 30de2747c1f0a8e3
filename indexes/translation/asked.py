"""A question's concepts as both backends weigh them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexes.lexical.bm25 import Floats, lucene_idf
from indexes.translation.concepts import Concept
from indexes.translation.dictionary import NONE, Hashes

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Asked:
    """Concepts with their alternatives, one after the other.

    Concept c has the alternatives [first[c], first[c + 1]); a row speaks of alternative a where it holds all terms
    of hashes[bounds[a] : bounds[a + 1]], which are never none.
    """

    first: Numbers
    bounds: Numbers
    hashes: Hashes

    @classmethod
    def of(cls, concepts: Sequence[Concept]) -> Asked:
        """Put them one after the other."""
        alternatives = [NONE, *(concept.alternatives for concept in concepts)]
        return cls(
            first=np.cumsum([len(each) for each in alternatives]),
            bounds=np.append(0, np.cumsum(np.concatenate([each.sizes for each in alternatives]))),
            hashes=np.concatenate([each.terms for each in alternatives]),
        )

    def __len__(self) -> int:
        """How many concepts there are."""
        return len(self.first) - 1

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
