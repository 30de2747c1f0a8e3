"""Counts tokens of a model whose tokenizer is not at hand, rather too many than too few."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Za-z]+")
# English words run to 4 letters a token and more in the vocabularies of current models, identifiers to fewer.
_LETTERS_PER_TOKEN = 3
_ASTRAL_TOKENS = 3


def estimate_tokens(text: str) -> int:
    """Return an upper estimate: a token for three Latin letters, for any other visible character, and line end.

    A character beyond the basic plane (emoji, rare Han) counts as three.
    """
    words = _WORDS.findall(text)
    letters = sum(map(len, words))
    others = sum(_ASTRAL_TOKENS if char > "\uffff" else 1 for char in text if not char.isspace()) - letters
    return others + text.count("\n") + sum(-(-len(word) // _LETTERS_PER_TOKEN) for word in words)


def first_tokens(text: str, tokens: int) -> str:
    """Return the longest beginning of a text that is estimated at no more than tokens."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low]
