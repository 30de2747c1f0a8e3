"""Opens the embedder that a setting or a collection names."""

from __future__ import annotations

from core.errors import InvalidInput
from core.settings import Settings
from indexes.embedders.base import Embedder
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.openai import OpenAIEmbedder
from indexes.embedders.sentence_transformers import SentenceTransformersEmbedder


def open_embedder(settings: Settings) -> Embedder:
    """Open the embedder of the settings; raises as `open_embedder_named`."""
    return open_embedder_named(settings.embedder, settings)


def open_embedder_named(spec: str, settings: Settings) -> Embedder:
    """Open `e5`, `st:<model or path>` or `openai:<model>`; the caller closes it.

    Raises InvalidInput for any other name or one whose endpoint is not set, MissingExtra where packages are
    not installed, EmbedderUnavailable where the model cannot be loaded.
    """
    kind, _, model = spec.partition(":")
    if spec == "e5":
        return E5Embedder(settings.models_dir, settings.embed_threads)
    if kind == "st" and model:
        return SentenceTransformersEmbedder(
            model, batch=settings.embed_batch, batch_tokens=settings.embed_batch_tokens
        )
    if kind == "openai" and model:
        if not settings.embed_base_url:
            raise InvalidInput(f"The embedder {spec} needs RAGSTONE_EMBED_BASE_URL.")
        return OpenAIEmbedder(
            model,
            settings.embed_base_url,
            settings.embed_api_key.get_secret_value(),
            batch=settings.embed_batch,
            batch_tokens=settings.embed_batch_tokens,
            concurrency=settings.embed_concurrency,
            timeout_s=settings.embed_timeout_s,
        )
    raise InvalidInput(f"The embedder {spec!r} is none of e5, st:<model or path>, openai:<model>.")
