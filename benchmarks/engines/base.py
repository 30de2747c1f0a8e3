"""What every engine does in the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.passages.corpus import Corpus, Passage, Question

# Taken from each list by whoever fuses two of them.
DEPTH = 50


class CannotError(Exception):
    """The product has no way to do this; the message says what it has instead."""


class Engine(Protocol):
    """A product, or a raw engine, in one process. Passages go by their numbers.

    modes: what `search` is measured with; the first one is the one that updates are looked for with.
    packages: distributions whose versions are reported.
    """

    modes: Sequence[str]
    packages: Sequence[str]

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Index the whole corpus, and leave in the folder what `open` needs, where the product can."""

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Get ready to search in a process that has done nothing yet; builds where the product keeps nothing."""

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Return the numbers of the k best passages, best first. Called from several threads."""

    def add(self, passage: Passage) -> None:
        """Take one passage in, so that the next search finds it; raises CannotError."""

    def delete(self, number: int) -> None:
        """Take one passage out, so that the next search does not find it; raises CannotError."""

    def close(self) -> None:
        """Let go of everything."""


Maker = Callable[[], Engine]
Vectors = Mapping[str, Sequence[float]]
