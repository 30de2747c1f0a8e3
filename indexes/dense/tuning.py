"""How much of an inverted file a search has to read: measured on the segment's own vectors when it is written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings
from indexes.dense.inverted import InvertedFile, blocks, sample_of
from indexes.dense.kernels import inner_products
from indexes.lexical.matches import Rows

TUNING_FILE = "dense.json"
RECALL_AT = 10
LEAST_RECALL = 0.95
# What is aimed at on questions made here; real ones need this many times as many codes (docs/decisions/dense.md).
_RECALL = 0.985
_MARGIN = 1.4
_QUESTIONS = 200
# The second passage's part in a question made of two.
_BLEND = 0.8
_MEAN_OF_ROWS = 8192
# A filter that lets a hundredth pass finds its best ten among the best thousand or so of all rows.
_DEPTHS = (10, 100, 1000)
# Under a filter, reading more than this many times as many codes costs more than comparing what it allows.
_MOST_MORE = 1.2
_REFINED = (400, 800, 1600)


@dataclass(frozen=True, slots=True)
class Tuning:
    """lists: of the inverted file; shares: the parts of all codes that hold the best 10, 100 and 1,000 rows.

    refined: how many rows the codes propose for the raw vectors to decide on. recall: recall@10 so measured.
    """

    lists: int
    shares: tuple[float, ...]
    refined: int
    recall: float

    @classmethod
    def read(cls, path: Path) -> Tuning:
        """Read what `write` wrote; raises FileNotFoundError, and ValueError where it is not whole."""
        try:
            body = json.loads(path.read_bytes())
            return cls(
                int(body["lists"]), tuple(map(float, body["shares"])), int(body["refined"]), float(body["recall"])
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name}: {error}") from error

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        path.write_text(json.dumps(asdict(self)), "utf-8")

    def share(self, allowed: float) -> float:
        """Return the part of all codes to read where this part of all rows, above 0, is allowed."""
        if allowed >= 1:
            return self.shares[0]
        needed = float(np.interp(np.log(RECALL_AT / allowed), np.log(_DEPTHS), self.shares))
        return min(needed, _MOST_MORE * self.shares[0])


@dataclass(frozen=True, slots=True)
class _Probe:
    """Questions made of the segment's own vectors, float32 [n, d], the rows that each is made of, its best ones."""

    questions: Embeddings
    own: NDArray[np.int64]
    best: NDArray[np.int64]

    @classmethod
    def of(cls, vectors: Embeddings) -> _Probe:
        """Make questions, each of two passages less the mean of all, and look for their best rows everywhere.

        The product asks with a question less the mean of questions. Such a vector lies between passages, so one
        made of a single passage would be easier than a real one.
        """
        mean = vectors[sample_of(len(vectors), _MEAN_OF_ROWS)].mean(axis=0)
        own = np.random.default_rng(1).choice(len(vectors), (_QUESTIONS, 2), replace=False)
        questions = (vectors[own[:, 0]] - mean) + _BLEND * (vectors[own[:, 1]] - mean)
        best = _best_rows(vectors, questions, _DEPTHS[-1] + own.shape[1])
        others = [row[~np.isin(row, made_of)][: _DEPTHS[-1]] for row, made_of in zip(best, own, strict=True)]
        return cls(questions, own, np.stack(others))

    def shares(self, inverted: InvertedFile) -> tuple[float, ...]:
        """Return the parts of all codes to read for the best 10, 100 and 1,000 rows."""
        read = np.empty(self.best.shape)
        for i, question in enumerate(self.questions):
            nearest = inverted.lists_by_closeness(inner_products(question, inverted.centroids))
            until = np.zeros(len(inverted.sizes))
            until[nearest] = np.cumsum(inverted.sizes[nearest]) / len(inverted.list_of_row)
            read[i] = until[inverted.list_of_row[self.best[i]]]
        quantile = (1 + _RECALL) / 2  # codes lose as much again
        needed = [min(1.0, _MARGIN * float(np.quantile(read[:, :depth], quantile))) for depth in _DEPTHS]
        return tuple(accumulate(needed, max))  # so that a filter never has less read

    def recall(self, inverted: InvertedFile, share: float, refined: int) -> float:
        """Return the part of the best ten rows that the codes propose."""
        found = 0
        for question, own, best in zip(self.questions, self.own, self.best, strict=True):
            rows, _ = inverted.propose(question, refined + len(own), share * len(inverted.list_of_row))
            found += len(np.intersect1d(rows, best[:RECALL_AT]))
        return found / (RECALL_AT * len(self.questions))


def tune(inverted: InvertedFile, vectors: Embeddings) -> Tuning:
    """Choose what a search reads, so that it finds _RECALL of what a search of all vectors [N, d] finds.

    Reading everything is the most; recall says what that achieves.
    """
    probe = _Probe.of(vectors)
    shares = probe.shares(inverted)
    while True:
        for refined in _REFINED:
            recall = probe.recall(inverted, shares[0], refined)
            if recall >= _RECALL:
                return Tuning(len(inverted.sizes), shares, refined, recall)
        if shares[0] >= 1:
            return Tuning(len(inverted.sizes), shares, refined, recall)
        shares = tuple(min(1.0, 1.5 * share) for share in shares)


def _best_rows(vectors: Embeddings, questions: Embeddings, count: int) -> Rows:
    """Return the best rows for each question, int64 [n, count], best first, by comparing all."""
    scores = np.empty((len(questions), 0), np.float32)
    rows = np.empty((len(questions), 0), np.int64)
    start = 0
    for block in blocks(vectors):
        scores = np.concatenate([scores, questions @ block.T], axis=1)
        new = np.arange(start, start + len(block))
        rows = np.concatenate([rows, np.broadcast_to(new, (len(questions), len(block)))], axis=1)
        if scores.shape[1] > count:
            kept = np.argpartition(-scores, count, axis=1)[:, :count]
            scores, rows = np.take_along_axis(scores, kept, 1), np.take_along_axis(rows, kept, 1)
        start += len(block)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1), 1)
