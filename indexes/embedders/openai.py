"""Any endpoint that speaks OpenAI's embeddings API, vLLM's among them.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from core.errors import EmbedderUnavailable
from core.types import Embeddings
from indexes.embedders.batches import by_length
from indexes.embedders.endpoint import JsonEndpoint
from indexes.embedders.prompts import prompts_for
from indexes.embedders.vectors import normalised

RECIPE = 1
_PASSAGE_ATTEMPTS = 6
# Someone waits for a query: better a clear error soon than an answer after a minute.
_QUERY_ATTEMPTS = 3
_LETTERS_PER_TOKEN = 3
_ASTRAL_TOKENS = 3
_WORDS = re.compile("[A-Za-z]+")


class _Item(BaseModel):
    index: Annotated[int, Field(ge=0)]
    embedding: Annotated[list[float], Field(min_length=1)]


class _Reply(BaseModel):
    data: list[_Item]


class OpenAIEmbedder:
    """Passages go in batches, several at once; a query goes alone and at once."""

    is_pinned = False

    def __init__(
        self,
        model: str,
        base_url: str,
        key: str = "",
        *,
        batch: int = 32,
        batch_tokens: int = 8192,
        concurrency: int = 4,
        timeout_s: float = 60,
        max_tokens: int = 512,
        backoff_s: float = 0.5,
    ) -> None:
        """base_url ends before `/embeddings`; batch and batch_tokens: most texts, and tokens, in a request.

        concurrency: requests under way at once.
        max_tokens: what the model embeds whole, which the API does not tell. Nothing is sent before it is needed.
        """
        self.fingerprint = f"openai:{model}/recipe-{RECIPE}"
        self.max_tokens = max_tokens
        self._dimension: int | None = None
        self._dimension_lock = threading.Lock()
        self._model = model
        self._url = f"{base_url}/embeddings"
        self._prompts = prompts_for(model)
        self._batch = batch
        self._batch_tokens = batch_tokens
        # Connections beyond the pool's, so that queries need not wait for one.
        self._endpoint = JsonEndpoint(
            base_url, key, timeout_s=timeout_s, connections=2 * concurrency + 8, backoff_s=backoff_s
        )
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="embeddings")

    @property
    def dimension(self) -> int:
        """Length of a vector, asked of the endpoint once; raises EmbedderUnavailable where it does not answer."""
        return self._dimension or int(self._request(["dimension"], _QUERY_ATTEMPTS).shape[1])

    def embed_passages(self, texts: Sequence[str]) -> Embeddings:
        """Return float32 [len(texts), dimension]; raises EmbedderUnavailable.

        Texts of like length go together, for servers that pad a request to its longest text.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        prompted = [f"{self._prompts.passage}{text}" for text in texts]
        tokens = [self.count_tokens(text) for text in prompted]
        batches = by_length(tokens, most_texts=self._batch, most_tokens=self._batch_tokens)
        replies = self._pool.map(partial(self._embed_rows, prompted), batches)
        vectors = np.concatenate(list(replies))
        in_order: Embeddings = np.empty_like(vectors)
        in_order[np.concatenate(batches)] = vectors
        return in_order

    def embed_query(self, text: str) -> Embeddings:
        """Return float32 [dimension]; raises EmbedderUnavailable."""
        vector: Embeddings = self._request([f"{self._prompts.query}{text}"], _QUERY_ATTEMPTS)[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """Estimate, rather too high than too low: the endpoint's tokenizer is not at hand.

        Three Latin letters count as a token, every other character that is not a space as one, and one beyond
        the basic plane (emoji, rare Han) as three.
        """
        words = _WORDS.findall(text)
        letters = sum(map(len, words))
        others = sum(_ASTRAL_TOKENS if char > "\uffff" else 1 for char in text if not char.isspace()) - letters
        return others + sum(-(-len(word) // _LETTERS_PER_TOKEN) for word in words)

    def close(self) -> None:
        """Give up the requests that wait, end the others and close the connections; idempotent."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._endpoint.close()

    def _embed_rows(self, texts: Sequence[str], rows: Sequence[int]) -> Embeddings:
        return self._request([texts[i] for i in rows], _PASSAGE_ATTEMPTS)

    def _request(self, texts: list[str], attempts: int) -> Embeddings:
        """Return float32 [len(texts), dimension], checked, in the order of texts and normalised."""
        # The API refuses an empty text, and JSON has no lone surrogates.
        inputs = [text.encode("utf-8", "replace").decode() or " " for text in texts]
        body = {"model": self._model, "input": inputs, "encoding_format": "float"}
        try:
            items = _Reply.model_validate(self._endpoint.post("/embeddings", body, attempts=attempts)).data
        except ValidationError as error:
            raise EmbedderUnavailable(
                f"{self._url} did not return embeddings: {error.errors()[0]['msg']}"
            ) from error
        if sorted(item.index for item in items) != list(range(len(texts))):
            raise EmbedderUnavailable(f"{self._url} returned {len(items)} vectors for {len(texts)} texts.")
        items.sort(key=lambda item: item.index)
        with self._dimension_lock:
            self._dimension = self._dimension or len(items[0].embedding)
        if {len(item.embedding) for item in items} != {self._dimension}:
            raise EmbedderUnavailable(f"{self._url} returned vectors of different lengths.")
        vectors = np.array([item.embedding for item in items], np.float32)
        if not (np.isfinite(vectors).all() and vectors.any(axis=1).all()):
            raise EmbedderUnavailable(
                f"{self._url} returned a vector of zeros or with numbers that are not finite."
            )
        return normalised(vectors)
