"""What a question may be limited to: an expression over the attributes of a document's revision.

Every condition is true or false. A document that lacks a key meets no condition on it, and `Not` is the complement:
it holds for every document for which its part does not. A list in the metadata has each of its elements as a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from core.types import JsonScalar, Metadata

ValueKind = Literal["text", "number", "boolean", "null"]

# ISO 8601 as RFC 3339 profiles it, a date alone or without a zone too, and no day that is in no calendar: what
# PostgreSQL casts without an error. PostgreSQL reads the same pattern, so only what both know is in it.
_DAY = (
    "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
DATE_PATTERN = f"(?!0000)(?:{_DAY})(?:[T ]{_TIME}{_ZONE}?)?"
_DATE = re.compile(DATE_PATTERN)


class Name(StrEnum):
    """What a condition may be about."""

    DOCUMENT_ID = "document_id"
    LANG = "lang"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute; key is the metadata's, and empty for the others."""

    name: Name
    key: str = ""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The attribute has one of the values, equal in kind too: the text "2025" is not 2025, and 1 is not true."""

    field: Field
    values: tuple[JsonScalar, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The attribute has a value of this kind within all bounds; bounds on dates are seconds since the epoch."""

    field: Field
    kind: Literal["number", "date"]
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The metadata has the key, be its value null or an empty list; the language is known."""

    field: Field


@dataclass(frozen=True, slots=True)
class AllOf:
    """All parts hold; without parts it holds for every document."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the parts holds; without parts it holds for none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter = OneOf | Within | Exists | AllOf | AnyOf | Not


def kind_of(value: JsonScalar) -> ValueKind:
    """Return a value's kind; values of different kinds are never equal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def seconds_of_date(text: str) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 date or time, to the microsecond; None for another text.

    What says no zone is in UTC, and a date alone is its first instant.
    """
    if not _DATE.fullmatch(text):
        return None
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def values_of(metadata: Metadata) -> Iterator[tuple[str, JsonScalar]]:
    """Yield each key with each of its values."""
    for key, value in metadata.items():
        for element in value if isinstance(value, list) else (value,):
            yield key, element
