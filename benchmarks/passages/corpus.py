"""The passages and questions that every engine gets; needs nothing but numpy: any environment can read it."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSION = 384
# Passages beyond the size, for adding one by one.
SPARE = 2000


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage: its number, its text and its vector, float32 [d], L2-normalised."""

    id: int
    language: str
    text: str
    terms: NDArray[np.int32]
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Question:
    """A question; terms: numbers in the vocabulary; centre: the mean vector of questions in its language."""

    text: str
    language: str
    terms: Sequence[int]
    vector: NDArray[np.float32]
    centre: NDArray[np.float32]


class Corpus:
    """What `build_corpus` wrote for one size; parts are read when they are first asked for."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self._shared, self._own = folder, folder / str(size)
        self._vectors: NDArray[np.float32] | None = None

    @property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors, mapped, float32 [size, 384]."""
        if self._vectors is None:
            rows = self.size + SPARE
            self._vectors = np.memmap(self._own / "vectors.f32", np.float32, "r", shape=(rows, DIMENSION))
        return self._vectors[: self.size]

    def release(self) -> None:
        """Unmap the vectors, so that they do not count as memory of the engine that has read them."""
        self._vectors = None
        gc.collect()

    @cached_property
    def vocabulary(self) -> list[str]:
        """The terms of our analyser, by number."""
        return _read_list(self._shared / "vocabulary.json")

    @cached_property
    def questions(self) -> list[Question]:
        """The questions; the same at every size."""
        rows = json.loads((self._shared / "questions.json").read_text("utf-8"))
        arrays = np.load(self._shared / "questions.npz")
        return [
            Question(row["text"], row["language"], row["terms"], vector, arrays[row["language"]])
            for row, vector in zip(rows, arrays["vectors"], strict=True)
        ]

    @cached_property
    def nearest(self) -> NDArray[np.int64]:
        """The ten passages in each question's language that are nearest to it by the exact cosine, best first."""
        nearest: NDArray[np.int64] = np.load(self._own / "nearest.npy")
        return nearest

    @cached_property
    def is_zh(self) -> NDArray[np.bool_]:
        """Which passages are in Chinese by `detect_language`, those for adding too."""
        chinese: NDArray[np.bool_] = np.load(self._own / "is_zh.npy")
        return chinese

    def passage(self, number: int) -> Passage:
        """Return passage number, from 0; beyond the size come those for adding."""
        if self._vectors is None:
            _ = self.vectors
        assert self._vectors is not None
        vector = np.array(self._vectors[number])
        return Passage(number, self.language(number), self.text(number), self.terms(number), vector)

    def language(self, number: int) -> str:
        """Return zh or en."""
        return "zh" if self.is_zh[number] else "en"

    def text(self, number: int) -> str:
        """Return the text of a passage."""
        return "\n".join([self._fragments[i] for i in self._members_of(number)])

    def texts(self) -> Iterator[str]:
        """Yield the texts of all passages."""
        return map(self.text, range(self.size))

    def terms(self, number: int) -> NDArray[np.int32]:
        """Return the terms of a passage as `indexes.analyse` finds them in its text, by their numbers."""
        starts, terms = self._fragment_terms
        return np.concatenate([terms[starts[i] : starts[i + 1]] for i in self._members_of(number)])

    def _members_of(self, number: int) -> list[int]:
        starts, members = self._arrangements
        found: list[int] = members[starts[number] : starts[number + 1]].tolist()
        return found

    @cached_property
    def _fragments(self) -> list[str]:
        return _read_list(self._shared / "fragments.json")

    @cached_property
    def _fragment_terms(self) -> tuple[Any, Any]:
        return np.load(self._shared / "term_starts.npy"), np.load(self._shared / "terms.npy")

    @cached_property
    def _arrangements(self) -> tuple[Any, Any]:
        return np.load(self._own / "starts.npy"), np.load(self._own / "members.npy")


def _read_list(path: Path) -> list[str]:
    read: list[str] = json.loads(path.read_text("utf-8"))
    return read
