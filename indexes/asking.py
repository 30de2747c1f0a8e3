"""A question as the index takes it."""

from __future__ import annotations

from core.language import detect_language
from core.types import Embeddings, SearchMode
from indexes.embedders.reference import Reference
from indexes.hybrid import HybridQuery
from indexes.translation.concepts import concepts
from indexes.translation.dictionary import Dictionary
from indexes.translation.flat import NO_CONCEPTS


def hybrid_query(
    text: str,
    embedding: Embeddings,
    depth: int,
    mode: SearchMode,
    reference: Reference,
    dictionary: Dictionary | None,
) -> HybridQuery:
    """Return the query of a question, depth passages from each list.

    embedding: float32 [d], by the index's own embedder, whose reference this is. dictionary: None to leave the
    question's words untranslated.
    """
    language = detect_language(text)
    return HybridQuery(
        text,
        embedding,
        depth,
        mode,
        centre=reference.centre(language),
        concepts=concepts(text, language, dictionary) if dictionary else NO_CONCEPTS,
    )
