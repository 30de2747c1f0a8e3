"""What well-known families of embedding models were trained to see in front of a query or a passage."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RETRIEVAL_TASK = "Given a web search query, retrieve relevant passages that answer the query"


@dataclass(frozen=True, slots=True)
class Prompts:
    """Written in front of each text."""

    query: str = ""
    passage: str = ""


# The first pattern found in the model's name decides; sources are the families' model cards.
_FAMILIES = (
    (r"\be5\b.*instruct|qwen3-embedding", Prompts(query=f"Instruct: {_RETRIEVAL_TASK}\nQuery: ")),
    (r"\be5\b", Prompts(query="query: ", passage="passage: ")),
    (r"\bbge-(small|base|large)-zh", Prompts(query="为这个句子生成表示以用于检索相关文章：")),
    (r"\bbge-(small|base|large)-en", Prompts(query="Represent this sentence for searching relevant passages: ")),
)


def prompts_for(model: str) -> Prompts:
    """Return the prompts of the family that the model's name tells, or empty ones."""
    for pattern, prompts in _FAMILIES:
        if re.search(pattern, model, re.IGNORECASE):
            return prompts
    return Prompts()
