"""Looks terms and rows up in the postings of all segments, in compiled loops.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from indexes.lexical.addresses import array_at
from indexes.lexical.blocks import BLOCK_ROWS
from indexes.lexical.table import (
    BASE,
    FREQUENCIES,
    LENGTHS,
    PEAKS,
    POSTING_COUNT,
    ROW_COUNT,
    ROWS,
    STARTS,
    TERM_COUNT,
    TERMS,
    WIDTH,
)

_HASHES = 2.0**64
# Each guess is off by the root of how far the one before was.
_GUESSES = 2


@njit(cache=True, nogil=True)
def find(hashes, table, numbers, counts):
    """Fill in, for each segment and term, its number (-1: none), and how many rows hold it.

    table: as `table.table_of` makes it; the others: [segments, terms].
    """
    for segment in range(len(table)):
        terms = array_at(table[segment, TERMS], table[segment, TERM_COUNT], np.uint64)
        blocks = blocks_of(table[segment])
        starts = array_at(table[segment, STARTS], table[segment, TERM_COUNT] * blocks + 1, np.int64)
        for place in range(len(hashes)):
            low = _first_hash_not_below(terms, hashes[place])
            if low < len(terms) and terms[low] == hashes[place]:
                numbers[segment, place] = low
                counts[segment, place] = starts[(low + 1) * blocks] - starts[low * blocks]
            else:
                numbers[segment, place] = -1
                counts[segment, place] = 0


@njit(cache=True, nogil=True)
def find_with_peaks(hashes, table, numbers, counts, peaks):
    """Fill in the terms' peaks too, 0 where there is none."""
    find(hashes, table, numbers, counts)
    for segment in range(len(table)):
        highest = array_at(table[segment, PEAKS], table[segment, TERM_COUNT], np.float32)
        for place in range(len(hashes)):
            number = numbers[segment, place]
            peaks[segment, place] = highest[number] if number >= 0 else 0.0


@njit(cache=True, nogil=True)
def put_weightiest_first(df, weights, importance, numbers, peaks):
    """Put the terms in the order of their weights; terms of equal weights keep theirs.

    df, weights, importance: [terms]; numbers and peaks: [segments, terms]. Returns the sums of the weights, of the
    importance, and of the importance of terms that some row holds.
    """
    known = 0.0
    for term in range(len(df)):
        known += importance[term] if df[term] else 0.0
    sums = weights.sum(), importance.sum(), known
    order = np.argsort(-weights, kind="mergesort")
    weights[:], importance[:] = weights[order], importance[order]
    for segment in range(len(numbers)):
        numbers[segment], peaks[segment] = numbers[segment][order], peaks[segment][order]
    return sums


@njit(cache=True, nogil=True)
def score_rows(table, numbers, weights, importance, norms, wanted, scores, covered):
    """Add to each wanted row's score and to the importance that it covers; wanted: ascending, over all segments."""
    start = 0
    for segment in range(len(table)):
        base, row_count = table[segment, BASE], table[segment, ROW_COUNT]
        end = start
        while end < len(wanted) and wanted[end] < base + row_count:
            end += 1
        if start < end:
            span = slice(start, end)
            _score_rows(
                table[segment],
                numbers[segment],
                weights,
                importance,
                norms,
                wanted[span],
                scores[span],
                covered[span],
            )
        start = end


@njit(cache=True, nogil=True)
def _score_rows(segment, numbers, weights, importance, norms, wanted, scores, covered):
    """Do it in one segment, one term after the other, so that equal passages tie."""
    blocks = blocks_of(segment)
    starts = array_at(segment[STARTS], segment[TERM_COUNT] * blocks + 1, np.int64)
    rows = array_at(segment[ROWS], segment[POSTING_COUNT], np.uint16)
    lengths = array_at(segment[LENGTHS], segment[ROW_COUNT], np.int32)
    narrow = array_at(segment[FREQUENCIES], segment[POSTING_COUNT], np.uint8)
    wide = array_at(segment[FREQUENCIES], segment[POSTING_COUNT], np.uint32)
    for term in range(len(numbers)):
        if numbers[term] < 0:
            continue
        block, low, end = -1, np.int64(0), np.int64(0)
        for place in range(len(wanted)):
            row = wanted[place] - segment[BASE]
            if row // BLOCK_ROWS != block:
                block = row // BLOCK_ROWS
                low, end = starts[numbers[term] * blocks + block], starts[numbers[term] * blocks + block + 1]
            low = first_not_below(rows, low, end, row % BLOCK_ROWS)
            if low < end and rows[low] == row % BLOCK_ROWS:
                frequency = np.float64(wide[low] if segment[WIDTH] > 1 else narrow[low])
                scores[place] += weights[term] * (frequency / (frequency + norms[lengths[row]]))
                covered[place] += importance[term]


@njit(cache=True, nogil=True)
def blocks_of(segment):
    """Return how many blocks a segment's rows are in, by its row of the table: as `blocks.block_count` does."""
    return max(1, -(-segment[ROW_COUNT] // BLOCK_ROWS))


@njit(cache=True, nogil=True)
def first_not_below(rows, low, high, wanted):
    """Gallop, then halve: rows looked up in ascending order lie near each other."""
    step = 1
    while low + step < high and rows[low + step] < wanted:
        low += step
        step <<= 1
    return _halved_down(rows, low, min(high, low + step + 1), wanted)


@njit(cache=True, nogil=True)
def _first_hash_not_below(hashes, wanted):
    """Return the first place of ascending hashes that holds no less than what is wanted; their end where none does.

    Hashes are spread evenly, so that their values tell where to look (interpolation search: Perl, Itai and Avni,
    CACM 1978): halving all of them would read a dozen places that are in no cache.
    """
    density = len(hashes) / _HASHES
    low = 0
    for _ in range(_GUESSES if len(hashes) else 0):
        low += int((np.float64(wanted) - np.float64(hashes[low])) * density)
        low = min(max(low, 0), len(hashes) - 1)
    step = 1
    while low > 0 and hashes[low] >= wanted:
        low = max(low - step, 0)
        step <<= 1
    return first_not_below(hashes, low, len(hashes), wanted)


@njit(cache=True, nogil=True)
def _halved_down(ascending, low, high, wanted):
    """Return the first place of [low, high) that holds no less than what is wanted; high where none does."""
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
