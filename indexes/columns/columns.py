"""The filter columns of one segment. Immutable, mapped from a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.filters import AllOf, AnyOf, Exists, Filter, Not, OneOf, Within
from core.types import Attributes
from indexes.arrays import map_arrays, save_arrays
from indexes.columns.facets import Facets, Renumbered
from indexes.columns.hashing import (
    group_hash,
    grouped_hash,
    hashes_of,
    numbers_of,
    presence_hash,
    range_hash,
    value_hash,
)
from indexes.columns.ranges import Ranges
from indexes.columns.selection import Selection, all_of

_FILE = "columns.arrays"
_FACETS = ("hashes", "starts", "rows", "common", "bits")
_RANGES = ("hashes", "starts", "values", "rows")


@dataclass(frozen=True, slots=True)
class Columns:
    """The attributes of a segment's rows, by value and by range."""

    row_count: int
    facets: Facets
    ranges: Ranges

    @classmethod
    def of_rows(cls, rows: Sequence[Attributes]) -> Columns:
        """Build the columns of rows 0, 1, … from the attributes of their revisions."""
        # Neighbouring rows are chunks of one revision, and share its object.
        hashes: list[int] = []
        numbers: list[tuple[int, float]] = []
        hash_counts, number_counts = [], []
        before: Attributes | None = None
        own_hashes: set[int] = set()
        own_numbers: list[tuple[int, float]] = []
        for attributes in rows:
            if attributes is not before:
                own_hashes, own_numbers, before = hashes_of(attributes), list(numbers_of(attributes)), attributes
            hashes += own_hashes
            numbers += own_numbers
            hash_counts.append(len(own_hashes))
            number_counts.append(len(own_numbers))
        every = np.arange(len(rows))
        return cls(
            len(rows),
            Facets.of_pairs(np.array(hashes, np.uint64), np.repeat(every, hash_counts), len(rows)),
            Ranges.of_triples(
                np.array([key for key, _ in numbers], np.uint64),
                np.array([number for _, number in numbers], np.float64),
                np.repeat(every, number_counts),
            ),
        )

    @classmethod
    def merged(cls, parts: Sequence[tuple[Columns, Renumbered]], row_count: int) -> Columns:
        """Build the columns of parts of other segments; each with its rows' new numbers, -1 to drop a row."""
        return cls(
            row_count,
            Facets.merged([(columns.facets, renumbered) for columns, renumbered in parts], row_count),
            Ranges.merged([(columns.ranges, renumbered) for columns, renumbered in parts]),
        )

    @classmethod
    def open(cls, folder: Path) -> Columns:
        """Map the file that `save` wrote; raises FileNotFoundError, ValueError where it is none of ours."""
        arrays = map_arrays(folder / _FILE)
        try:
            row_count = int(arrays["row_count"][0])
            facets = Facets(row_count, **{name: arrays[f"facets.{name}"] for name in _FACETS})
            ranges = Ranges(**{name: arrays[f"ranges.{name}"] for name in _RANGES})
        except KeyError as missing:
            raise ValueError(f"{_FILE} lacks {missing}") from missing
        return cls(row_count, facets, ranges)

    def save(self, folder: Path) -> None:
        """Write all arrays into one file: a segment of a few rows should not cost a dozen."""
        arrays = {"row_count": np.array([self.row_count])}
        arrays |= {f"facets.{name}": getattr(self.facets, name) for name in _FACETS}
        arrays |= {f"ranges.{name}": getattr(self.ranges, name) for name in _RANGES}
        save_arrays(folder / _FILE, arrays)

    def select(self, wanted: Filter) -> Selection:
        """Return the rows for which a filter holds, in time proportional to the rows that its parts list."""
        match wanted:
            case OneOf(field, values):
                return self._having([value_hash(field, value) for value in values])
            case Exists(field):
                return self._having([presence_hash(field)])
            case Within():
                return self.ranges.select(range_hash(wanted.field, wanted.kind), wanted, self.row_count)
            case AllOf(parts):
                return all_of([self.select(part) for part in parts], self.row_count)
            case AnyOf(parts):
                return ~all_of([~self.select(part) for part in parts], self.row_count)
            case Not(part):
                return ~self.select(part)

    def readable(self, groups: Collection[str]) -> Selection:
        """Return the rows without groups, and those that one of these may read."""
        own = self._having([group_hash(group) for group in groups])
        return ~(self._having([grouped_hash()]) & ~own)

    def _having(self, hashes: Sequence[int]) -> Selection:
        return self.facets.select(hashes)
