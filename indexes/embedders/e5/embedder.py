"""The embedded default embedder: ONNX Runtime where it proves itself, the package's own engine otherwise."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from core.errors import EmbedderUnavailable
from core.types import Embeddings
from indexes.embedders.e5.package_engine import PackageEngine
from indexes.embedders.e5.weights import UnreadableWeights, Weights

log = logging.getLogger(__name__)

RECIPE = 1
DIMENSION = 384
# 512 positions less two special tokens and the two tokens of each prefix.
MAX_TOKENS = 508
# Both engines go by one fingerprint: so close that no ranking can tell them apart.
LEAST_COSINE = 0.999
_CHECK_QUERIES = ("如何申请年假？", "What does error E-1042 mean?")
_CHECK_PASSAGES = (
    "员工入职满一年后可享受带薪年休假，须提前五个工作日在系统中提交申请，由直属主管批准。",
    "Error E-1042: the device lost its network connection. Restart the gateway, then check the cable. 🔌",
)


class Engine(Protocol):
    """One way to run the model."""

    def count_tokens(self, text: str) -> int:
        """Tokens of text alone."""

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [384]."""

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), 384]."""

    def close(self) -> None:
        """Release threads; idempotent."""


class EngineDisagrees(Exception):
    """The engine's vectors are not those of the package."""


class E5Embedder:
    """multilingual-e5-small, four-bit weights, 384 dimensions, Chinese and English among a hundred languages."""

    is_pinned = True
    dimension = DIMENSION
    max_tokens = MAX_TOKENS

    def __init__(self, models_dir: Path, threads: int = 0) -> None:
        """Load the model in about a second, less once models_dir holds what is derived from it.

        threads: passages embedded at once; 0 for the cores. Raises EmbedderUnavailable without the package.
        """
        try:
            weights = Weights.of_package()
            self.fingerprint = f"e5-small-q4/{weights.sha256()[:12]}/recipe-{RECIPE}"
        except (UnreadableWeights, OSError) as error:
            raise EmbedderUnavailable(f"The weights of multilingual-e5-small cannot be read: {error}") from error
        self._engine = _open_engine(weights, self.fingerprint, models_dir, threads)

    @property
    def engine_name(self) -> str:
        """Which engine runs the model: OnnxEngine, or PackageEngine, several times slower."""
        return type(self._engine).__name__

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), 384]; a text over 508 tokens is the average of its windows."""
        return self._engine.embed_passages(texts)

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [384]."""
        return self._engine.embed_query(text)

    def count_tokens(self, text: str) -> int:
        """Tokens of text in the model's vocabulary, without prefix and special tokens."""
        return self._engine.count_tokens(text)

    def close(self) -> None:
        """Stop the threads; idempotent."""
        self._engine.close()


def _open_engine(weights: Weights, fingerprint: str, models_dir: Path, threads: int) -> Engine:
    """Return the engine in ONNX Runtime if its vectors are those of the package, else the package's engine."""
    reference = PackageEngine()
    try:
        from indexes.embedders.e5.onnx_engine import OnnxEngine  # noqa: PLC0415 - its absence is handled here

        engine = OnnxEngine(weights, fingerprint, models_dir, threads)
        _check(engine, reference)
    except Exception as error:  # whatever is wrong with the fast way, the slow one still answers
        log.warning("multilingual-e5-small runs on the package's own engine, several times slower: %s", error)
        return reference
    return engine


def _check(engine: Engine, reference: Engine) -> None:
    """Raise EngineDisagrees unless both give the same vectors for a few texts in both languages."""
    pairs = [(engine.embed_query(text), reference.embed_query(text)) for text in _CHECK_QUERIES]
    pairs += zip(engine.embed_passages(_CHECK_PASSAGES), reference.embed_passages(_CHECK_PASSAGES), strict=True)
    cosine = min(float(np.dot(ours, theirs)) for ours, theirs in pairs)
    if not cosine >= LEAST_COSINE:  # a NaN fails too
        raise EngineDisagrees(f"the vectors of ONNX Runtime have cosine {cosine:.4f} to the package's")
