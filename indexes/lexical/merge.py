"""Merges postings from file to file, a range of terms at a time: memory does not grow with the segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from indexes.arrays import join_arrays, save_array
from indexes.lexical.blocks import BLOCK_ROWS, block_count, counts_by_block, in_block, spans, starts_of
from indexes.lexical.postings import FILE_NAME, Frequencies, Postings, frequent_terms, mean_length, peaks_of

Renumbered = NDArray[np.int64]
"""Each row's new number, ascending, -1 for a row that is dropped."""


@dataclass(frozen=True, slots=True)
class _Range:
    """The merged postings of some terms in a row, sorted by term and row; counts: by terms and blocks."""

    terms: NDArray[np.uint64]
    counts: NDArray[np.int64]
    rows: NDArray[np.int64]
    frequencies: NDArray[np.int64]


def merge_postings(parts: Sequence[tuple[Postings, Renumbered]], row_count: int, folder: Path) -> None:
    """Write the postings of parts of other segments as those of one, as `Postings.open` reads them."""
    lengths = np.zeros(row_count, np.int32)
    for postings, renumbered in parts:
        kept = renumbered >= 0
        lengths[renumbered[kept]] = postings.lengths[kept]
    mean = mean_length(lengths)
    width = max((postings.frequencies.dtype for postings, _ in parts), key=lambda dtype: dtype.itemsize)
    terms, peaks = [np.empty(0, np.uint64)], [np.empty(0, np.float32)]
    counts = [np.empty((0, block_count(row_count)), np.int64)]
    with ExitStack() as stack:
        rows_file = stack.enter_context(_ArrayFile(folder / _piece("rows"), np.uint16))
        frequencies_file = stack.enter_context(_ArrayFile(folder / _piece("frequencies"), width))
        for each in _ranges(parts, row_count):
            terms.append(each.terms)
            counts.append(each.counts)
            frequencies = each.frequencies.astype(width)
            peaks.append(peaks_of(starts_of(each.counts.sum(axis=1)), each.rows, frequencies, lengths, mean))
            rows_file.append(in_block(each.rows))
            frequencies_file.append(frequencies)
    of_blocks = np.concatenate(counts)
    starts = starts_of(of_blocks)
    frequent = frequent_terms(starts_of(of_blocks.sum(axis=1)), row_count, width)
    with _ArrayFile(folder / _piece("by_row"), np.uint8, row_count) as by_row:
        rows = np.load(folder / _piece("rows"), "r")
        frequencies = np.load(folder / _piece("frequencies"), "r")
        for term in frequent.tolist():
            own = starts[term * of_blocks.shape[1] : (term + 1) * of_blocks.shape[1] + 1]
            by_row.append(_spread(rows, frequencies, own, row_count))
    arrays: dict[str, NDArray[Any]] = {
        "terms": np.concatenate(terms),
        "starts": starts,
        "lengths": lengths,
        "peaks": np.concatenate(peaks),
        "frequent": frequent,
    }
    for name, array in arrays.items():
        save_array(folder / _piece(name), array)
    join_arrays(folder / FILE_NAME, {field.name: folder / _piece(field.name) for field in fields(Postings)})


def _piece(array: str) -> str:
    return f"lexical.{array}.npy"


def _spread(
    rows: NDArray[np.uint16], frequencies: Frequencies, starts: NDArray[np.int64], row_count: int
) -> NDArray[np.uint8]:
    """Return a term's frequencies by row, uint8 [1, rows]; starts: of its postings in each block, and their end."""
    by_row = np.zeros((1, row_count), np.uint8)
    for block, (start, end) in enumerate(pairwise(starts.tolist())):
        by_row[0, block * BLOCK_ROWS :][rows[start:end]] = frequencies[start:end]
    return by_row


def _ranges(parts: Sequence[tuple[Postings, Renumbered]], row_count: int) -> Iterator[_Range]:
    """Yield the merged postings, a span of terms at a time."""
    every = np.unique(np.concatenate([postings.terms for postings, _ in parts]))
    counts = np.zeros(len(every), np.int64)
    for postings, _ in parts:
        counts[np.searchsorted(every, postings.terms)] += np.diff(postings.term_starts)
    for start, end in spans(starts_of(counts)):
        merged = _merged(every[start:end], parts, row_count)
        if len(merged.terms):
            yield merged


def _merged(terms: NDArray[np.uint64], parts: Sequence[tuple[Postings, Renumbered]], row_count: int) -> _Range:
    """Merge the postings of terms (ascending, without gaps in any part) of all parts."""
    of_term, of_row, frequencies = [], [], []
    for postings, renumbered in parts:
        first, last = np.searchsorted(postings.terms, (terms[0], terms[-1]), "left").tolist()
        last += int(last < len(postings.terms) and postings.terms[last] == terms[-1])
        starts = postings.term_starts[first : last + 1]
        rows = renumbered[postings.rows_of_terms(first, last)]
        kept = rows >= 0
        of_term.append(np.repeat(np.searchsorted(terms, postings.terms[first:last]), np.diff(starts))[kept])
        of_row.append(rows[kept])
        frequencies.append(postings.frequencies_of_terms(first, last)[kept].astype(np.int64))
    term, row = np.concatenate(of_term), np.concatenate(of_row)
    # Each part is in this order already, which a stable sort makes use of.
    order = np.argsort((term << 32) | row, kind="stable")
    counts = counts_by_block(term, row, len(terms), row_count)
    held = counts.any(axis=1)
    return _Range(terms[held], counts[held], row[order], np.concatenate(frequencies)[order])


class _ArrayFile:
    """An .npy file whose length is known at the end. Not mapped: a full disk is then an error, not a signal."""

    def __init__(self, path: Path, dtype: DTypeLike, columns: int | None = None) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._columns = columns
        self._count = 0
        self._file: BinaryIO

    def __enter__(self) -> _ArrayFile:
        self._file = self._path.open("wb")
        self._header_bytes = self._write_header()
        return self

    def append(self, array: NDArray[Any]) -> None:
        """Write more items, or more rows."""
        self._file.write(np.ascontiguousarray(array, self._dtype).data)
        self._count += len(array)

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.seek(0)
            if self._write_header() != self._header_bytes:
                raise AssertionError("numpy leaves room in a header for any length")

    def _write_header(self) -> int:
        shape = (self._count,) if self._columns is None else (self._count, self._columns)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()
