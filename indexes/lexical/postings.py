"""The lexical part of one segment: which rows hold which term how often. Immutable, mapped from files.

A term is stored as 64 bits of its BLAKE2b hash, sorted: a lookup is a binary search over a mapped array, and
no word of a document lies in the index's files. Two of a million terms collide with probability 3e-8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexes.arrays import map_arrays, save_arrays
from indexes.lexical.blocks import BLOCK_ROWS, block_count, counts_by_block, in_block, starts_of
from indexes.lexical.bm25 import saturation

Bag = Mapping[int, int]
"""Term hash → how often the term occurs."""

FILE_NAME = "lexical.arrays"
Frequencies = NDArray[np.unsignedinteger]

# A term in more than this share of a segment's rows keeps its frequencies by row too, where they can be looked up
# without a search. Smaller segments are searched as fast without.
FREQUENT_SHARE = 1 / 4
FREQUENT_LEAST_ROWS = 4096


@lru_cache(1 << 17)
def term_hash(term: str) -> int:
    """Return the 64 bits by which the index knows a term."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Postings:
    """Rows and frequencies by term, and those of a term by blocks of rows; N rows are in B blocks.

    Term i's postings in block b are [starts[i B + b], starts[i B + b + 1]), rows ascending. terms: uint64 [T],
    sorted; starts: int64 [T B + 1]; rows: uint16 [P], without what a block begins with; frequencies: uint8 [P], or
    uint32 where one does not fit; lengths: int32 [N], the sum of a row's frequencies. peaks: float32 [T], no less
    than the saturation (`bm25.saturation`) of any posting of the term at the segment's mean length. frequent: int64
    [F], ascending, the terms whose frequencies stand by row in by_row: uint8 [F, N].
    """

    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: NDArray[np.uint16]
    frequencies: Frequencies
    lengths: NDArray[np.int32]
    peaks: NDArray[np.float32]
    frequent: NDArray[np.int64]
    by_row: NDArray[np.uint8]

    @classmethod
    def of_bags(cls, bags: Sequence[Bag]) -> Postings:
        """Build the postings of rows 0, 1, … from their bags of terms."""
        sizes = np.fromiter(map(len, bags), np.int64, len(bags))
        total = int(sizes.sum())
        every = np.fromiter((term for bag in bags for term in bag), np.uint64, total)
        counts = np.fromiter((count for bag in bags for count in bag.values()), np.int64, total)
        of_row = np.repeat(np.arange(len(bags)), sizes)
        order = np.argsort(every, kind="stable")
        terms, of_term = np.unique(every[order], return_inverse=True)
        rows = of_row[order]
        frequencies = counts[order].astype(_width(int(counts.max(initial=0))))
        lengths = np.bincount(of_row, counts, len(bags)).astype(np.int32)
        of_blocks = counts_by_block(of_term, rows, len(terms), len(bags))
        term_starts = starts_of(of_blocks.sum(axis=1))
        frequent = frequent_terms(term_starts, len(bags), frequencies.dtype)
        by_row = np.zeros((len(frequent), len(bags)), np.uint8)
        for place, term in enumerate(frequent.tolist()):
            span = slice(term_starts[term], term_starts[term + 1])
            by_row[place, rows[span]] = frequencies[span]
        peaks = peaks_of(term_starts, rows, frequencies, lengths, mean_length(lengths))
        return cls(terms, starts_of(of_blocks), in_block(rows), frequencies, lengths, peaks, frequent, by_row)

    @classmethod
    def open(cls, folder: Path, *, scattered: bool = False) -> Postings:
        """Map the file that `save` or a merge wrote; raises FileNotFoundError, ValueError.

        scattered: as `arrays.map_file` takes it.
        """
        opened = cls(**map_arrays(folder / FILE_NAME, scattered=scattered))
        sizes = (len(opened.starts), len(opened.peaks), len(opened.frequencies), int(opened.starts[-1]))
        terms, rows = len(opened.terms), len(opened.rows)
        if sizes != (terms * opened.block_count + 1, terms, rows, rows):
            raise ValueError("arrays of postings that do not fit each other")
        return opened

    def save(self, folder: Path) -> None:
        """Write all arrays into one file."""
        save_arrays(folder / FILE_NAME, {array.name: getattr(self, array.name) for array in fields(self)})

    @property
    def row_count(self) -> int:
        """Rows, with or without terms."""
        return len(self.lengths)

    @property
    def block_count(self) -> int:
        """Blocks of rows, one at least."""
        return block_count(len(self.lengths))

    @property
    def term_starts(self) -> NDArray[np.int64]:
        """Where each term's postings begin, int64 [T + 1]."""
        return self.starts[:: self.block_count]

    def block(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where each term's postings in a block begin, and where they end, int64 [T] each."""
        return self.starts[:-1][number :: self.block_count], self.starts[1:][number :: self.block_count]

    def bags(self) -> list[list[int]]:
        """Return each row's terms, repeated as often as they occur."""
        terms = np.repeat(self.terms, np.diff(self.term_starts))
        order = np.argsort(self.rows_of_terms(0, len(self.terms)), kind="stable")
        repeated = np.repeat(terms[order], self.frequencies[order]).tolist()
        ends = np.cumsum(self.lengths, dtype=np.int64).tolist()
        return [repeated[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def places(self, terms: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return each term's number, -1 for a term that does not occur."""
        return places_of(self.terms, terms)

    def counts(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rows hold each of the terms of these numbers, 0 for -1."""
        starts = self.term_starts
        return np.where(places >= 0, starts[places + 1] - starts[places], 0)

    def rows_of_terms(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the rows of the postings of the terms of numbers [first, last), term by term."""
        blocks = self.block_count
        starts = self.starts[first * blocks : last * blocks + 1]
        rows = self.rows[starts[0] : starts[-1]].astype(np.int64)
        if blocks > 1:
            rows += np.repeat(np.tile(np.arange(blocks) * BLOCK_ROWS, last - first), np.diff(starts))
        return rows

    def rows_of(self, term: int) -> NDArray[np.int64]:
        """Return the rows that hold the term of this number, ascending."""
        return self.rows_of_terms(term, term + 1)

    def frequencies_of_terms(self, first: int, last: int) -> Frequencies:
        """Return how often each of `rows_of_terms` holds its term."""
        starts = self.term_starts
        return self.frequencies[starts[first] : starts[last]]

    def frequencies_of(self, term: int) -> Frequencies:
        """Return how often each of `rows_of` holds the term."""
        return self.frequencies_of_terms(term, term + 1)

    def frequencies_in(self, term: int, rows: NDArray[np.int64]) -> Frequencies:
        """Return how often each of rows (ascending) holds the term of this number, 0 where it does not."""
        place = int(np.searchsorted(self.frequent, term))
        if place < len(self.frequent) and self.frequent[place] == term:
            dense: Frequencies = self.by_row[place][rows]
            return dense
        found = np.zeros(len(rows), self.frequencies.dtype)
        blocks = self.block_count
        starts = self.starts[term * blocks : (term + 1) * blocks + 1].tolist()
        borders = np.searchsorted(rows, np.arange(blocks + 1) * BLOCK_ROWS).tolist()
        for block, ((start, end), (low, high)) in enumerate(zip(pairwise(starts), pairwise(borders), strict=True)):
            if start < end and low < high:
                within = rows[low:high] - block * BLOCK_ROWS
                found[low:high] = values_at(self.rows[start:end], self.frequencies[start:end], within)
        return found


def _width(highest: int) -> type[np.unsignedinteger]:
    """Return the type of frequencies up to this one. There are two, for which the compiled loops are made."""
    return np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint32


def places_of(hashes: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the place of each wanted hash among ascending ones, -1 where it is not there."""
    if not len(hashes):
        return np.full(len(wanted), -1, np.int64)
    places = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
    return np.where(hashes[places] == wanted, places, -1)


def values_at(holding: NDArray[np.integer], values: Frequencies, rows: NDArray[np.int64]) -> Frequencies:
    """Return the value of each of rows among the holding ones (both ascending), 0 where it is not there."""
    places = np.searchsorted(holding, rows.astype(holding.dtype, copy=False))
    places[places == len(holding)] = 0
    found: Frequencies = np.where(holding[places] == rows, values[places], 0)
    return found


def frequent_terms(
    term_starts: NDArray[np.int64], row_count: int, width: np.dtype[np.unsignedinteger]
) -> NDArray[np.int64]:
    """Return the numbers of the terms whose frequencies are to be kept by row."""
    if row_count < FREQUENT_LEAST_ROWS or width.itemsize > 1:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.diff(term_starts) > row_count * FREQUENT_SHARE)


def mean_length(lengths: NDArray[np.int32]) -> float:
    """Return the mean of a segment's lengths, 1 where it holds no term."""
    return float(lengths.mean()) if lengths.any() else 1.0


def peaks_of(
    term_starts: NDArray[np.int64],
    rows: NDArray[np.int64],
    frequencies: Frequencies,
    lengths: NDArray[np.int32],
    mean: float,
) -> NDArray[np.float32]:
    """Return the highest saturation of each term at this mean length, rounded up."""
    if not len(rows):
        return np.empty(0, np.float32)
    highest = np.maximum.reduceat(saturation(frequencies, lengths[rows], mean), term_starts[:-1])
    return np.nextafter(highest.astype(np.float32), np.float32(np.inf))
