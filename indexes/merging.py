"""Which segments to merge: enough that a search visits few, not so many that a row is copied often."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import log

from indexes.manifest import SegmentRecord

# Segments of about one size are merged once there are this many, so that a row is copied once for each power of
# it in the collection's size.
FAN_IN = 4
_SMALLEST_TIER_ROWS = 512
# A segment of which more than this share is dead is written anew.
_MOST_DEAD = 0.3
# At rest, a segment is merged with all smaller ones unless it is more than so many times as large as they together.
_TIMES_THE_SMALLER = 3


def next_merge(segments: Sequence[SegmentRecord], most_rows: int | None = None) -> list[SegmentRecord]:
    """Return the segments of one language to merge next, none where no merge is due.

    most_rows: bound on the live rows of a merge, None for any.
    """
    due = [[segment] for segment in segments if segment.dead > segment.rows * _MOST_DEAD]
    for _, group in groupby(sorted(segments, key=_tier), _tier):
        alike = list(group)
        if len(alike) >= FAN_IN:
            due.append(alike)
    cheapest = min(due, key=_live_rows, default=[])
    return [] if most_rows is not None and _live_rows(cheapest) > most_rows else cheapest


def next_merge_at_rest(segments: Sequence[SegmentRecord]) -> list[SegmentRecord]:
    """Return the segments of one language to merge where nothing is committed, none where there are few enough.

    Afterwards each is several times as large as all smaller ones together: a row is copied once for each growth by
    a third, which is more often than `next_merge` has it, and at most once for each time that commits pause.
    """
    found: list[list[SegmentRecord]] = []
    by_size = sorted(segments, key=lambda segment: (segment.language, segment.live_rows))
    for _, group in groupby(by_size, lambda segment: segment.language):
        alike = list(group)
        for count in range(len(alike), 1, -1):
            if alike[count - 1].live_rows <= _TIMES_THE_SMALLER * _live_rows(alike[: count - 1]):
                found.append(alike[:count])
                break
    return min(found, key=_live_rows, default=[])


def _tier(segment: SegmentRecord) -> tuple[str, int]:
    size = max(segment.live_rows / _SMALLEST_TIER_ROWS, 1)
    return segment.language, int(log(size, FAN_IN))


def _live_rows(segments: Sequence[SegmentRecord]) -> int:
    return sum(segment.live_rows for segment in segments)
