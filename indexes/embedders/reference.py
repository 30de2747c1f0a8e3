"""What a model makes of questions as such, of answers as such, and of an answer to its question.

A question's embedding is, for the greater part, that of a question in its language. Passages that resemble this
part (in the question's language, short, or asking themselves) come close to every question. Taking the mean away
before comparing leaves what the question is about (docs/decisions/fusion.md). And what remains can be read: a
similarity that answers reach and that nothing else does is a probability of having found one
(docs/decisions/refusals.md).

The pairs are of our own making and have nothing to do with any collection or evaluation set.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings
from indexes.derived import derived_file
from indexes.embedders.base import Embedder

_LANGUAGES = ("en", "zh")  # of the columns: questions, then their answers
_RIDGE = 0.01
_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """questions and answers: mean embeddings by language, float32 [d]; "" stands for any other language.

    slope and offset: the logistic that tells the similarity of an answer from the best one of answers to other
    questions.
    """

    questions: Mapping[str, Embeddings]
    answers: Mapping[str, Embeddings]
    slope: float
    offset: float

    def centre(self, language: str) -> Embeddings:
        """Return the mean embedding of questions in a language, float32 [d]."""
        return self.questions.get(language, self.questions[""])

    def similarities(
        self, question: Embeddings, language: str, passages: Embeddings, languages: Sequence[str]
    ) -> NDArray[np.float64]:
        """Return the cosines of a question with passages [n, d], each less the mean of its kind and language."""
        if not len(passages):
            return np.empty(0)
        means = np.stack([self.answers.get(each, self.answers[""]) for each in languages])
        similar: NDArray[np.float64] = _cosines((question - self.centre(language))[None], passages - means)[0]
        return similar

    def probability(self, similarity: float) -> float:
        """Return how probably a passage with this similarity answers the question, 0 to 1."""
        return float(1 / (1 + np.exp(-(self.slope * similarity + self.offset))))


def reference_of(embedder: Embedder, folder: Path) -> Reference:
    """Measure an embedder on the reference pairs, or read what the folder keeps; raises EmbedderUnavailable."""
    text = (resources.files("indexes.embedders") / "reference.tsv").read_text("utf-8")
    key = sha256(f"{embedder.fingerprint}\n{text}".encode()).hexdigest()[:16]
    name = re.sub(r"[^\w.-]+", "-", embedder.fingerprint)[:80]
    kept = np.load(
        io.BytesIO(derived_file(folder / f"reference-{name}-{key}.sum", lambda: _measure(embedder, text)))
    )
    slope, offset = kept["logistic"].tolist()
    return Reference(_by_language(kept["questions"]), _by_language(kept["answers"]), slope, offset)


def _by_language(means: Embeddings) -> dict[str, Embeddings]:
    return {"": means.mean(axis=0), **dict(zip(_LANGUAGES, means, strict=True))}


def _measure(embedder: Embedder, text: str) -> bytes:
    columns = list(zip(*(line.split("\t") for line in text.splitlines()), strict=True))
    count = len(_LANGUAGES)
    asked = [np.stack([embedder.embed_query(question) for question in column]) for column in columns[:count]]
    answered = [embedder.embed_passages(column) for column in columns[count:]]
    right: list[float] = []
    wrong: list[float] = []
    for questions, answers in product(asked, answered):
        similar = _cosines(questions - questions.mean(axis=0), answers - answers.mean(axis=0))
        right += similar.diagonal().tolist()
        np.fill_diagonal(similar, -1.0)
        wrong += similar.max(axis=1).tolist()
    buffer = io.BytesIO()
    np.savez(
        buffer,
        questions=np.stack([each.mean(axis=0) for each in asked]),
        answers=np.stack([each.mean(axis=0) for each in answered]),
        logistic=np.array(fit_logistic(right, wrong)),
    )
    return buffer.getvalue()


def fit_logistic(right: Sequence[float], wrong: Sequence[float]) -> tuple[float, float]:
    """Return slope and offset of the logistic regression of one variable, by Newton's method with a small ridge."""
    inputs = np.stack([[*right, *wrong], np.ones(len(right) + len(wrong))], axis=1)
    labels = np.repeat([1.0, 0.0], [len(right), len(wrong)])
    weights = np.zeros(2)
    penalty = np.diag([_RIDGE, 1e-6])  # the latter only keeps the matrix regular
    for _ in range(_NEWTON_STEPS):
        guessed = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (guessed - labels) + penalty @ weights
        curvature = (inputs.T * (guessed * (1 - guessed))) @ inputs + penalty
        weights -= np.linalg.solve(curvature, gradient)
    return float(weights[0]), float(weights[1])


def _cosines(one: Embeddings, other: Embeddings) -> NDArray[np.float64]:
    """Return the cosines of every pair of rows, [len(one), len(other)]."""
    lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)[None]
    cosines: NDArray[np.float64] = (one @ other.T).astype(np.float64) / np.maximum(lengths, 1e-9)
    return cosines
