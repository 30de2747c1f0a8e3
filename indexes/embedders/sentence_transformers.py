"""Any sentence-transformers model, from a folder or the hub's cache, on CUDA where there is one.

https://sbert.net/docs/package_reference/sentence_transformer/model.html
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import EmbedderUnavailable, MissingExtra
from core.types import Embeddings
from indexes.embedders.batches import by_length
from indexes.embedders.prompts import Prompts, prompts_for
from indexes.embedders.vectors import normalised

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

RECIPE = 1
INSTALL = "make run EXTRAS=local"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
# What the family of models without a limit of their own is given.
_UNLIMITED_TOKENS = 8192


class SentenceTransformersEmbedder:
    """Prompts are the model's own where it has some, otherwise those of its family."""

    is_pinned = True

    def __init__(self, model: str, *, batch: int = 32, batch_tokens: int = 8192) -> None:
        """model: a folder or a name on the hub; batch and batch_tokens: most texts, and tokens, in a forward pass.

        Raises MissingExtra without the packages and EmbedderUnavailable if the model cannot be loaded.
        """
        if importlib.util.find_spec("sentence_transformers") is None:
            raise MissingExtra(f"The embedder st:{model} needs sentence-transformers: run `{INSTALL}`.")
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds, and may be absent

        try:
            loaded = SentenceTransformer(model)
            self.fingerprint = f"{_name(model)}/{_revision(model, loaded)}/recipe-{RECIPE}"
            self._queries, self._passages = _Lane(loaded), _Lane(_beside(loaded))
        except Exception as error:  # the hub, torch and the model's own code each raise their own
            raise EmbedderUnavailable(f"The model {model} cannot be loaded: {error}") from error
        dimension = loaded.get_embedding_dimension()
        if dimension is None:
            raise EmbedderUnavailable(f"The model {model} does not tell the length of its vectors.")
        self.dimension = dimension
        self._batch = batch
        self._batch_tokens = batch_tokens
        # A copy of its own: a forward pass sets truncation on the model's tokenizer, which would distort counts.
        self._tokenizer = copy.deepcopy(loaded.tokenizer)
        self._prompts = _prompts(model, loaded)
        longest_prompt = max(self.count_tokens(text) for text in (self._prompts.query, self._prompts.passage))
        special_tokens = len(self._tokenizer.encode(""))
        self.max_tokens = int(loaded.max_seq_length or _UNLIMITED_TOKENS) - longest_prompt - special_tokens

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), dimension]; what exceeds max_tokens is cut off by the model."""
        tokens = [min(self.count_tokens(text), self.max_tokens) for text in texts]
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for rows in by_length(tokens, most_texts=self._batch, most_tokens=self._batch_tokens):
            vectors[rows] = self._passages.encode([texts[i] for i in rows], self._prompts.passage)
        return vectors

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [dimension]; waits for other queries, never for passages."""
        vector: Embeddings = self._queries.encode([text], self._prompts.query)[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """Tokens of text in the model's vocabulary, without prompt and special tokens."""
        return len(self._tokenizer.encode(_well_formed(text), add_special_tokens=False, verbose=False))

    def close(self) -> None:
        """Nothing to release: memory goes with this object."""


class _Lane:
    """A model that embeds for one caller at a time, in the order of their coming."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        self._turn = threading.Lock()
        self._running = threading.Lock()

    def encode(self, texts: Sequence[str], prompt: str) -> Embeddings:
        """Return float32 [len(texts), dimension], normalised, from one forward pass."""
        well_formed = [_well_formed(text) for text in texts]
        with self._one_at_a_time():
            vectors = self._model.encode(
                well_formed, prompt=prompt, batch_size=len(texts), convert_to_numpy=True, show_progress_bar=False
            )
        return normalised(np.asarray(vectors, np.float32))

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let callers in by turns: whoever waits holds the turn, so that many batches cannot overtake another one.

        The tokenizers that transformers wraps are changed by each call and are not safe in threads.
        """
        with self._turn:
            self._running.acquire()
        try:
            yield
        finally:
            self._running.release()


def _beside(model: SentenceTransformer) -> SentenceTransformer:
    """Return a copy that runs beside the model: everything is its own but the weights, which both read."""
    weights = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, weights)


def _well_formed(text: str) -> str:
    """JSON may carry lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def _prompts(name: str, model: SentenceTransformer) -> Prompts:
    own = model.prompts
    query = own.get("query") or ""
    passage = own.get("document") or own.get("passage") or ""
    return Prompts(query, passage) if query or passage else prompts_for(name)


def _name(model: str) -> str:
    """A folder's last name, so that the same weights under another path stay the same embedder."""
    return f"st:{Path(model).resolve().name if Path(model).is_dir() else model}"


def _revision(model: str, loaded: SentenceTransformer) -> str:
    """Return the first 12 digits of the weights' hash for a folder, of the commit for a model of the hub."""
    if Path(model).is_dir():
        files = sorted(path for pattern in _WEIGHTS for path in Path(model).rglob(pattern))
        if not files:
            raise FileNotFoundError(f"no weights ({', '.join(_WEIGHTS)}) in {model}")
        digest = hashlib.sha256()
        for path in files:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:12]
    commit: str | None = getattr(loaded[0].auto_model.config, "_commit_hash", None)
    if commit is None:
        raise ValueError("its revision is not known")
    return commit[:12]
