"""What an embedder promises to the rest of the system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.types import Embeddings


class Embedder(Protocol):
    """Turns texts into L2-normalised vectors. Safe to call from several threads."""

    @property
    def fingerprint(self) -> str:
        """Name and revision of model and recipe: two embedders with one fingerprint give the same vectors."""

    @property
    def is_pinned(self) -> bool:
        """Whether the fingerprint tells the very weights: behind an endpoint's name they may change unnoticed."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Longest text, in tokens, that is embedded whole."""

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), dimension]; raises EmbedderUnavailable where the model cannot be had."""

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [dimension]; raises EmbedderUnavailable where the model cannot be had."""

    def count_tokens(self, text: str) -> int:
        """Tokens of text in this model's own vocabulary, without prefix and special tokens."""

    def close(self) -> None:
        """Release threads and connections; idempotent."""
