"""The loops of a BM25 search, compiled by numba: one call for all segments, without the interpreter or its lock.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from indexes.lexical.addresses import array_at
from indexes.lexical.blocks import BLOCK_ROWS
from indexes.lexical.heap import push, put_in_order
from indexes.lexical.lookups import blocks_of, first_not_below
from indexes.lexical.table import (
    BASE,
    BY_ROW,
    FREQUENCIES,
    FREQUENT,
    FREQUENT_COUNT,
    LENGTHS,
    POSTING_COUNT,
    ROW_COUNT,
    ROWS,
    STARTS,
    TERM_COUNT,
    WIDTH,
)

# Rows scored at a time: their scores take 64 kB. The first ones go by in smaller windows: until they tell which
# lists need not be read, all are.
WINDOW = 8192
_FIRST_WINDOW = 256
# A list is not read where this many times its length is more than what the lists before it hold: of the rows met in
# those, few can still get among the best.
_ROWS_A_POSTING = 5
# Looking a row up in a list takes as long as passing over so many of its postings.
_POSTINGS_A_LOOKUP = 10
# Below 0 with the first row of any block added.
_NOT_AT_HAND = np.iinfo(np.int64).min
# Sums of more than a few terms differ by less than this from what their bounds say, relatively.
ROUNDING = 1e-12


@njit(cache=True, nogil=True)
def search(table, order, longer, numbers, peaks, weights, norms, allowed, scores, met, best_scores, best_rows):
    """Put the best rows of all segments into best_scores and best_rows, best first; returns how many there are.

    order: in which segments are searched; longer: by what each one's peaks are to be raised. numbers and peaks: of
    the terms, [segments, terms]; weights: of the terms, descending. allowed: bool by row, or empty where all are.
    scores: float64 [WINDOW], all zero, and left so; met: int32 [WINDOW + 1]. Of equal scores the earlier row is
    better.
    """
    size = 0
    rest = np.zeros(len(weights) + 1)
    for place in range(len(order)):
        segment = table[order[place]]
        for term in range(len(weights) - 1, -1, -1):
            bound = min(peaks[order[place], term] * longer[order[place]], 1.0)
            rest[term] = rest[term + 1] + weights[term] * bound
        base, row_count = segment[BASE], segment[ROW_COUNT]
        limits = allowed[base : base + row_count] if len(allowed) else allowed
        own = numbers[order[place]]
        found = (segment, own, norms, weights, rest, limits, scores, met, best_scores, best_rows, size)
        # Compiled for either width: a choice for each posting would cost more than the sum.
        size = _search_segment(np.uint32, *found) if segment[WIDTH] > 1 else _search_segment(np.uint8, *found)
    put_in_order(best_scores, best_rows, size)
    return size


@njit(cache=True, nogil=True)
def _search_segment(
    width, segment, numbers, norms, weights, rest, allowed, scores, met, best_scores, best_rows, size
):
    """Put the rows of a segment that are among the best into a heap, and return how many the heap holds then.

    width: the type of its frequencies; segment: its row of the table; rest: what the terms from each on can add at
    most, and a zero; allowed: of its own rows. The heap holds at most len(best_scores).
    """
    blocks = blocks_of(segment)
    starts = array_at(segment[STARTS], segment[TERM_COUNT] * blocks + 1, np.int64)
    rows = array_at(segment[ROWS], segment[POSTING_COUNT], np.uint16)
    frequencies = array_at(segment[FREQUENCIES], segment[POSTING_COUNT], width)
    lengths = array_at(segment[LENGTHS], segment[ROW_COUNT], np.int32)
    frequent = array_at(segment[FREQUENT], segment[FREQUENT_COUNT], np.int64)
    by_row = array_at(segment[BY_ROW], segment[FREQUENT_COUNT] * segment[ROW_COUNT], np.uint8)
    terms = len(numbers)
    places, ends, at_hand = np.zeros(terms, np.int64), np.zeros(terms, np.int64), np.full(terms, _NOT_AT_HAND)
    for term in range(terms):
        place = np.searchsorted(frequent, numbers[term])
        if place < len(frequent) and frequent[place] == numbers[term]:
            at_hand[term] = place * len(lengths)
    for block in range(blocks):
        first = block * BLOCK_ROWS
        last = min(first + BLOCK_ROWS, len(lengths))
        for term in range(terms):
            if numbers[term] >= 0:
                places[term] = starts[numbers[term] * blocks + block]
                ends[term] = starts[numbers[term] * blocks + block + 1]
        size = _search_block(
            places,
            ends,
            at_hand + first,
            rows,
            frequencies,
            lengths[first:last],
            by_row,
            norms,
            weights,
            rest,
            allowed[first:last] if len(allowed) else allowed,
            scores,
            met,
            segment[BASE] + first,
            best_scores,
            best_rows,
            size,
        )
    return size


@njit(cache=True, nogil=True)
def _search_block(
    places,
    ends,
    at_hand,
    rows,
    frequencies,
    lengths,
    by_row,
    norms,
    weights,
    rest,
    allowed,
    scores,
    met,
    base,
    best_scores,
    best_rows,
    size,
):
    """Do it for one block of rows, which are numbered from 0 on here; base: the first one's number.

    places and ends: of the terms' postings in the block; at_hand: where the block's part of by_row begins for each
    term, below 0 where there is none.

    Rows go by in windows whose scores stay in the cache. Only the lists of the weightiest terms are read, those
    without which no row gets into the heap; rows that they lead to are looked up in the lists of the others.
    """
    k, terms = len(best_scores), len(places)
    needed = terms
    threshold = best_scores[0] * (1 - ROUNDING) if size == k else 0.0
    first, window = 0, WINDOW if size == k else _FIRST_WINDOW
    while first < len(lengths):
        end = first + window
        if rest[0] < threshold:
            break
        needed = _lists_to_read(needed, rest, threshold, places, ends)
        count = 0
        for term in range(needed):
            places[term], count = _add_list(
                places[term],
                ends[term],
                rows,
                frequencies,
                lengths,
                norms,
                weights[term],
                allowed,
                first,
                end,
                scores,
                met,
                count,
            )
        for term in range(needed, terms):
            count = keep_hopeful(met, count, scores, first, threshold - rest[term])
            if count and at_hand[term] >= 0:
                held = by_row[at_hand[term] : at_hand[term] + len(lengths)]
                _add_at_hand(held, lengths, norms, weights[term], first, scores, met[:count])
            elif count and places[term] < ends[term]:
                places[term] = _add_looked_up(
                    places[term],
                    ends[term],
                    rows,
                    frequencies,
                    lengths,
                    norms,
                    weights[term],
                    first,
                    end,
                    scores,
                    met[:count],
                )
        count = keep_hopeful(met, count, scores, first, threshold)
        for i in range(count):
            row = met[i]
            size = push(best_scores, best_rows, size, scores[row - first], row + base)
            scores[row - first] = 0.0
        if size == k:
            threshold = best_scores[0] * (1 - ROUNDING)
        first, window = end, min(2 * window, WINDOW)
    return size


@njit(cache=True, nogil=True)
def _add_list(place, last, rows, frequencies, lengths, norms, weight, allowed, first, end, scores, met, count):
    """Add a list's postings in the window [first, end).

    Returns the place of the next one, and the number of rows met by now.
    """
    limited = len(allowed) > 0
    # Unsigned: a signed index is checked for counting from the end.
    place, last = np.uintp(place), np.uintp(last)
    while place < last and rows[place] < end:
        row = rows[place]
        frequency = np.float64(frequencies[place])
        place += np.uintp(1)
        if limited and not allowed[row]:
            continue
        at = np.uintp(row - first)
        before = scores[at]
        scores[at] = before + weight * (frequency / (frequency + norms[np.uintp(lengths[np.uintp(row)])]))
        met[np.uintp(count)] = row
        count += before == 0.0  # without a branch, which would be guessed wrong half of the time
    return np.int64(place), count


@njit(cache=True, nogil=True)
def _add_at_hand(by_row, lengths, norms, weight, first, scores, met):
    """Add a term to the scores of the rows met, from its frequencies by row."""
    for row in met:
        frequency = np.float64(by_row[row])
        scores[row - first] += weight * (frequency / (frequency + norms[lengths[row]]))


@njit(cache=True, nogil=True)
def _add_looked_up(place, last, rows, frequencies, lengths, norms, weight, first, end, scores, met):
    """Add a term, from its list, to the scores of the rows met; those of all other rows are zero.

    Returns the place after the window [first, end).
    """
    low = first_not_below(rows, place, last, first)
    high = first_not_below(rows, low, last, end)
    if _POSTINGS_A_LOOKUP * len(met) > high - low:
        for each in range(low, high):
            if scores[np.uintp(rows[each] - first)] > 0.0:
                _add(each, rows, frequencies, lengths, norms, weight, first, scores)
        return high
    found, before = low, -1
    for row in met:  # ascending but where the rows of another list begin
        found = first_not_below(rows, found if row > before else low, high, row)
        before = row
        if found < high and rows[found] == row:
            _add(found, rows, frequencies, lengths, norms, weight, first, scores)
    return high


@njit(cache=True, nogil=True)
def _add(place, rows, frequencies, lengths, norms, weight, first, scores):
    """Add one posting."""
    row, frequency = rows[place], np.float64(frequencies[place])
    scores[np.uintp(row - first)] += weight * (frequency / (frequency + norms[np.uintp(lengths[np.uintp(row)])]))


@njit(cache=True, nogil=True)
def _lists_to_read(count, rest, threshold, places, ends):
    """Return how many of the first count lists are to be read: without the last ones, which are looked up instead.

    rest: what the lists from each on can add at most; no row gets in by those alone for which it is below the
    threshold. Looking up the rows of the lists before it must cost less than reading a list: either it has come to
    its end, or they hold no more than _ROWS_A_POSTING times its postings.
    """
    if not count or rest[count - 1] >= threshold:
        return count
    before = 0
    for each in range(count):
        before += ends[each] - places[each]
    while count and rest[count - 1] < threshold:
        own = ends[count - 1] - places[count - 1]
        before -= own
        if own and _ROWS_A_POSTING * own <= before:
            break
        count -= 1
    return count


@njit(cache=True, nogil=True)
def keep_hopeful(met, count, scores, first, least):
    """Keep the rows whose score is not below the least in front, and make the scores of the others zero."""
    kept = 0
    for i in range(count):  # without a branch, as `_add_list` counts
        row = met[i]
        at = np.uintp(row - first)
        score = scores[at]
        hopeful = score >= least
        met[np.uintp(kept)] = row
        scores[at] = score if hopeful else 0.0
        kept += hopeful
    return kept
