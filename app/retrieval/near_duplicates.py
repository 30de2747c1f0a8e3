"""Hits that say nothing beside a better one: copies of a passage in other documents and formats.

Decided by containment after Broder ("On the resemblance and containment of documents", 1997), in its strictest
form: all the words of the one stand in the other, in one piece. A share of shingles would merge passages that
differ in one number of a hundred words; what is measured of both is in docs/decisions/after-fusion.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.retrieval.hydration import Passage
from core.types import Duplicate, Source
from indexes.analyse import fold

# A passage twice as long as another has more to say than the same.
LEAST_SIMILARITY = 0.5
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# Words and numbers, Han characters each alone; of signs those that change what a number says. Layout (bullets, cell
# borders, quotes, where a line ends) differs between the formats of one text.
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+|(?<![^\W_])[-−]\d+|[<>≤≥=±%‰°€$£¥]")
_HEADINGS = " › "


@dataclass(frozen=True, slots=True)
class _Read:
    """A passage as it is compared: its words with a space at either end, and those that may explain them."""

    words: str
    count: int
    context: str
    heading: str
    everything: str


def collapse(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages without those that say nothing beside an earlier one, which lists them.

    Best first, in and out. What is left out was compared with one that stays, never with another that is left out:
    nothing is merged along a chain. Each is compared with all that stay, so this is for tens of passages.
    """
    kept: list[tuple[Passage, _Read, list[Duplicate]]] = []
    for passage in passages:
        source = passage.source
        read = _read(source)
        for _, better, duplicates in kept:
            if share := _share(read, better):
                duplicates.append(
                    Duplicate(source.chunk_id, source.document_id, source.title, source.score, round(share, 3))
                )
                break
        else:
            kept.append((passage, read, []))
    return [
        replace(passage, source=replace(passage.source, duplicates=tuple(duplicates)))
        for passage, _, duplicates in kept
    ]


def similarity(one: Source, other: Source) -> float:
    """Return the share of the other's words that a passage holds, 0 where it says anything beside them."""
    return _share(_read(one), _read(other))


def _share(one: _Read, other: _Read) -> float:
    share = one.count / other.count if other.count else float(not one.count)
    if not LEAST_SIMILARITY <= share <= 1 or one.words not in other.words:
        return 0.0
    # The same row below another table's header, or the same rule for another country, says something else.
    return share if one.context in other.everything and one.heading in other.everything else 0.0


def _read(source: Source) -> _Read:
    words = _words(source.text)
    return _Read(
        " ".join(["", *words, ""]),
        len(words),
        " ".join(["", *_words(source.context), ""]),
        " ".join(["", *_words(source.heading.rsplit(_HEADINGS, 1)[-1]), ""]),
        " ".join(["", *_words("\n".join((source.title, source.heading, source.context, source.text))), ""]),
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text).lower())
