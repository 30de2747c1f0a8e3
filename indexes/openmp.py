"""OpenMP, which several of the libraries that we use bring with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def patient_openmp() -> Iterator[None]:
    """Load OpenMP with threads that sleep while they wait; by default they spin.

    Where another process wants the cores, spinning makes a query take 1.7 s instead of 15 ms. OpenMP reads its
    environment once, when a library's copy of it is loaded, so the variable need not stay.
    """
    name = "OMP_WAIT_POLICY"
    if name in os.environ:
        yield
        return
    os.environ[name] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[name]
