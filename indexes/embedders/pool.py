"""The embedders that the collections are bound to, opened once each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from core.errors import EmbedderMismatch
from core.settings import Settings
from indexes.embedders.base import Embedder
from indexes.embedders.reference import Reference, reference_of
from indexes.embedders.registry import open_embedder_named

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class EmbedderPool:
    """Open embedders by their spec; safe to use from several threads.

    Loading a model or measuring it takes seconds: only those wait who want that very model.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: _Made[str, Embedder] = _Made()
        self._references: _Made[str, Reference] = _Made()

    def get(self, spec: str) -> Embedder:
        """Return the embedder, loading it at the first call; raises as `open_embedder_named`."""
        return self._open.get(spec, lambda: open_embedder_named(spec, self._settings))

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
        return self._references.get(embedder.fingerprint, lambda: reference_of(embedder, self._settings.models_dir))

    def close(self) -> None:
        """Close every embedder; idempotent."""
        for embedder in self._open.clear():
            embedder.close()


class _Made(Generic[_K, _V]):
    """Values that are made once each, at the first call; what fails is tried again by the next caller."""

    def __init__(self) -> None:
        self._values: dict[_K, _V] = {}
        self._making: dict[_K, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: _K, make: Callable[[], _V]) -> _V:
        """Return the value of a key; waits where another thread makes it at present."""
        with self._lock:
            if key in self._values:
                return self._values[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._values[key] = value
            return value

    def clear(self) -> list[_V]:
        """Forget every value and return them."""
        with self._lock:
            values = list(self._values.values())
            self._values.clear()
        return values
