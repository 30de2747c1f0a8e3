"""Embeddings of texts by the product's own embedder, kept in a file as they are made: a stopped run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.types import Embeddings
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.reference import reference_of

_BATCH = 512


def embed_fragments(fragments: Sequence[str], folder: Path, models_dir: Path, threads: int = 0) -> Embeddings:
    """Return float32 [len(fragments), d] as the embedder gives them for passages, from the folder's file or new.

    threads: of ONNX Runtime, 0 for the cores. Takes tens of minutes the first time, and prints how far it is.
    """
    embedder = E5Embedder(models_dir, threads)
    try:
        digest = hashlib.sha256("\0".join([embedder.fingerprint, *fragments]).encode()).hexdigest()[:16]
        path = folder / f"fragments-{digest}.f32"
        done = path.stat().st_size // (4 * embedder.dimension) if path.exists() else 0
        with path.open("ab") as file:
            file.truncate(done * 4 * embedder.dimension)  # a row that was half written
            for start in range(done, len(fragments), _BATCH):
                print(f"  embedding fragments: {start:,} of {len(fragments):,}", flush=True)
                file.write(embedder.embed_passages(fragments[start : start + _BATCH]).tobytes())
                file.flush()
        return np.fromfile(path, np.float32).reshape(len(fragments), embedder.dimension)
    finally:
        embedder.close()


def embed_questions(questions: Sequence[str], models_dir: Path) -> dict[str, Embeddings]:
    """Return the questions' `vectors` as the embedder gives them, and the mean vector of questions in zh and en."""
    embedder = E5Embedder(models_dir)
    try:
        reference = reference_of(embedder, models_dir)
        vectors = np.stack([embedder.embed_query(question) for question in questions])
        return {"vectors": vectors, "zh": reference.centre("zh"), "en": reference.centre("en")}
    finally:
        embedder.close()
