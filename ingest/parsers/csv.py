"""CSV and TSV: encoding and delimiter found, the header row kept apart."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator

from core.errors import DocumentRejected
from core.types import ParsedDocument
from ingest.parsers.base import DocumentBuilder, Hint
from ingest.parsers.encoding import decode
from ingest.parsers.tables import is_header

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 64 * 1024
_SAMPLE_ROWS = 100
_FIELD_CHARS = 1_000_000
csv.field_size_limit(_FIELD_CHARS)


class CsvParser:
    """Parses delimited text."""

    def parse(self, data: bytes, hint: Hint) -> ParsedDocument:
        """See Parser."""
        text = decode(data).replace("\0", "")
        builder = DocumentBuilder(hint.max_chars)
        try:
            rows = (row for row in _reader(text, _delimiter(text, hint)) if any(cell.strip() for cell in row))
            first = next(rows, None)
            if first is not None:
                header = is_header(first)
                builder.table([first], has_header=header)
                builder.table(rows, has_header=False)
        except csv.Error as error:
            raise DocumentRejected(
                "corrupt",
                "The file is not a readable CSV table: a quote is never closed, or a cell holds more than "
                f"{_FIELD_CHARS:,} characters; export it again.",
            ) from error
        return builder.finish(hint)


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _delimiter(text: str, hint: Hint) -> str:
    """The delimiter that cuts the first rows into the most columns, equally many in most rows."""
    if hint.filename.lower().endswith(".tsv"):
        return "\t"
    sample = text[:_SAMPLE_CHARS]
    if text.startswith("sep=") and len(text) > 4:  # Excel's own hint
        return text[4]

    def consistency(delimiter: str) -> float:
        try:
            widths = Counter(
                len(row) for row, _ in zip(_reader(sample, delimiter), range(_SAMPLE_ROWS), strict=False)
            )
        except csv.Error:
            return 0.0
        width, rows = widths.most_common(1)[0] if widths else (1, 0)
        return 0.0 if width < 2 else rows / widths.total() + width / 1000

    return max(_DELIMITERS, key=consistency)
