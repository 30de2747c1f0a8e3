"""Any cross-encoder of sentence-transformers, from a folder or the hub's cache, on CUDA where there is one.

https://sbert.net/docs/package_reference/cross_encoder/model.html
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.errors import MissingExtra, RerankerUnavailable
from indexes.rerank.base import RerankedTooLate, RerankScores, finite, well_formed

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

INSTALL = "make run EXTRAS=local"


class CrossEncoderReranker:
    """Scores batch by batch, so that it can stop when nobody waits any more.

    One question at a time: a forward pass uses all cores, and its tokenizer is not safe in threads.
    """

    def __init__(self, model: str, *, batch: int = 16) -> None:
        """model: a folder or a name on the hub, with one label; batch: pairs in one forward pass.

        Raises MissingExtra without the packages, RerankerUnavailable where it cannot be loaded or scores classes.
        """
        if importlib.util.find_spec("sentence_transformers") is None:
            raise MissingExtra(f"The reranker st:{model} needs sentence-transformers: run `{INSTALL}`.")
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - takes seconds, and may be absent

        try:
            self._model: CrossEncoder = CrossEncoder(model)
        except Exception as error:  # the hub, torch and the model's own code each raise their own
            raise RerankerUnavailable(f"The reranker {model} cannot be loaded: {error}") from error
        if self._model.num_labels != 1:
            raise RerankerUnavailable(
                f"The model {model} sorts into {self._model.num_labels} classes: no reranker."
            )
        self._name = model
        self._batch = batch
        self._running = threading.Lock()

    def score(self, question: str, texts: Sequence[str], *, timeout_s: float) -> RerankScores:
        """Return float32 [len(texts)]; what is longer than the model reads is cut off by it."""
        until = time.monotonic() + timeout_s
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # alike in length: less padding
        scores = np.empty(len(texts), np.float32)
        if not self._running.acquire(timeout=max(0.0, timeout_s)):
            raise RerankedTooLate("The reranker was busy with another question.")
        try:
            for start in range(0, len(order), self._batch):
                if time.monotonic() > until:
                    raise RerankedTooLate(f"The reranker had scored {start} of {len(texts)} passages.")
                rows = order[start : start + self._batch]
                scores[rows] = self._predict(question, [texts[i] for i in rows])
        finally:
            self._running.release()
        return finite(scores, f"The reranker {self._name}")

    def close(self) -> None:
        """Nothing to release: memory goes with this object."""

    def _predict(self, question: str, texts: Sequence[str]) -> RerankScores:
        pairs = [(well_formed(question), well_formed(text)) for text in texts]
        try:
            scores = self._model.predict(pairs, batch_size=len(pairs), show_progress_bar=False)
        except Exception as error:  # torch raises what it likes, out of memory among it
            raise RerankerUnavailable(f"The reranker failed: {error}") from error
        return np.asarray(scores, np.float32)
