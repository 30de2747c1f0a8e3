"""The dense list: each segment's vectors, and the search for those that are most similar to a question."""

from indexes.dense.gpu import FaissDevice, use_gpu
from indexes.dense.search import LEAST_EFFORT, MOST_EFFORT, DenseSearch
from indexes.dense.segment import EXACT_ROWS, DenseSegment
from indexes.dense.tuning import TUNING_FILE, Tuning

__all__ = [
    "EXACT_ROWS",
    "LEAST_EFFORT",
    "MOST_EFFORT",
    "TUNING_FILE",
    "DenseSearch",
    "DenseSegment",
    "FaissDevice",
    "Tuning",
    "use_gpu",
]
