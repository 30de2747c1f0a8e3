"""The loops that find the passages that speak of the most of a question's concepts, compiled by numba.

As `indexes.lexical.kernels` does with terms: rows go by in windows; only the alternatives of the worthiest concepts
are read, those without which no row gets among the best, and rows that they lead to are looked up for the others.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from indexes.lexical.heap import push
from indexes.lexical.kernels import FIRST_WINDOW, ROUNDING, keep_hopeful, lists_to_read
from indexes.lexical.lookups import first_not_below

# Rows scored at a time, after the first ones: scores and stamps take 48 kB.
WINDOW = 4096


@njit(cache=True, nogil=True)
def search(
    numbers,
    first,
    bounds,
    order,
    worth,
    begins,
    ends,
    rows,
    row_count,
    base,
    allowed,
    best_scores,
    best_rows,
    size,
):
    """Put the rows of a block that are among the best into a heap, and return how many the heap holds then.

    numbers: of the terms in the segment (-1: in no row); first, bounds, order, worth: as `matching.Weighed` has
    them; begins and ends: of each term's postings in the block. base: of the block's rows; allowed: bool by its own
    rows, or empty where all are. The heap holds at most len(best_scores).
    """
    concepts = len(order)
    places, lasts, leads = _lists(numbers, bounds, begins, ends)
    left, rest = _left(first, order, worth, places, lasts, leads)
    nothing_read = np.zeros_like(left)
    scores, met = np.zeros(WINDOW), np.empty(WINDOW + 1, np.int32)
    spoken = np.zeros(WINDOW, np.int32)  # the stamp of the last concept that a row was seen to speak of
    threshold, needed, stamp = 0.0, concepts, 0
    start, window = 0, WINDOW if size == len(best_scores) else FIRST_WINDOW
    while start < row_count and rest[0]:
        end = start + window
        if size == len(best_scores):
            threshold = best_scores[0] * (1 - ROUNDING)
        if rest[0] < threshold:
            break
        needed = lists_to_read(needed, rest, threshold, nothing_read, left, 1)
        count = 0
        for turn in range(concepts):
            if turn >= needed:
                count = keep_hopeful(met, count, scores, start, threshold - rest[turn])
                if not count:
                    break
            stamp += 1
            for alternative in range(first[order[turn]], first[order[turn] + 1]):
                if leads[alternative] < 0:
                    continue
                terms = (bounds[alternative], leads[alternative], bounds[alternative + 1])
                found = (*terms, places, lasts, rows, worth[order[turn]], stamp, start, end, scores, spoken)
                if turn < needed:
                    count = _read(*found, allowed, met, count)
                else:
                    _look_up(*found, met[:count])
        count = keep_hopeful(met, count, scores, start, threshold)
        for i in range(count):
            at = met[i] - start
            size = push(best_scores, best_rows, size, scores[at], met[i] + base)
            scores[at] = 0.0
        start, window = end, min(2 * window, WINDOW)
    return size


@njit(cache=True, nogil=True)
def _read(term, lead, last_term, places, lasts, rows, gain, stamp, start, end, scores, spoken, allowed, met, count):
    """Add what the rows in the window [start, end) gain that speak of an alternative.

    Its terms are [term, last_term), of which lead is the rarest; all places move on. Returns the number of rows met
    by now.
    """
    limited = len(allowed) > 0
    # Unsigned: a signed index is checked for counting from the end.
    place, last = np.uintp(places[lead]), np.uintp(lasts[lead])
    while place < last and rows[place] < end:
        row = np.int64(rows[place])
        place += np.uintp(1)
        at = np.uintp(row - start)
        if spoken[at] == stamp or (limited and not allowed[row]):
            continue
        if last_term - term == 1 or _holds_others(row, term, lead, last_term, places, lasts, rows, True):
            spoken[at] = stamp
            met[np.uintp(count)] = row
            count += scores[at] == 0.0
            scores[at] += gain
    places[lead] = place
    return count


@njit(cache=True, nogil=True)
def _look_up(term, lead, last_term, places, lasts, rows, gain, stamp, start, end, scores, spoken, met):
    """Add what those of the rows met gain that speak of an alternative; they ascend but where others begin."""
    low = first_not_below(rows, places[lead], lasts[lead], start)
    high = first_not_below(rows, low, lasts[lead], end)
    places[lead] = high
    found, before = low, -1
    for row in met if low < high else met[:0]:
        if spoken[row - start] == stamp:
            continue
        found = first_not_below(rows, found if row > before else low, high, row)
        before = row
        if found == high or rows[found] != row:
            continue
        if last_term - term == 1 or _holds_others(row, term, lead, last_term, places, lasts, rows, False):
            spoken[row - start] = stamp
            scores[row - start] += gain


@njit(cache=True, nogil=True)
def score_rows(numbers, first, bounds, order, worth, begins, ends, rows, wanted, scores):
    """Add to the score of each wanted row (ascending) of a block; the others as `search` takes them."""
    places, lasts, leads = _lists(numbers, bounds, begins, ends)
    spoken = np.full(len(wanted), -1)
    for turn in range(len(order)):
        for alternative in range(first[order[turn]], first[order[turn] + 1]):
            lead, at = leads[alternative], 0
            if lead < 0:
                continue
            term, last_term = bounds[alternative], bounds[alternative + 1]
            place, end = places[lead], lasts[lead]
            while True:
                place = first_not_below(rows, place, end, wanted[at])
                if place == end:
                    break
                row = np.int64(rows[place])
                if row == wanted[at]:
                    if spoken[at] != turn and (
                        last_term - term == 1
                        or _holds_others(row, term, lead, last_term, places, lasts, rows, True)
                    ):
                        spoken[at] = turn
                        scores[at] += worth[order[turn]]
                    at += 1
                else:
                    at = first_not_below(wanted, at, len(wanted), row)
                if at == len(wanted):
                    break


@njit(cache=True, nogil=True)
def _lists(numbers, bounds, begins, ends):
    """Return where the postings of each term asked begin and end, and each alternative's rarest term.

    The latter are places in numbers, -1 where the block lacks one of the alternative's terms.
    """
    places, lasts = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
    for term in range(len(numbers)):
        if numbers[term] >= 0:
            places[term], lasts[term] = begins[numbers[term]], ends[numbers[term]]
    leads = np.empty(len(bounds) - 1, np.int64)
    for alternative in range(len(leads)):
        lead = bounds[alternative]
        for term in range(lead + 1, bounds[alternative + 1]):
            if lasts[term] - places[term] < lasts[lead] - places[lead]:
                lead = term
        leads[alternative] = lead if places[lead] < lasts[lead] else -1
    return places, lasts, leads


@njit(cache=True, nogil=True)
def _left(first, order, worth, places, lasts, leads):
    """Return how many rows the leads of each concept have, in order, and what those from it on can add at most."""
    left, rest = np.zeros(len(order), np.int64), np.zeros(len(order) + 1)
    for turn in range(len(order) - 1, -1, -1):
        for alternative in range(first[order[turn]], first[order[turn] + 1]):
            if leads[alternative] >= 0:
                left[turn] += lasts[leads[alternative]] - places[leads[alternative]]
        rest[turn] = rest[turn + 1] + (worth[order[turn]] if left[turn] else 0.0)
    return left, rest


@njit(cache=True, nogil=True)
def _holds_others(row, term, lead, last_term, places, lasts, rows, ascending):
    """Tell whether a row holds the terms of an alternative beside its lead.

    ascending: no earlier row will be asked for, so that places may move on.
    """
    for other in range(term, last_term):
        if other == lead:
            continue
        place = first_not_below(rows, places[other], lasts[other], row)
        if ascending:
            places[other] = place
        if place == lasts[other] or rows[place] != row:
            return False
    return True
