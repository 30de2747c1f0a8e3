"""What every embedder does to its vectors."""

from __future__ import annotations

import numpy as np

from core.types import Embeddings


def normalised(vectors: Embeddings) -> Embeddings:
    """Scale each row of float32 [n, d] to length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Embeddings = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
