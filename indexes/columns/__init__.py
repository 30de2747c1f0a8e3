"""What filters and groups need of a segment's rows: hashes and numbers, mapped, and no word of a document."""

from indexes.columns.columns import Columns
from indexes.columns.selection import Selection

__all__ = ["Columns", "Selection"]
