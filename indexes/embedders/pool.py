"""The embedders that the collections are bound to, opened once each."""

from __future__ import annotations

import threading

from core.errors import EmbedderMismatch
from core.settings import Settings
from indexes.embedders.base import Embedder
from indexes.embedders.reference import Reference, reference_of
from indexes.embedders.registry import open_embedder_named


class EmbedderPool:
    """Open embedders by their spec; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, Embedder] = {}
        self._references: dict[str, Reference] = {}
        self._lock = threading.Lock()

    def get(self, spec: str) -> Embedder:
        """Return the embedder, loading it at the first call; raises as `open_embedder_named`."""
        with self._lock:
            found = self._open.get(spec)
            if found is None:
                found = self._open[spec] = open_embedder_named(spec, self._settings)
            return found

    def bound(self, spec: str, fingerprint: str) -> Embedder:
        """Return the embedder that built an index; raises EmbedderMismatch where the model has changed since."""
        embedder = self.get(spec)
        if embedder.fingerprint != fingerprint:
            raise EmbedderMismatch(
                f"This index was built by {fingerprint}, but {spec} is now {embedder.fingerprint}: "
                "reindex the collection (POST /v1/admin/reindex), or bring the former model back."
            )
        return embedder

    def reference(self, embedder: Embedder) -> Reference:
        """Return what an embedder makes of the reference pairs, measured once; raises EmbedderUnavailable."""
        with self._lock:
            found = self._references.get(embedder.fingerprint)
            if found is None:
                found = self._references[embedder.fingerprint] = reference_of(embedder, self._settings.models_dir)
            return found

    def close(self) -> None:
        """Close every embedder; idempotent."""
        with self._lock:
            for embedder in self._open.values():
                embedder.close()
            self._open.clear()
