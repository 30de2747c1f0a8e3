"""The dense list: each segment's vectors, and the search for those that are most similar to a question."""

from indexes.dense.search import DenseSearch, FaissDevice, use_gpu
from indexes.dense.segment import DenseSegment

__all__ = ["DenseSearch", "DenseSegment", "FaissDevice", "use_gpu"]
