"""Whether the sources found answer the question at all."""

from __future__ import annotations

from collections.abc import Sequence

from app.answering.question import holds, understand
from app.answering.support import Supported, SupportFinder
from core.types import Source
from indexes.embedders.base import Embedder
from indexes.embedders.pool import EmbedderPool

# Words in common decide where the similarity is at the border, and nowhere else.
_COVERAGE_WEIGHT = 0.05


class Judge:
    """Judges by the sentence that comes closest; safe to use from several threads (docs/decisions/refusals.md)."""

    def __init__(self, finder: SupportFinder, embedders: EmbedderPool, spec: str) -> None:
        """spec names the embedder that compares questions with sentences."""
        self._finder = finder
        self._embedders = embedders
        self._spec = spec

    def embedder(self) -> Embedder:
        """Return the embedder that compares; raises EmbedderUnavailable."""
        return self._embedders.get(self._spec)

    def find(self, question: str, sources: Sequence[Source]) -> list[Supported]:
        """Return the pieces of the sources that support an answer best; raises EmbedderUnavailable."""
        embedder = self.embedder()
        return self._finder.find(question, sources, embedder, self._embedders.reference(embedder))

    def probability(self, question: str, sources: Sequence[Source], coverage: float) -> float:
        """Return how probably the sources answer the question, 0 to 1.

        coverage: the largest share of the question's words, or their translations, that a source holds, 0 to 1.
        A code (E-1042, getUserById) decides alone: a source that holds every code asked for is about it, and one
        about E-1043 is not, however alike the two are. Raises EmbedderUnavailable.
        """
        if not sources:
            return 0.0
        codes = understand(question).codes
        if codes:
            texts = ["\n".join((source.title, source.heading, source.context, source.text)) for source in sources]
            return float(all(any(holds(code, text) for text in texts) for code in codes))
        closest = max((found.similarity for found in self.find(question, sources)), default=-1.0)
        return self._embedders.reference(self.embedder()).probability(closest + _COVERAGE_WEIGHT * coverage)
