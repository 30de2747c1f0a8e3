"""Embeds chunks: each text once, what is known already not at all, and nothing twice after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.database import Database
from core.errors import Unavailable
from core.settings import Settings
from core.types import Embeddings
from core.vectors import content_hash, forget_vectors, store_vectors, stored_vectors
from indexes.embedders.base import Embedder
from indexes.passages import StoredChunk, embedding_text

logger = logging.getLogger("ragstone.worker")

# An endpoint that computes in low precision does not give the same vector twice; another model is far from it.
_LEAST_COSINE = 0.98


class Stopped(Unavailable):
    """The worker was asked to end between two pieces; what was embedded is kept."""


class ChunkEmbedder:
    """Embeds through the vectors that the database keeps.

    Of those from an endpoint, one is embedded again each time: a name does not tell which model answers to it.
    """

    def __init__(self, settings: Settings, database: Database, stopping: Callable[[], bool]) -> None:
        """stopping is asked between pieces."""
        self._keeps = settings.vector_cache_size > 0
        # As many texts as the embedder has under way at once: each piece is kept as it is done.
        self._piece = settings.embed_batch * settings.embed_concurrency
        self._database = database
        self._stopping = stopping

    def embed(self, chunks: Sequence[StoredChunk], embedder: Embedder, dimension: int) -> Embeddings:
        """Return float32 [len(chunks), dimension]; raises EmbedderUnavailable, and Stopped between two pieces."""
        hashes = [content_hash(embedding_text(chunk)) for chunk in chunks]
        holders: dict[bytes, list[StoredChunk]] = {}
        for key, chunk in zip(hashes, chunks, strict=True):
            holders.setdefault(key, []).append(chunk)
        vectors = self._known(embedder, holders, dimension)
        # Like lengths together: batches made of a piece are padded little.
        missing = [key for key in holders if key not in vectors]
        tokens = {key: embedder.count_tokens(embedding_text(holders[key][0])) for key in missing}
        missing.sort(key=lambda key: tokens[key], reverse=True)
        for start in range(0, len(missing), self._piece):
            if self._stopping():
                raise Stopped("The worker was asked to stop.")
            piece = missing[start : start + self._piece]
            embedded = embedder.embed_passages([embedding_text(holders[key][0]) for key in piece])
            made = dict(zip(piece, embedded, strict=True))
            self._keep(embedder.fingerprint, made, [chunk.chunk_id for key in piece for chunk in holders[key]])
            vectors |= made
        return np.stack([vectors[key] for key in hashes]) if hashes else np.empty((0, dimension), np.float32)

    def _known(
        self, embedder: Embedder, holders: Mapping[bytes, Sequence[StoredChunk]], dimension: int
    ) -> dict[bytes, Embeddings]:
        if not self._keeps:
            return {}
        with self._database.read() as session:
            known = stored_vectors(session, embedder.fingerprint, holders, dimension)
        if known and not embedder.is_pinned:
            key, kept = next(iter(known.items()))
            anew = embedder.embed_passages([embedding_text(holders[key][0])])[0]
            if anew.shape != kept.shape or float(anew @ kept) < _LEAST_COSINE:
                logger.warning("%s is another model by now: its vectors are not used again", embedder.fingerprint)
                forget_vectors(self._database, embedder.fingerprint)
                return {}
        return known

    def _keep(self, fingerprint: str, vectors: dict[bytes, Embeddings], chunk_ids: Sequence[int]) -> None:
        if self._keeps:
            with self._database.write() as session:
                store_vectors(session, fingerprint, vectors, chunk_ids)
