"""Ragstone's index, by the classes that the service and its worker use."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.engines.base import DEPTH
from benchmarks.passages.corpus import Corpus, Passage, Question
from core.settings import Settings
from core.types import IndexEntry
from indexes import compaction
from indexes.fusion import Fusion
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.translation.concepts import concepts
from indexes.translation.dictionary import Dictionary
from indexes.writing import commit_to_index, open_writer, remove_from_index

_PASSAGES_A_COMMIT = 2048
_GENERATION = 1


class Ours:
    """`hybrid` is what the service does by default; `hybrid, rrf` fuses by rank and looks no word up.

    `lexical, terms` gets terms and returns passages, as the raw engines do; `lexical` analyses a question's text,
    and says of each hit what speaks for it.

    The folder is a data folder of the service with one generation of one index.
    """

    modes = ("hybrid", "hybrid, rrf", "lexical", "lexical, terms", "dense")
    packages = ("faiss-cpu", "numpy")

    def __init__(self) -> None:
        self._index: HybridIndex | None = None
        self._folder = Path()

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Feed as the worker does, in commits, and do every merge that is due."""
        for first in range(0, corpus.size, _PASSAGES_A_COMMIT):
            numbers = range(first, min(first + _PASSAGES_A_COMMIT, corpus.size))
            commit(folder, [corpus.passage(number) for number in numbers])
        merge(folder, at_rest=True)

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Map the index."""
        self._folder = folder
        self._index = HybridIndex.open(_settings(folder).index_folder(_GENERATION))
        self._corpus = corpus

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Look for a newer state, as the service does before each search, and search."""
        if mode == "lexical, terms":
            return self._search_terms(question.terms, k)
        assert self._index is not None
        self._index.refresh()
        hits = self._index.search(self.asked(mode, question, k)).hits
        return [hit.chunk_id for hit in hits[:k]]

    def _search_terms(self, terms: Sequence[int], k: int) -> list[int]:
        assert self._index is not None
        snapshot, vocabulary = self._index.snapshot, self._corpus.vocabulary
        rows, _ = snapshot.lexical.match([vocabulary[term] for term in terms]).top(k, snapshot.live)
        places = np.argsort(rows)
        found = np.empty(len(rows), np.int64)
        found[places] = snapshot.ids_of(rows[places])
        best: list[int] = found.tolist()
        return best

    def asked(self, mode: str, question: Question, k: int) -> HybridQuery:
        """Return a question as the index takes it in a mode."""
        if mode == "lexical":
            return HybridQuery(question.text, None, k, "lexical")
        if mode == "dense":
            return HybridQuery(question.text, question.vector, k, "dense")
        asked = HybridQuery(question.text, question.vector, max(k, DEPTH))
        if mode == "hybrid, rrf":
            return replace(asked, fusion=Fusion("rrf"))
        return replace(
            asked,
            centre=question.centre,
            concepts=concepts(question.text, question.language, self._dictionary),
        )

    @cached_property
    def _dictionary(self) -> Dictionary:
        return Dictionary.open(Settings().models_dir)

    def add(self, passage: Passage) -> None:
        """Commit one passage."""
        commit(self._folder, [passage])

    def delete(self, number: int) -> None:
        """Commit one tombstone."""
        remove_from_index(_settings(self._folder), _GENERATION, [number])

    def close(self) -> None:
        """Close the index."""
        if self._index is not None:
            self._index.close()


class WithoutNumba(Ours):
    """As it is installed without the extra `fast`: the search by words is numpy's."""

    def __init__(self) -> None:
        sys.modules["numba"] = None  # type: ignore[assignment]  # what Python gives a package that cannot be imported
        super().__init__()


def entry(passage: Passage) -> IndexEntry:
    """Return a passage as the writer takes it."""
    return IndexEntry(passage.id, "", "", passage.text, passage.vector)


def commit(folder: Path, passages: Sequence[Passage]) -> None:
    """Add passages in one commit, as the worker does for a document."""
    commit_to_index(_settings(folder), _GENERATION, [entry(passage) for passage in passages])


def substitute(folder: Path, old: Iterable[int], new: Iterable[Passage]) -> None:
    """Put new passages in the place of old ones in one commit."""
    with open_writer(_settings(folder), _GENERATION) as writer:
        writer.tombstone(old)
        writer.add([entry(passage) for passage in new])
        writer.commit()


def merge(folder: Path, *, at_rest: bool = False) -> int:
    """Do the merges that commits have left, as the worker's compactor does; returns how many.

    at_rest: those too that it does when nothing has been committed for a while.
    """
    settings = _settings(folder)
    if at_rest:
        settings = settings.model_copy(update={"merge_at_rest_s": 0.0})
    merges = 0
    while compaction.merge_segments(settings, _GENERATION):
        merges += 1
    return merges


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder)
