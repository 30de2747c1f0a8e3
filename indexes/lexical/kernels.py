"""The loops of a BM25 search, compiled by numba: one call for a segment, without the interpreter or its lock.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Rows scored at a time: their scores take 64 kB.
WINDOW = 8192
# Sums of more than a few terms differ by less than this from what their bounds say, relatively.
_ROUNDING = 1e-12


@njit(cache=True, nogil=True)
def look_up(hashes, terms, starts, peaks, numbers, counts, highest):
    """Fill in each term's number (-1: none), how many rows hold it, and its peak, as `Postings` has them."""
    for place in range(len(hashes)):
        wanted = hashes[place]
        low, high = 0, len(terms)
        while low < high:
            middle = (low + high) >> 1
            if terms[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        if low < len(terms) and terms[low] == wanted:
            numbers[place] = low
            counts[place] = starts[low + 1] - starts[low]
            highest[place] = peaks[low]
        else:
            numbers[place] = -1
            counts[place] = 0
            highest[place] = 0.0


@njit(cache=True, nogil=True)
def frequencies_of(numbers, starts, rows, frequencies, wanted, found):
    """Fill in how often each term occurs in each wanted row (ascending): found [terms, wanted]."""
    for term in range(len(numbers)):
        if numbers[term] < 0:
            continue
        low, end = starts[numbers[term]], starts[numbers[term] + 1]
        for place in range(len(wanted)):
            low = first_not_below(rows, low, end, wanted[place])
            if low == end:
                break
            if rows[low] == wanted[place]:
                found[term, place] = frequencies[low]


@njit(cache=True, nogil=True)
def search_segment(
    numbers,
    starts,
    rows,
    frequencies,
    frequent,
    by_row,
    lengths,
    norms,
    weights,
    rest,
    allowed,
    base,
    scores,
    met,
    best_scores,
    best_rows,
    size,
):
    """Put the rows of a segment that are among the best into a heap, and return how many the heap holds then.

    numbers and weights: of the terms, weights descending; rest: what the terms from each on can add at most, and a
    zero. allowed: bool [rows], or empty where all are. scores: float64 [WINDOW], all zero, and left so; met: int32
    [WINDOW + 1]. The heap of at most len(best_scores) has the worst first; of equal scores the later row is worse.

    Rows go by in windows whose scores stay in the cache. Only the lists of the weightiest terms are read, those
    without which no row gets into the heap; rows that they lead to are looked up in the lists of the others.
    """
    k, terms = len(best_scores), len(numbers)
    places, ends, at_hand = np.zeros(terms, np.int64), np.zeros(terms, np.int64), np.full(terms, -1, np.int64)
    for term in range(terms):
        if numbers[term] >= 0:
            places[term], ends[term] = starts[numbers[term]], starts[numbers[term] + 1]
            place = np.searchsorted(frequent, numbers[term])
            if place < len(frequent) and frequent[place] == numbers[term]:
                at_hand[term] = place
    threshold = best_scores[0] * (1 - _ROUNDING) if size == k else 0.0
    needed = terms
    for first in range(0, len(lengths), WINDOW):
        while needed and rest[needed - 1] < threshold and _pays(places, ends, needed - 1):
            needed -= 1
        if rest[0] < threshold:
            break
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
                scores,
                met,
                count,
            )
        for term in range(needed, terms):
            count = _keep_hopeful(met, count, scores, first, threshold - rest[term])
            if count and at_hand[term] >= 0:
                _add_at_hand(by_row[at_hand[term]], lengths, norms, weights[term], first, scores, met[:count])
            elif count and numbers[term] >= 0:
                places[term] = _add_looked_up(
                    places[term],
                    ends[term],
                    rows,
                    frequencies,
                    lengths,
                    norms,
                    weights[term],
                    first,
                    scores,
                    met[:count],
                )
        count = _keep_hopeful(met, count, scores, first, threshold)
        for i in range(count):
            row = met[i]
            size = push(best_scores, best_rows, size, scores[row - first], row + base)
            scores[row - first] = 0.0
        if size == k:
            threshold = best_scores[0] * (1 - _ROUNDING)
    return size


