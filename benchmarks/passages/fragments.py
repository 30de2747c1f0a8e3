"""Real passages cut into fragments of a sentence or a few: what the benchmarks' passages are put together from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evals.datasets import Passage, load

SETS = ("squad2", "cmrc2018", "drcd", "xquad-en", "xquad-zh", "multihop", "scifact", "zh_tech_md")
# Of one set no more than these: scifact would be half of everything, and takes long to embed.
_MOST_PASSAGES = 2000

# A sentence's end in either language, or a line's. A full stop inside "U.S. law" or "e.g. this" ends none.
_END = re.compile(r"(?<=[。！？；])(?![”」』’）])|(?<=[.!?])\s+(?=[A-Z“\"(])|\n+")
_LEAST_CHARACTERS = {"zh": 60, "en": 160}


@dataclass(frozen=True, slots=True)
class Piece:
    """A real passage: its language and its fragments, which are in order."""

    set_name: str
    language: str
    fragments: Sequence[str]


def pieces() -> list[Piece]:
    """Return the passages of all sets in a fixed order, without those that say the same as one before.

    Raises NotFound where a set is missing.
    """
    found: dict[str, Piece] = {}
    for name in SETS:
        for passage in load(name).passages[:_MOST_PASSAGES]:
            piece = Piece(name, language_of(passage), tuple(cut(passage)))
            found.setdefault("\n".join(piece.fragments), piece)
    return list(found.values())


def language_of(passage: Passage) -> str:
    """Return zh or en."""
    return "zh" if passage.lang.startswith("zh") else "en"


def cut(passage: Passage) -> Iterator[str]:
    """Yield the fragments of a passage; a sentence shorter than the least goes with the next one."""
    least = _LEAST_CHARACTERS[language_of(passage)]
    fragment = ""
    for sentence in filter(None, map(str.strip, _END.split(passage.text))):
        glue = "" if not fragment or language_of(passage) == "zh" else " "
        fragment = f"{fragment}{glue}{sentence}"
        if len(fragment) >= least:
            yield fragment
            fragment = ""
    if fragment:
        yield fragment
