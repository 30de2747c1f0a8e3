"""Which of our two languages a text is in, by its script."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+")


def detect_language(text: str, sample_chars: int = 20_000) -> str:
    """Return "zh", "en" or "" (neither script) for the script that carries most of the text.

    A Han character carries about as much as half an English word, so characters are weighed against words.
    Only the first sample_chars code points are read.
    """
    sample = text[:sample_chars]
    han = len(_HAN.findall(sample))
    words = len(_LATIN_WORD.findall(sample))
    if not han and not words:
        return ""
    return "zh" if han > words else "en"
