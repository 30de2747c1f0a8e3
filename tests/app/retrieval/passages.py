"""Passages made for tests; what a test does not speak of has a value of no meaning."""

from __future__ import annotations

from app.retrieval.hydration import Passage
from core.types import Ranks, Source


def passage(
    text: str,
    chunk_id: int = 1,
    *,
    title: str = "",
    heading: str = "",
    context: str = "",
    document_id: str = "",
    ordinal: int = 0,
    score: float = 1.0,
) -> Passage:
    source = Source(
        document_id or f"document-{chunk_id}",
        chunk_id,
        title,
        "",
        text,
        heading,
        context,
        "",
        None,
        None,
        0,
        len(text),
        score,
        Ranks(),
        chunk_ids=(chunk_id,),
    )
    return Passage(source, chunk_id, ordinal, len(text.split()))
