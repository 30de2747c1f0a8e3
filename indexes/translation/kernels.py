"""The loops that find the passages that speak of the most of a question's concepts, compiled by numba.

As `indexes.lexical.kernels` does with terms: rows go by in windows; only the alternatives of the worthiest concepts
are read, those without which no row gets among the best, and rows that they lead to are looked up for the others.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from indexes.lexical.heap import push
from indexes.lexical.kernels import ROUNDING, WINDOW, keep_hopeful
from indexes.lexical.lookups import first_not_below


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
    leads, places, left, rest = _plan(numbers, first, bounds, order, worth, begins, ends)
    scores, met = np.zeros(WINDOW), np.empty(WINDOW + 1, np.int32)
    spoken = np.zeros(WINDOW, np.int32)  # the stamp of the last concept that a row was seen to speak of
    threshold, needed, stamp = 0.0, concepts, 0
    for start in range(0, row_count if rest[0] else 0, WINDOW):
        if size == len(best_scores):
            threshold = best_scores[0] * (1 - ROUNDING)
        while needed and rest[needed - 1] < threshold and left[needed - 1] > left[: needed - 1].sum():
            needed -= 1
        if rest[0] < threshold:
            break
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
                terms = numbers[bounds[alternative] : bounds[alternative + 1]]
                place, end = places[alternative], ends[leads[alternative]]
                found = (place, end, terms, begins, ends, rows, worth[order[turn]], stamp, start, scores, spoken)
                if turn < needed:
                    places[alternative], count = _read(*found, allowed, met, count)
                else:
                    places[alternative] = _look_up(*found, met[:count])
        count = keep_hopeful(met, count, scores, start, threshold)
        for i in range(count):
            at = met[i] - start
            size = push(best_scores, best_rows, size, scores[at], met[i] + base)
            scores[at] = 0.0
    return size


@njit(cache=True, nogil=True)
def _read(place, end, terms, begins, ends, rows, gain, stamp, start, scores, spoken, allowed, met, count):
    """Add what the rows in the window gain that speak of an alternative; place: in the list of its rarest term.

    Returns the place of the next row, and the number of rows met by now.
    """
    limited = len(allowed) > 0
    while place < end and rows[place] < start + WINDOW:
        row = np.int64(rows[place])
        place += 1
        at = np.uintp(row - start)
        if spoken[at] == stamp or (limited and not allowed[row]):
            continue
        if len(terms) == 1 or _holds_all(row, terms, begins, ends, rows):
            spoken[at] = stamp
            met[np.uintp(count)] = row
            count += scores[at] == 0.0
            scores[at] += gain
    return place, count


@njit(cache=True, nogil=True)
def _look_up(place, end, terms, begins, ends, rows, gain, stamp, start, scores, spoken, met):
    """Add what those of the rows met gain that speak of an alternative; returns the place after the window."""
    low = first_not_below(rows, place, end, start)
    high = first_not_below(rows, low, end, start + WINDOW)
    for row in met if low < high else met[:0]:
        if spoken[row - start] == stamp:
            continue
        found = first_not_below(rows, low, high, row)
        if found < high and rows[found] == row and (len(terms) == 1 or _holds_all(row, terms, begins, ends, rows)):
            spoken[row - start] = stamp
            scores[row - start] += gain
    return high


@njit(cache=True, nogil=True)
def score_rows(numbers, first, bounds, order, worth, begins, ends, rows, wanted, scores):
    """Add to the score of each wanted row (ascending) of a block; the others as `search` takes them."""
    leads = _leads(numbers, bounds, begins, ends)
    spoken = np.full(len(wanted), -1)
    for turn in range(len(order)):
        for alternative in range(first[order[turn]], first[order[turn] + 1]):
            if leads[alternative] < 0:
                continue
            others = numbers[bounds[alternative] : bounds[alternative + 1]]
            place, end, at = begins[leads[alternative]], ends[leads[alternative]], 0
            while True:
                place = first_not_below(rows, place, end, wanted[at])
                if place == end:
                    break
                if rows[place] == wanted[at]:
                    row = np.int64(rows[place])
                    if spoken[at] != turn and (len(others) == 1 or _holds_all(row, others, begins, ends, rows)):
                        spoken[at] = turn
                        scores[at] += worth[order[turn]]
                    at += 1
                else:
                    at = first_not_below(wanted, at, len(wanted), rows[place])
                if at == len(wanted):
                    break


@njit(cache=True, nogil=True)
def _plan(numbers, first, bounds, order, worth, begins, ends):
    """Return the leads of all alternatives and the places of their first rows, and for each concept, in order, how
    many rows its leads have, and what the concepts from it on can add at most (and a zero).
    """
    leads = _leads(numbers, bounds, begins, ends)
    places, left, rest = np.zeros(len(leads), np.int64), np.zeros(len(order), np.int64), np.zeros(len(order) + 1)
    for turn in range(len(order) - 1, -1, -1):
        for alternative in range(first[order[turn]], first[order[turn] + 1]):
            if leads[alternative] >= 0:
                places[alternative] = begins[leads[alternative]]
                left[turn] += ends[leads[alternative]] - begins[leads[alternative]]
        rest[turn] = rest[turn + 1] + (worth[order[turn]] if left[turn] else 0.0)
    return leads, places, left, rest


@njit(cache=True, nogil=True)
def _leads(numbers, bounds, begins, ends):
    """Return the number of the rarest term of each alternative, -1 where the block lacks one."""
    leads = np.empty(len(bounds) - 1, np.int64)
    for alternative in range(len(leads)):
        lead, fewest = -1, -1
        for term in numbers[bounds[alternative] : bounds[alternative + 1]]:
            held = int(ends[term] - begins[term]) if term >= 0 else 0
            if fewest < 0 or held < fewest:
                lead, fewest = term, held
        leads[alternative] = lead if fewest > 0 else -1
    return leads


@njit(cache=True, nogil=True)
def _holds_all(row, terms, begins, ends, rows):
    """Tell whether a row holds all of several terms."""
    for term in terms:
        place = first_not_below(rows, begins[term], ends[term], row)
        if place == ends[term] or rows[place] != row:
            return False
    return True
