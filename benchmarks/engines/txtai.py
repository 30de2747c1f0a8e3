"""txtai: its hybrid index (FAISS and its own BM25), as one setting gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from txtai import Embeddings

from benchmarks.passages.corpus import Corpus, Passage, Question

_FILE = "index"
Transform = Callable[[list[str]], NDArray[np.float32]]


class Txtai:
    """Its own tokeniser takes Chinese by characters; texts are not stored, which is faster."""

    modes = ("hybrid",)
    packages = ("txtai", "faiss-cpu", "numpy")

    def __init__(self) -> None:
        self._known: dict[str, NDArray[np.float32]] = {}
        self._given: Iterator[NDArray[np.float32]] = iter(())

    def _transform(self) -> Transform:
        """Return what gives vectors that are there already: a question's by its text, passages' in their order."""

        def transform(texts: list[str]) -> NDArray[np.float32]:  # txtai takes a plain function only
            return np.stack([self._known[text] if text in self._known else next(self._given) for text in texts])

        return transform

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Index everything and save."""
        self._given = map(np.array, corpus.vectors)
        index = Embeddings(hybrid=True, method="external", transform=self._transform())
        index.index((number, text, None) for number, text in enumerate(corpus.texts()))
        index.save(str(folder / _FILE))
        index.close()

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Load."""
        self._known = {question.text: question.vector for question in corpus.questions}
        self._index = Embeddings()
        self._index.load(str(folder / _FILE), config={"transform": self._transform()})

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Search with equal weights, its default."""
        self._known.setdefault(question.text, question.vector)
        return [int(number) for number, _ in self._index.search(question.text, k)]

    def add(self, passage: Passage) -> None:
        """Upsert one passage."""
        self._given = iter([passage.vector])
        self._index.upsert([(passage.id, passage.text, None)])

    def delete(self, number: int) -> None:
        """Delete one passage."""
        self._index.delete([number])

    def close(self) -> None:
        """Close the index."""
        self._index.close()
