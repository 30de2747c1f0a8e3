"""The loops that find the passages that speak of the most of a question's concepts, compiled by numba.

As `indexes.lexical.kernels` does with terms, rows go by in windows; but all lists are read to the end. Leaving one
out would mean to look the rows met up in each of a concept's many alternatives, which never took less than reading.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from indexes.lexical.heap import push
from indexes.lexical.kernels import ROUNDING, keep_hopeful
from indexes.lexical.lookups import first_not_below

# Rows scored at a time: scores and stamps take 192 kB. The first windows are smaller: each row met is put into the
# heap until that holds good ones.
WINDOW = 16384
_FIRST_WINDOW = 1024
_GROWTH = 4


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
    places, lasts, leads = _lists(numbers, bounds, begins, ends)
    most = _most_to_gain(first, order, worth, leads)
    scores, met = np.zeros(WINDOW), np.empty(WINDOW + 1, np.int32)
    spoken = np.zeros(WINDOW, np.int32)  # the stamp of the last concept that a row was seen to speak of
    threshold, stamp = 0.0, 0
    start, window = 0, WINDOW if size == len(best_scores) else _FIRST_WINDOW
    while start < row_count and most:
        end = start + window
        if size == len(best_scores):
            threshold = best_scores[0] * (1 - ROUNDING)
        if most < threshold:
            break
        count = 0
        for concept in order:
            stamp += 1
            for alternative in range(first[concept], first[concept + 1]):
                if leads[alternative] < 0:
                    continue
                terms = (bounds[alternative], leads[alternative], bounds[alternative + 1])
                found = (*terms, places, lasts, rows, worth[concept], stamp, start, end, scores, spoken)
                count = _read(*found, allowed, met, count)
        count = keep_hopeful(met, count, scores, start, threshold)
        for i in range(count):
            at = met[i] - start
            size = push(best_scores, best_rows, size, scores[at], met[i] + base)
            scores[at] = 0.0
        start, window = end, min(_GROWTH * window, WINDOW)
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
    if last_term - term == 1:  # nearly always: without a branch, as `keep_hopeful` counts
        while place < last and rows[place] < end:
            row = rows[place]
            place += np.uintp(1)
            if limited and not allowed[row]:
                continue
            at = np.uintp(row - start)
            before = scores[at]
            scores[at] = before + (gain if spoken[at] != stamp else 0.0)
            spoken[at] = stamp
            met[np.uintp(count)] = row
            count += before == 0.0
    while place < last and rows[place] < end:
        row = np.int64(rows[place])
        place += np.uintp(1)
        at = np.uintp(row - start)
        if spoken[at] == stamp or (limited and not allowed[row]):
            continue
        if _holds_others(row, term, lead, last_term, places, lasts, rows):
            spoken[at] = stamp
            met[np.uintp(count)] = row
            count += scores[at] == 0.0
            scores[at] += gain
    places[lead] = place
    return count


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
                    if spoken[at] != turn and _holds_others(row, term, lead, last_term, places, lasts, rows):
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
def _most_to_gain(first, order, worth, leads):
    """Return the score of a row of the block that speaks of every concept that any speaks of."""
    most = 0.0
    for concept in order:
        for alternative in range(first[concept], first[concept + 1]):
            if leads[alternative] >= 0:
                most += worth[concept]
                break
    return most


@njit(cache=True, nogil=True)
def _holds_others(row, term, lead, last_term, places, lasts, rows):
    """Tell whether a row holds the terms of an alternative beside its lead; rows ascend from call to call."""
    for other in range(term, last_term):
        if other == lead:
            continue
        place = first_not_below(rows, places[other], lasts[other], row)
        places[other] = place
        if place == lasts[other] or rows[place] != row:
            return False
    return True
