"""The lexical part of one segment: which rows hold which term how often. Immutable, mapped from files.

A term is stored as 64 bits of its BLAKE2b hash, sorted: a lookup is a binary search over a mapped array, and
no word of a document lies in the index's files. Two of a million terms collide with probability 3e-8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bag = Mapping[int, int]
"""Term hash → how often the term occurs."""


@lru_cache(1 << 17)
def term_hash(term: str) -> int:
    """Return the 64 bits by which the index knows a term."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Postings:
    """Rows and frequencies by term: term i's postings are [starts[i], starts[i + 1]), rows ascending.

    terms: uint64 [T], sorted; starts: int64 [T + 1]; rows: int32 [P]; frequencies: unsigned [P], as narrow as
    they fit; lengths: int32 [N], the sum of a row's frequencies.
    """

    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    frequencies: NDArray[np.unsignedinteger]
    lengths: NDArray[np.int32]

    @classmethod
    def of_bags(cls, bags: Sequence[Bag]) -> Postings:
        """Build the postings of rows 0, 1, … from their bags of terms."""
        sizes = np.fromiter(map(len, bags), np.int64, len(bags))
        total = int(sizes.sum())
        terms = np.fromiter((term for bag in bags for term in bag), np.uint64, total)
        frequencies = np.fromiter((count for bag in bags for count in bag.values()), np.int64, total)
        return cls._of_triples(terms, np.repeat(np.arange(len(bags)), sizes), frequencies, len(bags))

    @classmethod
    def merged(cls, parts: Sequence[tuple[Postings, NDArray[np.int64]]], row_count: int) -> Postings:
        """Build the postings of parts of other segments; each with its rows' new numbers, -1 to drop a row."""
        terms, rows, frequencies = [], [], []
        for postings, renumbered in parts:
            new_rows = renumbered[postings.rows]
            kept = new_rows >= 0
            terms.append(np.repeat(postings.terms, np.diff(postings.starts))[kept])
            rows.append(new_rows[kept])
            frequencies.append(postings.frequencies[kept].astype(np.int64))
        return cls._of_triples(np.concatenate(terms), np.concatenate(rows), np.concatenate(frequencies), row_count)

    @classmethod
    def _of_triples(
        cls,
        terms: NDArray[np.uint64],
        rows: NDArray[np.int64],
        frequencies: NDArray[np.int64],
        row_count: int,
    ) -> Postings:
        order = np.lexsort((rows, terms))
        distinct, starts = np.unique(terms[order], return_index=True)
        widest = np.min_scalar_type(int(frequencies.max(initial=0)))
        return cls(
            terms=distinct,
            starts=np.append(starts, len(terms)).astype(np.int64),
            rows=rows[order].astype(np.int32),
            frequencies=frequencies[order].astype(widest),
            lengths=np.bincount(rows, frequencies, row_count).astype(np.int32),
        )

    @classmethod
    def open(cls, folder: Path) -> Postings:
        """Map the files that `save` wrote; raises FileNotFoundError where one is missing."""
        # A plain view: slicing a numpy.memmap costs microseconds each time.
        return cls(**{f.name: np.load(folder / _file(f.name), "r").view(np.ndarray) for f in fields(cls)})

    def save(self, folder: Path) -> None:
        """Write one .npy file for each array."""
        for array in fields(self):
            np.save(folder / _file(array.name), getattr(self, array.name), allow_pickle=False)

    @property
    def row_count(self) -> int:
        """Rows, with or without terms."""
        return len(self.lengths)

    def bags(self) -> list[list[int]]:
        """Return each row's terms, repeated as often as they occur."""
        terms = np.repeat(self.terms, np.diff(self.starts))
        order = np.argsort(self.rows, kind="stable")
        repeated = np.repeat(terms[order], self.frequencies[order]).tolist()
        ends = np.cumsum(self.lengths, dtype=np.int64).tolist()
        return [repeated[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def slices(self, terms: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where each term's postings start and end; both alike for a term that does not occur."""
        if not len(self.terms):
            return np.zeros(len(terms), np.int64), np.zeros(len(terms), np.int64)
        places = np.minimum(np.searchsorted(self.terms, terms), len(self.terms) - 1)
        known = self.terms[places] == terms
        starts = self.starts[places]
        return starts, np.where(known, self.starts[places + 1], starts)


def _file(array: str) -> str:
    return f"lexical.{array}.npy"
