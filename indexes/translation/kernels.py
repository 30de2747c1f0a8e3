"""The loops that find which passages speak of which concepts, compiled by numba.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from indexes.lexical.heap import push
from indexes.lexical.kernels import WINDOW
from indexes.lexical.lookups import first_not_below

# A row's concepts are the bits of a number.
MOST_CONCEPTS = 64


@njit(cache=True, nogil=True)
def speaking(numbers, bounds, of_alternative, starts, rows, live, row_count, df):
    """Return the rows that speak of any concept, ascending, and of each the concepts as bits; add to df.

    numbers: of the terms (-1: in no row); alternative a has those of [bounds[a], bounds[a + 1]) and speaks of
    concept of_alternative[a] where a row holds them all. live: bool [rows], or empty where all are. df: int64, how
    many live rows speak of each concept.
    """
    leads, count, most = _possible(numbers, bounds, starts)
    places = np.zeros(len(numbers), np.int64)
    for term in range(len(numbers)):
        if numbers[term] >= 0:
            places[term] = starts[numbers[term]]
    room = min(most, row_count) + 1  # a place is written before it is known whether it is needed
    found, concepts = np.empty(room, np.int32), np.empty(room, np.uint64)
    size = 0
    met = np.zeros(WINDOW, np.uint64)
    for first in range(0, row_count if count else 0, WINDOW):
        any_met = False
        for alternative in range(len(leads)):
            lead = leads[alternative]
            if lead < 0:
                continue
            bit = np.uint64(1) << np.uint64(of_alternative[alternative])
            place, end = places[lead], starts[numbers[lead] + 1]
            while place < end and rows[place] < first + WINDOW:
                row = rows[place]
                place += 1
                at = np.uintp(row - first)
                if met[at] & bit:
                    continue
                start, last = bounds[alternative], bounds[alternative + 1]
                if last - start == 1 or _holds_others(row, lead, start, last, numbers, starts, rows, places):
                    met[at] |= bit
                    any_met = True
                    df[of_alternative[alternative]] += not len(live) or live[row]
            places[lead] = place
        if any_met:
            for offset in range(WINDOW):  # without a branch, which would be guessed wrong half of the time
                found[size], concepts[size] = first + offset, met[offset]
                size += met[offset] != 0
                met[offset] = 0
    return found[:size], concepts[:size]


@njit(cache=True, nogil=True)
def gains_of_bytes(gains):
    """Return what the concepts of each byte of a row's bits gain together: float64 [bytes, 256]."""
    summed = np.zeros(((len(gains) + 7) >> 3, 256))
    for concept in range(len(gains)):
        bit = 1 << (concept & 7)
        for lower in range(bit):
            summed[concept >> 3, bit | lower] = summed[concept >> 3, lower] + gains[concept]
    return summed


@njit(cache=True, nogil=True)
def add_up(concepts, summed):
    """Return the sum of the gains of each row's concepts, float64."""
    sums = np.zeros(len(concepts))
    for place in range(len(concepts)):
        sums[place] = _sum(concepts[place], summed)
    return sums


@njit(cache=True, nogil=True)
def best_of(rows, concepts, summed, allowed, best_scores, best_rows):
    """Put the best of the rows into a heap as `search_segment` has it, and return how many it holds.

    allowed: bool by row, or empty where all are.
    """
    size, k = 0, len(best_scores)
    limited = len(allowed) > 0
    for place in range(len(rows)):
        if limited and not allowed[rows[place]]:
            continue
        score = _sum(concepts[place], summed)
        if size < k or score > best_scores[0]:  # rows ascend: of equal ones the earlier is in already
            size = push(best_scores, best_rows, size, score, rows[place])
    return size


@njit(cache=True, nogil=True)
def _sum(concepts, summed):
    total = 0.0
    for byte in range(len(summed)):
        total += summed[byte, concepts & np.uint64(255)]
        concepts >>= np.uint64(8)
    return total


@njit(cache=True, nogil=True)
def _possible(numbers, bounds, starts):
    """Return the rarest term of each alternative (-1: one of its terms is in no row), how many can be, and in how
    many rows at most.
    """
    leads = np.full(len(bounds) - 1, -1, np.int64)
    count, most = 0, 0
    for alternative in range(len(leads)):
        fewest = -1
        for term in range(bounds[alternative], bounds[alternative + 1]):
            if numbers[term] < 0:
                leads[alternative] = -1
                fewest = -1
                break
            held = starts[numbers[term] + 1] - starts[numbers[term]]
            if fewest < 0 or held < fewest:
                fewest, leads[alternative] = held, term
        if fewest >= 0:
            count += 1
            most += fewest
    return leads, count, most


@njit(cache=True, nogil=True)
def _holds_others(row, lead, start, end, numbers, starts, rows, places):
    """Tell whether a row holds the terms of an alternative beside its lead; rows come in ascending order."""
    for term in range(start, end):
        if term != lead:
            last = starts[numbers[term] + 1]
            places[term] = first_not_below(rows, places[term], last, row)
            if places[term] == last or rows[places[term]] != row:
                return False
    return True
