"""What both ways of reading words say of rows that Milvus proposed, with the statistics of today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexes.lexical.bm25 import Floats, length_norm, lucene_idf
from indexes.milvus.statistics import Statistics
from indexes.milvus.tables import Passage
from indexes.milvus.terms import term_of, terms_of
from indexes.translation.flat import Concepts


@dataclass(frozen=True, slots=True)
class Words:
    """A question's terms with their weights: BM25 by Lucene's idf, as `indexes.lexical.search` has it.

    times and idf by term; asked_idf and ceiling: as `Matches` has them.
    """

    times: Mapping[int, int]
    idf: Mapping[int, float]
    known_idf: float
    asked_idf: float
    ceiling: float

    @classmethod
    def of(cls, asked: Counter[int], known: Statistics) -> Words:
        """Weigh a question's terms by how many passages hold them."""
        df = np.array([known.df.get(term, 0) for term in asked], np.int64)
        idf = lucene_idf(df, known.documents)
        weights = idf * np.fromiter(asked.values(), np.int64, len(asked))
        return cls(
            asked,
            dict(zip(asked, idf.tolist(), strict=True)),
            float(idf[df > 0].sum()),
            float(idf.sum()),
            float(weights.sum()),
        )

    def query(self) -> dict[int, float]:
        """Return the question as a sparse vector."""
        return {term: times * self.idf[term] for term, times in self.times.items()}

    def score(self, passages: Sequence[Passage], mean_length: float) -> tuple[Floats, Floats]:
        """Return the passages' scores, and the shares of the question's idf that they cover."""
        lengths = np.array([passage.length for passage in passages], np.int32)
        norms = length_norm(lengths, mean_length)
        scores, covered = np.zeros(len(passages)), np.zeros(len(passages))
        # In one order for all, so that equal passages tie.
        for term, weight in sorted(self.query().items(), key=lambda item: -item[1]):
            counts = np.array([passage.counts.get(term, 0) for passage in passages], np.float64)
            scores += weight * counts / (counts + norms)
            covered += self.idf[term] * (counts > 0)
        return scores, covered / self.asked_idf if self.asked_idf else covered


@dataclass(frozen=True, slots=True)
class Meanings:
    """A question's concepts in the other language: alternatives in Milvus' terms, and what each is worth."""

    language: str
    alternatives: Sequence[Sequence[frozenset[int]]]
    worth: Sequence[float]

    @classmethod
    def of(cls, concepts: Concepts, language: str, known: Statistics) -> Meanings:
        """Weigh concepts; language: of the passages that may speak of them."""
        documents = known.documents_in.get(language, 0)
        if not documents:
            return cls(language, [], [])
        alternatives = [[terms_of(each.tolist()) for each in concept] for concept in concepts]
        df = np.array([known.df.get(term_of(hashed), 0) for hashed in concepts.hashes.tolist()], np.int64)
        worth, _ = concepts.worth(df, documents)
        return cls(language, alternatives, worth.tolist())

    def query(self) -> dict[int, float]:
        """Return the concepts as a sparse vector: an alternative's worth is shared out among its terms."""
        query: dict[int, float] = {}
        for alternatives, worth in zip(self.alternatives, self.worth, strict=True):
            for terms in alternatives:
                for term in terms:
                    query[term] = max(query.get(term, 0.0), worth / len(terms))
        return query

    def score(self, passages: Sequence[Passage]) -> tuple[Floats, Floats]:
        """Return the passages' sums of the concepts that they speak of, and these as shares of all."""
        scores = np.zeros(len(passages))
        for place, passage in enumerate(passages):
            if passage.language == self.language:
                scores[place] = sum(
                    worth
                    for alternatives, worth in zip(self.alternatives, self.worth, strict=True)
                    if any(terms and terms <= passage.counts.keys() for terms in alternatives)
                )
        asked = sum(self.worth)
        return scores, scores / asked if asked else scores


def terms_of_concepts(concepts: Concepts) -> set[int]:
    """Return all terms that concepts name."""
    return set(terms_of(concepts.hashes.tolist()))
