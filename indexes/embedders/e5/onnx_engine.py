"""Runs multilingual-e5-small in ONNX Runtime."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from core.types import Embeddings
from indexes.derived import derived_file
from indexes.embedders.e5 import tokenizer
from indexes.embedders.e5.weights import Weights
from indexes.embedders.vectors import normalised

_SPECIAL_TOKENS = 2
_LOG_ERRORS_ONLY = 3
# How far threads that embed passages stand back for those that embed queries, as in `nice -n`: three to one.
_PASSAGES_STAND_BACK, _NICEST = 5, 19


class OnnxEngine:
    """Each window of tokens is one run on one thread: nothing is padded, so no vector depends on its batch.

    A query runs on its caller's thread beside the pool that embeds passages, and never queues behind them.
    """

    def __init__(self, weights: Weights, fingerprint: str, models_dir: Path, threads: int) -> None:
        """models_dir keeps the graph and the tokenizer; threads: passages under way at once, 0 for the cores."""
        self._weights = weights
        stem = fingerprint.replace("/", "-")
        self._tokenizer = tokenizer.Tokenizer(
            derived_file(models_dir / f"{stem}.spm.sum", lambda: tokenizer.serialise(weights.vocabulary())),
            weights.normal_forms(),
        )
        self._session = _session(derived_file(models_dir / f"{stem}.onnx.sum", self._build_graph))
        self._hidden = weights.shape.hidden
        positions = weights.vector("emb.pos").reshape(-1, self._hidden)
        self._positions = positions + weights.vector("emb.type")[: self._hidden]
        self._pool = ThreadPoolExecutor(
            threads or len(os.sched_getaffinity(0)), thread_name_prefix="e5", initializer=_stand_back
        )

    def _build_graph(self) -> bytes:
        from indexes.embedders.e5 import graph  # noqa: PLC0415 - imports onnx, which only building needs

        return graph.serialise(self._weights)

    def count_tokens(self, text: str) -> int:
        """Tokens of text alone."""
        return len(self._tokenizer.encode(text))

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [hidden], computed on the caller's thread."""
        windows = self._windows(f"query: {text}")
        vector: Embeddings = _combined(np.stack([self._run(window) for window in windows]), [windows])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), hidden], computed on the pool's threads."""
        by_text = [self._windows(f"passage: {text}") for text in texts]
        windows = [window for of_text in by_text for window in of_text]
        # The longest first, so that no thread is left alone with a long one at the end.
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]), reverse=True)
        pooled = np.empty((len(windows), self._hidden), np.float32)
        for i, vector in zip(order, self._pool.map(self._run, [windows[i] for i in order]), strict=True):
            pooled[i] = vector
        return _combined(pooled, by_text)

    def close(self) -> None:
        """Stop the pool's threads once their present runs end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _windows(self, text: str) -> list[list[int]]:
        """Cut a text's tokens into runs that fit the model beside its two special tokens."""
        ids = self._tokenizer.encode(text)
        size = self._weights.shape.positions - _SPECIAL_TOKENS
        return [ids[start : start + size] for start in range(0, len(ids), size)]

    def _run(self, window: list[int]) -> NDArray[np.float32]:
        """Return the mean of the last layer over a window with its special tokens, float32 [hidden]."""
        ids = np.array([self._tokenizer.bos, *window, self._tokenizer.eos], np.int64)
        embedded = self._weights.rows("emb.word", self._hidden, ids) + self._positions[: len(ids)]
        (pooled,) = self._session.run(None, {"embedded": embedded[None]})
        vector: NDArray[np.float32] = pooled[0]
        return vector


def _stand_back() -> None:
    """Let this thread yield the cores to queries of its own process, where a thread has a priority of its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, thread) + _PASSAGES_STAND_BACK
        os.setpriority(os.PRIO_PROCESS, thread, min(nice, _NICEST))


def _combined(pooled: NDArray[np.float32], by_text: Sequence[Sequence[list[int]]]) -> Embeddings:
    """Average each text's windows by their numbers of tokens, as the package does, and normalise.

    pooled: float32 [windows, hidden], the windows of by_text one after another.
    """
    owners = np.repeat(np.arange(len(by_text)), [len(windows) for windows in by_text])
    tokens = np.array([len(window) for windows in by_text for window in windows], np.float32)
    sums = np.zeros((len(by_text), pooled.shape[1]), np.float32)
    np.add.at(sums, owners, pooled * tokens[:, None])
    return normalised(sums)


def _session(graph: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS_ONLY
    # The graph already has the fused nodes that pay; the extended level would add one that is slower.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
