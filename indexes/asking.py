"""A question as the index takes it: embedded, and its words translated, as far as the mode asks."""

from __future__ import annotations

from core.language import detect_language
from core.types import SearchMode
from indexes.embedders.pool import EmbedderPool
from indexes.hybrid import HybridQuery
from indexes.translation.concepts import concepts
from indexes.translation.dictionary import Dictionary


def hybrid_query(
    text: str,
    depth: int,
    mode: SearchMode,
    embedders: EmbedderPool,
    built_by: tuple[str, str],
    dictionary: Dictionary | None,
) -> HybridQuery:
    """Return the query of a question, depth passages from each list.

    built_by: spec and fingerprint of the index's embedder. dictionary: None to leave the words untranslated.
    Raises EmbedderMismatch, EmbedderUnavailable.
    """
    if mode == "lexical":
        return HybridQuery(text, None, depth, mode)
    language = detect_language(text)
    embedder = embedders.bound(*built_by)
    return HybridQuery(
        text,
        embedder.embed_query(text),
        depth,
        mode,
        centre=embedders.reference(embedder).centre(language),
        concepts=concepts(text, language, dictionary) if dictionary and mode == "hybrid" else (),
    )
