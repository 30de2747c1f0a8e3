"""The embeddings of the last questions: search, judgement and quotes of one answer embed its question once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from core.types import Embeddings
from indexes.embedders.base import Embedder

_KEPT = 256  # 400 kB at 384 dimensions


class QuestionVectors:
    """Keeps a bounded number of vectors, by model and text; safe to use from several threads."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._vectors: OrderedDict[tuple[str, str], Embeddings] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, embedder: Embedder, question: str) -> Embeddings:
        """Return float32 [dimension], to be left as it is; raises EmbedderUnavailable."""
        key = (embedder.fingerprint, question)
        with self._lock:
            known = self._vectors.get(key)
            if known is not None:
                self._vectors.move_to_end(key)
                return known
        vector = embedder.embed_query(question)
        with self._lock:
            self._vectors[key] = vector
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        return vector
