"""Which terms a chunk is found by, and how much those of its title and heading count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from core.settings import Settings
from core.types import IndexEntry
from indexes.analyse import ANALYSER_VERSION, analyse
from indexes.lexical.postings import Bag, term_hash


@dataclass(frozen=True, slots=True)
class FieldWeights:
    """How often a word of a chunk's title and headings counts, where one of its body counts once.

    Frequencies are weighted before they saturate. Source: Robertson, Zaragoza and Taylor, "Simple BM25 Extension to
    Multiple Weighted Fields", CIKM 2004.
    """

    title: int = 1
    heading: int = 1

    @classmethod
    def of(cls, settings: Settings) -> FieldWeights:
        """Return the weights of the settings."""
        return cls(settings.title_weight, settings.heading_weight)

    @property
    def analyser(self) -> str:
        """The version of the analyser with these weights: an index of another one must be rebuilt."""
        if self == FieldWeights():
            return ANALYSER_VERSION
        return f"{ANALYSER_VERSION}, title × {self.title}, heading × {self.heading}"

    def bag(self, entry: IndexEntry) -> Bag:
        """Return the terms under which a chunk is found: what the postings hold of it."""
        bag: Counter[int] = Counter()
        for text, weight in ((entry.title, self.title), (entry.heading, self.heading), (entry.body, 1)):
            for term, count in Counter(map(term_hash, analyse(text))).items():
                bag[term] += weight * count
        return bag
