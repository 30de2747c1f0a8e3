"""A rerank endpoint as vLLM and Jina speak it.

https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api and https://jina.ai/reranker
Messages name the address and what went wrong, never what was sent or came back: they end in a log.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, ValidationError

from core.errors import RerankerUnavailable
from indexes.rerank.base import RerankedTooLate, RerankScores, finite, well_formed

# A result is an index and a number; some servers send the passage back with it.
_REPLY_BYTES_EACH = 64 * 1024


class _Result(BaseModel):
    index: Annotated[int, Field(ge=0)]
    relevance_score: float


class _Reply(BaseModel):
    results: list[_Result]


class EndpointReranker:
    """One request a question, never repeated: by the time that it failed, nobody waits for another."""

    def __init__(self, model: str, base_url: str, key: str = "", *, concurrency: int = 8) -> None:
        """base_url ends before `/rerank`. Nothing is sent before it is needed."""
        self.concurrency = concurrency
        self._model = model
        self._url = f"{base_url}/rerank"
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )

    def score(self, question: str, texts: Sequence[str], *, timeout_s: float) -> RerankScores:
        """Return float32 [len(texts)]."""
        if not texts:
            return finite([], self._url)
        documents = [well_formed(text) for text in texts]
        body = {
            "model": self._model,
            "query": well_formed(question),
            "documents": documents,
            "top_n": len(documents),
        }
        reply = self._post(body, time.monotonic() + timeout_s, _REPLY_BYTES_EACH * len(texts))
        try:
            results = _Reply.model_validate_json(reply).results
        except ValidationError as error:
            raise RerankerUnavailable(f"{self._url} did not answer with a list of results.") from error
        scores = {result.index: result.relevance_score for result in results}
        if len(results) != len(texts) or scores.keys() != set(range(len(texts))):
            raise RerankerUnavailable(f"{self._url} did not score each of {len(texts)} passages once.")
        return finite([scores[i] for i in range(len(texts))], self._url)

    def close(self) -> None:
        """Close the connections; idempotent."""
        self._client.close()

    def _post(self, body: dict[str, object], until: float, most_bytes: int) -> bytes:
        """Return the reply's body, read only as long as somebody waits for it and up to most_bytes."""
        timeout_s = max(0.001, until - time.monotonic())
        try:
            with self._client.stream("POST", self._url, json=body, timeout=timeout_s) as response:
                received = bytearray()
                for piece in response.iter_bytes():
                    received += piece
                    if time.monotonic() > until:  # httpx bounds the wait for each piece, not for all of them
                        raise RerankedTooLate(f"{self._url} was too slow.")
                    if len(received) > most_bytes:
                        raise RerankerUnavailable(f"{self._url} answered with more than {most_bytes} bytes.")
        except httpx.TimeoutException as error:
            raise RerankedTooLate(f"{self._url} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RerankerUnavailable(f"{self._url} does not answer: {type(error).__name__}.") from error
        if not response.is_success:
            raise RerankerUnavailable(f"{self._url} refused the request: HTTP {response.status_code}.")
        return bytes(received)
