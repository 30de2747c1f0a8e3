"""Filters and groups as membership: every attribute that can be asked for is a number in a row's list.

Milvus has no condition "one of the values lies between". A number is therefore listed with all that it begins with,
in steps of four bits, and a range is the shortest list of beginnings that cover it: exact, for lists of values
too, and a negation is simply that. Source: Schindler and Diepenbroek, "Generic XML-based framework for metadata
portals", Computers & Geosciences 34 (2008), the numeric ranges of Lucene until version 6.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

from core.filters import AllOf, AnyOf, Exists, Filter, Not, OneOf, Within
from core.types import Attributes
from indexes.columns.hashing import (
    group_hash,
    grouped_hash,
    hashes_of,
    numbers_of,
    presence_hash,
    range_hash,
    value_hash,
)

FIELD = "facets"
# What Milvus allows an array to hold.
MOST = 4096
_STEP, _BITS = 4, 64
_ALL, _NONE = "chunk_id >= 0", "chunk_id < 0"


def facets_of(attributes: Attributes) -> list[int]:
    """Return the facets of a revision, at most MOST.

    Of a metadata that has more some are left out, never those of the groups: filters on what was left out then miss
    the document, and nobody is shown it who may not read it.
    """
    first = set(map(_facet, hashes_of(replace(attributes, metadata={}))))
    rest = set(map(_facet, hashes_of(attributes)))
    for key, number in numbers_of(attributes):
        place = _sortable(number)
        rest.update(_beginning(key, place, shift) for shift in range(0, _BITS, _STEP))
    return [*sorted(first), *sorted(rest - first)][:MOST]


def expression(wanted: Filter | None, groups: Collection[str] | None) -> str:
    """Return what a filter, and the groups of whoever asks (None: one who reads all), leave; empty for all rows."""
    limits = [] if wanted is None else [_meets(wanted)]
    if groups is not None:
        limits.append(f"(not {_having([grouped_hash()])} or {_having(map(group_hash, groups))})")
    return " and ".join(limits)


def _meets(wanted: Filter) -> str:
    match wanted:
        case OneOf(field, values):
            return _having(value_hash(field, value) for value in values)
        case Exists(field):
            return _having([presence_hash(field)])
        case Within():
            return _within(range_hash(wanted.field, wanted.kind), wanted)
        case AllOf(parts):
            return f"({' and '.join(map(_meets, parts))})" if parts else _ALL
        case AnyOf(parts):
            return f"({' or '.join(map(_meets, parts))})" if parts else _NONE
        case Not(part):
            return f"(not ({_meets(part)}))"


def _having(hashes: Iterable[int]) -> str:
    return _any_of([_facet(each) for each in hashes])


def _any_of(facets: list[int]) -> str:
    return f"array_contains_any({FIELD}, {sorted(facets)})" if facets else f"({_NONE})"


def _within(key: int, bounds: Within) -> str:
    low, high = _sortable(-math.inf), _sortable(math.inf)
    if bounds.gt is not None:
        low = max(low, _sortable(bounds.gt) + 1)
    if bounds.gte is not None:
        low = max(low, _sortable(bounds.gte))
    if bounds.lt is not None:
        high = min(high, _sortable(bounds.lt) - 1)
    if bounds.lte is not None:
        high = min(high, _sortable(bounds.lte))
    return _any_of([_beginning(key, place, shift) for place, shift in _cover(low, high)])


def _cover(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the fewest aligned blocks that make up low to high, as a number in each and its length in bits."""
    while low <= high:
        shift = 0
        while shift + _STEP < _BITS:
            size = 1 << (shift + _STEP)
            if low % size or low + size - 1 > high:
                break
            shift += _STEP
        yield low, shift
        low += 1 << shift


def _sortable(number: float) -> int:
    """Return 64 bits that sort as numbers do: IEEE 754, with the negative ones turned round; 0 and -0 are one."""
    bits = int(struct.unpack("<Q", struct.pack("<d", number + 0.0))[0])
    return bits ^ (2**64 - 1) if bits >> 63 else bits | 1 << 63


def _beginning(key: int, place: int, shift: int) -> int:
    data = struct.pack("<QQB", key, place >> shift, shift)
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little") >> 1


def _facet(hashed: int) -> int:
    return hashed >> 1  # Milvus' integers are signed, and its expressions know no negative ones in a list
