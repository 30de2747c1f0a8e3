"""Vectors that lie as real ones do, as many as are wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from core.language import detect_language
from core.types import Embeddings
from indexes.embedders.base import Embedder

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_SETS = ("squad2", "cmrc2018", "drcd", "scifact", "xquad", "multihop")
_CHARS = 400
_NEIGHBOURS = 100
_BLOCK_ROWS = 50_000


def many(passages: Embeddings, rows: int) -> Iterator[Embeddings]:
    """Yield so many vectors in blocks: the passages, then each of them shifted at random, again and again.

    A shift is the sum of two differences between neighbours of the passage, so that what varies around it in
    reality varies here.
    """
    random = np.random.default_rng(0)
    count = min(_NEIGHBOURS, len(passages))
    neighbours = np.argpartition(-(passages @ passages.T), count - 1, axis=1)[:, :count]
    yield passages[:rows]
    left = rows - len(passages)
    while left > 0:
        size = min(left, _BLOCK_ROWS)
        start = random.integers(len(passages), size=size)
        a, b, c, d = passages[neighbours[start, random.integers(count, size=(4, size))]]
        reach = random.uniform(0.4, 0.8, (size, 1)).astype(np.float32)
        block = passages[start] + reach * (a - b + c - d)
        yield block / np.linalg.norm(block, axis=1, keepdims=True)
        left -= size


def centred_questions(embedder: Embedder, questions: Sequence[str]) -> Embeddings:
    """Embed questions, float32 [n, d], each less the mean of those in its language, as the product asks them."""
    vectors = np.stack([embedder.embed_query(question) for question in questions])
    languages = np.array([detect_language(question) for question in questions])
    for language in set(languages.tolist()):
        vectors[languages == language] -= vectors[languages == language].mean(axis=0)
    return vectors


def texts(file: str, count: int) -> list[str]:
    """Return about count texts, as many from each of the shared sets: of `corpus.jsonl` or `queries.jsonl`."""
    found: list[str] = []
    for name in _SETS:
        with (_SHARED / name / file).open(encoding="utf-8") as lines:
            found += [json.loads(line)["text"][:_CHARS] for line in islice(lines, count // len(_SETS))]
    return found
