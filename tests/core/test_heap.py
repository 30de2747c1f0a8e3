"""What was freed goes back to the system; needs glibc."""

from __future__ import annotations

from benchmarks.measuring.process import memory
from core.heap import give_back

PIECE_BYTES = 100_000  # glibc asks the system for larger ones one by one, and gives those back when they are freed
PIECES = 2_000


def test_memory_that_was_freed_before_something_held_is_given_back() -> None:
    freed = [bytearray(PIECE_BYTES) for _ in range(PIECES)]
    held = bytearray(PIECE_BYTES)
    freed.clear()
    before = memory().own
    give_back()
    assert before - memory().own > PIECES * PIECE_BYTES / 2
    assert len(held) == PIECE_BYTES
