"""The language of the page: the reader's own choice, else what the browser asks for."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
STRINGS = Path(__file__).parent / "strings"


def preferred(accept_language: str) -> str:
    """Return the supported language that an Accept-Language header (RFC 9110, section 12.5.4) likes best.

    Ties go to the one named first; English where none is named.
    """
    best, best_quality = "en", 0.0
    for entry in accept_language.split(","):
        tag, _, parameters = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            quality = float(parameters.partition("q=")[2] or 1)
        except ValueError:
            continue
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


@cache
def strings(language: str) -> dict[str, str]:
    """Return the page's texts in a language by their keys."""
    texts: dict[str, str] = json.loads((STRINGS / f"{language}.json").read_text(encoding="utf-8"))
    return texts
