"""Groups of like length: what a batch pads its shorter texts with is wasted work."""

from __future__ import annotations

from collections.abc import Sequence


def by_length(tokens: Sequence[int], *, most_texts: int, most_tokens: int) -> list[list[int]]:
    """Group texts, given by their numbers of tokens, into batches of indices, the longest first.

    Padded to its longest text, no batch exceeds most_tokens, and none holds more than most_texts; a text over
    most_tokens is a batch of its own. A text without tokens counts as one token.
    """
    order = sorted(range(len(tokens)), key=lambda i: tokens[i], reverse=True)
    batches: list[list[int]] = []
    room = 0
    for i in order:
        if not room:
            batches.append([])
            room = max(1, min(most_texts, most_tokens // max(1, tokens[i])))  # the first is the longest
        batches[-1].append(i)
        room -= 1
    return batches
