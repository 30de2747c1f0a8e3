"""Documents that say of themselves which they are, in which revision, and into how many parts they must fall."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PARTS = 3
_SAYS = re.compile(r"manual(\d+) part(\d+) says version(\d+)")


def document_id(manual: int) -> str:
    """The id under which a manual is fed."""
    return f"m{manual}.md"


def body(manual: int, revision: int, sentences: int = 3) -> bytes:
    """A section for each part, long enough that none shares its chunk with another."""
    sections = [
        f"# Part {part}\n\n" + f"Here manual{manual} part{part} says version{revision} is in force. " * sentences
        for part in range(PARTS)
    ]
    return "\n\n".join(sections).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a manual was seen at once: its revisions, which should be one, and its parts."""

    revisions: frozenset[int]
    parts: frozenset[int]


def seen_in(texts: Iterable[str]) -> Mapping[int, Seen]:
    """Read from the texts of one answer which manuals are in it."""
    found: dict[int, set[tuple[int, int]]] = {}
    for text in texts:
        said = _SAYS.findall(text)
        assert said, f"a passage that no manual can have: {text!r}"
        for manual, part, revision in said:
            found.setdefault(int(manual), set()).add((int(revision), int(part)))
    return {
        manual: Seen(frozenset(revision for revision, _ in pairs), frozenset(part for _, part in pairs))
        for manual, pairs in found.items()
    }
