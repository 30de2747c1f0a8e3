"""Arrays at addresses, for compiled loops.

Importing this module raises ImportError where numba, of the extra `fast`, is not installed.
"""

from __future__ import annotations

from typing import Any

from numba import carray, njit, types  # type: ignore[attr-defined]  # carray is public, and not in its list
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    """Take a number for an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.intp), generate


@njit(cache=True, nogil=True)
def array_at(address: Any, count: Any, dtype: Any) -> Any:
    """Return the array of so many items at an address; for compiled loops alone."""
    return carray(_pointer(address), (count,), dtype)  # type: ignore[call-arg]  # as numba calls it
