"""Any number of passages out of real ones: first the real ones, then new arrangements of their fragments."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.passages.fragments import Piece

_SEED = 20261125
_MOST_FRAGMENTS = 12
_LONGEST_RUN = 3
# Neighbours of a passage in its set are mostly of the same article.
_NEIGHBOURS = 12


@dataclass(frozen=True, slots=True)
class Composed:
    """A passage: its language and the numbers of its fragments."""

    language: str
    members: tuple[int, ...]


def compose(pieces: Sequence[Piece], numbers: dict[str, int], count: int) -> Iterator[Composed]:
    """Yield count different passages; the first of a longer run are those of a shorter one.

    numbers: fragment → its number. An arrangement takes runs of up to three fragments from two or more neighbouring
    passages of one set, until it is as long as a real passage drawn at random: words, their skew and their company
    stay those of real text.
    """
    rng = random.Random(_SEED)
    members = [tuple(numbers[fragment] for fragment in piece.fragments) for piece in pieces]
    order = list(range(len(pieces)))
    rng.shuffle(order)
    bounds = _bounds(pieces)
    seen: set[int] = set()
    for place in order[:count]:
        seen.add(hash(members[place]))
        yield Composed(pieces[place].language, members[place])
    made = min(count, len(order))
    while made < count:
        anchor = rng.randrange(len(pieces))
        arranged = _arrange(rng, members, anchor, bounds[pieces[anchor].set_name])
        if hash(arranged) not in seen:
            seen.add(hash(arranged))
            made += 1
            yield Composed(pieces[anchor].language, arranged)


def _arrange(
    rng: random.Random, members: Sequence[tuple[int, ...]], anchor: int, bounds: tuple[int, int]
) -> tuple[int, ...]:
    wanted = max(2, min(len(members[rng.randrange(len(members))]), _MOST_FRAGMENTS))
    first, last = max(bounds[0], anchor - _NEIGHBOURS), min(bounds[1], anchor + _NEIGHBOURS)
    arranged: list[int] = []
    source = anchor
    while len(arranged) < wanted:
        start = rng.randrange(len(members[source]))
        arranged += members[source][start : start + rng.randint(1, min(_LONGEST_RUN, wanted - len(arranged)))]
        source = rng.randint(first, last)
    return tuple(arranged)


def _bounds(pieces: Sequence[Piece]) -> dict[str, tuple[int, int]]:
    """Return the first and the last place of each set, whose passages lie together."""
    bounds: dict[str, tuple[int, int]] = {}
    for place, piece in enumerate(pieces):
        bounds[piece.set_name] = (bounds.get(piece.set_name, (place, place))[0], place)
    return bounds
