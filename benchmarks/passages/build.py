"""Writes the corpus of one size, and what all sizes share, into the benchmarks' folder; what is there stays."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.passages.compose import compose
from benchmarks.passages.corpus import DIMENSION, SPARE, Corpus
from benchmarks.passages.fragments import SETS, Piece, pieces
from benchmarks.passages.vectors import embed_fragments, embed_questions
from core.language import detect_language
from core.types import Embeddings
from evals.datasets import load
from indexes.analyse import analyse

_QUESTIONS_OF_A_SET = 64
_SEED = 4
_BLOCK = 20_000
_NEAREST = 10


def build_corpus(folder: Path, size: int, models_dir: Path) -> Corpus:
    """Return the corpus of a size, written if it is not there: minutes, and tens of minutes the first time.

    A passage's vector is the mean of the e5 vectors of its fragments, weighted by their lengths and normalised; e5
    pools by the mean, so that this is near to what it makes of the whole passage. Questions are embedded as such.
    """
    corpus = Corpus(folder, size)
    own = folder / str(size)
    if (own / "nearest.npy").exists():
        return corpus
    own.mkdir(parents=True, exist_ok=True)
    found = pieces()
    fragments = list(dict.fromkeys(fragment for piece in found for fragment in piece.fragments))
    if not (folder / "questions.json").exists():
        _write_shared(folder, fragments, models_dir)
    print(f"  arranging {size:,} passages", flush=True)
    starts, members = _write_arrangements(own, found, fragments, size + SPARE)
    lengths = np.array([len(fragment) for fragment in fragments], np.float32)
    weighted = embed_fragments(fragments, folder, models_dir) * lengths[:, None]
    _write_vectors(own, weighted, starts, members)
    np.save(own / "nearest.npy", _nearest(corpus))
    return corpus


def _write_shared(folder: Path, fragments: Sequence[str], models_dir: Path) -> None:
    """Write fragments with their terms and the questions with theirs."""
    numbers: dict[str, int] = {}
    bags = [[numbers.setdefault(term, len(numbers)) for term in analyse(fragment)] for fragment in fragments]
    asked = _questions()
    rows = []
    for text, language in asked:
        terms = [numbers.setdefault(term, len(numbers)) for term in analyse(text)]
        rows.append({"text": text, "language": language, "terms": terms})
    (folder / "fragments.json").write_text(json.dumps(fragments, ensure_ascii=False), "utf-8")
    np.save(folder / "term_starts.npy", np.array([0, *accumulate(map(len, bags))], np.int64))
    np.save(folder / "terms.npy", np.array([term for bag in bags for term in bag], np.int32))
    np.savez(folder / "questions.npz", **embed_questions([text for text, _ in asked], models_dir))
    (folder / "vocabulary.json").write_text(json.dumps(list(numbers), ensure_ascii=False), "utf-8")
    (folder / "questions.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")


def _questions() -> list[tuple[str, str]]:
    """Return questions of every set, mixed, with their languages."""
    rng = random.Random(_SEED)
    asked: list[tuple[str, str]] = []
    for name in SETS:
        judged = load(name).judged()
        chosen = rng.sample(judged, min(_QUESTIONS_OF_A_SET, len(judged)))
        asked += [(question.text, "zh" if detect_language(question.text) == "zh" else "en") for question in chosen]
    rng.shuffle(asked)
    return asked


def _write_arrangements(
    own: Path, found: Sequence[Piece], fragments: Sequence[str], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    numbers = {fragment: number for number, fragment in enumerate(fragments)}
    flat: list[int] = []
    ends: list[int] = []
    chinese: list[bool] = []
    for passage in compose(found, numbers, count):
        flat += passage.members
        ends.append(len(flat))
        # As our index sees it: some passages of the Chinese sets are mostly English.
        chinese.append(detect_language("\n".join(fragments[member] for member in passage.members)) == "zh")
    starts, members = np.array([0, *ends], np.int64), np.array(flat, np.int32)
    np.save(own / "starts.npy", starts)
    np.save(own / "members.npy", members)
    np.save(own / "is_zh.npy", np.array(chinese))
    return starts, members


def _write_vectors(own: Path, weighted: Embeddings, starts: NDArray[np.int64], members: NDArray[np.int32]) -> None:
    rows = len(starts) - 1
    target = np.memmap(own / "vectors.f32", np.float32, "w+", shape=(rows, DIMENSION))
    for first in range(0, rows, _BLOCK):
        last = min(first + _BLOCK, rows)
        span = slice(int(starts[first]), int(starts[last]))
        sums = np.add.reduceat(weighted[members[span]], starts[first:last] - starts[first])
        target[first:last] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    target.flush()


def _nearest(corpus: Corpus) -> NDArray[np.int64]:
    """Return the passages in each question's language nearest to it, block by block, best first."""
    questions = np.stack([question.vector for question in corpus.questions])
    chinese = np.array([question.language == "zh" for question in corpus.questions])
    ids = np.empty((len(questions), 0), np.int64)
    cosines = np.empty((len(questions), 0), np.float32)
    for first in range(0, corpus.size, _BLOCK):
        block = corpus.vectors[first : first + _BLOCK]
        foreign = chinese[:, None] != corpus.is_zh[first : first + len(block)][None]
        cosines = np.hstack([cosines, np.where(foreign, -2.0, questions @ block.T)])
        ids = np.hstack([ids, np.broadcast_to(np.arange(first, first + len(block)), (len(questions), len(block)))])
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEAREST]
        ids, cosines = np.take_along_axis(ids, best, 1), np.take_along_axis(cosines, best, 1)
    return ids
