"""The best rows so far, as a heap in two arrays: the worst first; of equal scores the later row is worse.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

from numba import njit


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
    if _worse(best_scores[0], best_rows[0], score, row):
        _sift(best_scores, best_rows, k, score, row)
    return size


@njit(cache=True, nogil=True)
def put_in_order(best_scores, best_rows, size):
    """Turn a heap of so many rows into a list, best first."""
    for last in range(size - 1, 0, -1):
        score, row = best_scores[last], best_rows[last]
        best_scores[last], best_rows[last] = best_scores[0], best_rows[0]
        _sift(best_scores, best_rows, last, score, row)


@njit(cache=True, nogil=True)
def _sift(best_scores, best_rows, size, score, row):
    """Put a row in the place of the heap's worst."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        other = child + 1
        if other < size and _worse(best_scores[other], best_rows[other], best_scores[child], best_rows[child]):
            child = other
        if not _worse(best_scores[child], best_rows[child], score, row):
            break
        best_scores[place], best_rows[place] = best_scores[child], best_rows[child]
        place = child
    best_scores[place], best_rows[place] = score, row


@njit(cache=True, nogil=True)
def _worse(score, row, other_score, other_row):
    return score < other_score or (score == other_score and row > other_row)
