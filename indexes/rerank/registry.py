"""Opens the reranker that the settings name."""

from __future__ import annotations

from core.settings import Settings
from indexes.rerank.base import Reranker
from indexes.rerank.cross_encoder import CrossEncoderReranker
from indexes.rerank.endpoint import EndpointReranker


def open_reranker(settings: Settings) -> Reranker:
    """Open `st:<model or path>` or `endpoint:<model>`; the caller closes it.

    A model is loaded here, which takes seconds. Raises MissingExtra or RerankerUnavailable, and ValueError where
    the settings name none.
    """
    kind, _, model = settings.reranker.partition(":")
    if kind == "st":
        return CrossEncoderReranker(model)
    if kind == "endpoint":
        return EndpointReranker(
            model,
            settings.rerank_base_url,
            settings.rerank_api_key.get_secret_value(),
            concurrency=settings.search_threads,
        )
    raise ValueError(f"{settings.reranker!r} is no reranker")