@njit(cache=True, nogil=True)
def _add_list(place, end, rows, frequencies, lengths, norms, weight, allowed, first, scores, met, count):
    """Add a list's postings in the window; returns the place of the next one, and the number of rows met by now."""
    limited = len(allowed) > 0
    while place < end and rows[place] < first + WINDOW:
        row = rows[place]
        frequency = np.float64(frequencies[place])
        place += 1
        if limited and not allowed[row]:
            continue
        at = np.uintp(row - first)  # unsigned: a signed index would be checked for counting from the end
        before = scores[at]
        scores[at] = before + weight * (frequency / (frequency + norms[np.uintp(lengths[np.uintp(row)])]))
        met[np.uintp(count)] = row
        count += before == 0.0  # without a branch, which would be guessed wrong half of the time
    return place, count


@njit(cache=True, nogil=True)
def _add_at_hand(by_row, lengths, norms, weight, first, scores, met):
    """Add a term to the scores of the rows met, from its frequencies by row."""
    for row in met:
        frequency = np.float64(by_row[row])
        scores[row - first] += weight * (frequency / (frequency + norms[lengths[row]]))


@njit(cache=True, nogil=True)
def _add_looked_up(place, end, rows, frequencies, lengths, norms, weight, first, scores, met):
    """Add a term to the scores of the rows met, from its list; returns the place after the window."""
    low = first_not_below(rows, place, end, first)
    high = first_not_below(rows, low, end, first + WINDOW)
    for row in met:
        found = first_not_below(rows, low, high, row)
        if found < high and rows[found] == row:
            frequency = np.float64(frequencies[found])
            scores[row - first] += weight * (frequency / (frequency + norms[lengths[row]]))
    return high


@njit(cache=True, nogil=True)
def _pays(places, ends, term):
    """Tell whether a term's list is so long that looking up the rows of the terms before it costs less."""
    before = 0
    for other in range(term):
        before += ends[other] - places[other]
    return ends[term] - places[term] > before


@njit(cache=True, nogil=True)
def _keep_hopeful(met, count, scores, first, least):
    """Keep the rows whose score is not below the least in front, and make the scores of the others zero."""
    kept = 0
    for i in range(count):
        row = met[i]
        if scores[row - first] >= least:
            met[kept] = row
            kept += 1
        else:
            scores[row - first] = 0.0
    return kept


@njit(cache=True, nogil=True)
def first_not_below(rows, low, high, wanted):
    """Gallop, then halve: rows looked up in ascending order lie near each other."""
    step = 1
    while low + step < high and rows[low + step] < wanted:
        low += step
        step <<= 1
    high = min(high, low + step + 1)
    while low < high:
        middle = (low + high) >> 1
        if rows[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _worse(score, row, other_score, other_row):
    return score < other_score or (score == other_score and row > other_row)


@njit(cache=True, nogil=True)
def push(best_scores, best_rows, size, score, row):
    """Put a row into the heap of the best, in the place of the worst where it is full."""
    k = len(best_scores)
    if size < k:
        place = size
        size += 1
        while place:
            parent = (place - 1) >> 1
            if not _worse(score, row, best_scores[parent], best_rows[parent]):
                break
            best_scores[place], best_rows[place] = best_scores[parent], best_rows[parent]
            place = parent
        best_scores[place], best_rows[place] = score, row
        return size
    if not _worse(best_scores[0], best_rows[0], score, row):
        return size
    place = 0
    while True:
        child = 2 * place + 1
        if child >= k:
            break
        if child + 1 < k and _worse(
            best_scores[child + 1], best_rows[child + 1], best_scores[child], best_rows[child]
        ):
            child += 1
        if not _worse(best_scores[child], best_rows[child], score, row):
            break
        best_scores[place], best_rows[place] = best_scores[child], best_rows[child]
        place = child
    best_scores[place], best_rows[place] = score, row
    return size
