"""Freed memory that the C library keeps for later, given back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Let go of what is free, which takes milliseconds; does nothing where the C library is not glibc.

    glibc gives back the end of its heap by itself, but not what lies before something that is still held: after a
    merge, a hundred megabytes and more.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
