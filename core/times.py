"""Times as the database keeps them and as people see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def moment(seconds: float) -> datetime: ...
@overload
def moment(seconds: None) -> None: ...
def moment(seconds: float | None) -> datetime | None:
    """Return seconds since the epoch as a moment in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
