"""Embedders behind one protocol: the embedded default, sentence-transformers, an OpenAI-compatible endpoint."""

from indexes.embedders.base import Embedder
from indexes.embedders.registry import open_embedder, open_embedder_named

__all__ = ["Embedder", "open_embedder", "open_embedder_named"]
