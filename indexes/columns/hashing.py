"""The attributes of a revision as the columns hold them: hashes of values, and numbers under hashes of keys."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import blake2b

from core.filters import Field, Name, kind_of, seconds_of_date, values_of
from core.types import Attributes, JsonScalar

_LANG = Field(Name.LANG)
_DOCUMENT_ID = Field(Name.DOCUMENT_ID)


def value_hash(field: Field, value: JsonScalar) -> int:
    """Return the hash of a value of an attribute; 1 and 1.0 are one number, and so are 0 and -0.0."""
    kind = kind_of(value)
    data = struct.pack("<d", float(value or 0) + 0.0) if kind == "number" else str(value).encode()
    return _hash(field.name, field.key, kind, data)


def presence_hash(field: Field) -> int:
    """Return the hash under which stand the rows that have the attribute at all."""
    return _hash(field.name, field.key, "any")


def range_hash(field: Field, kind: str) -> int:
    """Return the hash of the numbers or of the dates of an attribute."""
    return _hash(field.name, field.key, kind)


def group_hash(group: str) -> int:
    """Return the hash under which stand the rows that a group may read."""
    return _hash("group", group, "one")


GROUPED = int.from_bytes(blake2b(b"grouped", digest_size=8).digest(), "little")
"""The hash under which stand the rows that only members of groups may read."""


def hashes_of(attributes: Attributes) -> set[int]:
    """Return the hashes of all that can be asked for by equality."""
    found = {value_hash(_DOCUMENT_ID, attributes.document_id), value_hash(_LANG, attributes.lang)}
    if attributes.lang:
        found.add(presence_hash(_LANG))
    found.update(presence_hash(Field(Name.METADATA, key)) for key in attributes.metadata)
    found.update(value_hash(Field(Name.METADATA, key), value) for key, value in values_of(attributes.metadata))
    if attributes.groups:
        found.add(GROUPED)
        found.update(group_hash(group) for group in attributes.groups)
    return found


def numbers_of(attributes: Attributes) -> Iterator[tuple[int, float]]:
    """Yield all that can be asked for by range: the hash of its key, and the number."""
    yield range_hash(Field(Name.CREATED_AT), "date"), attributes.created_at
    yield range_hash(Field(Name.UPDATED_AT), "date"), attributes.updated_at
    for key, value in values_of(attributes.metadata):
        field = Field(Name.METADATA, key)
        if isinstance(value, str):
            seconds = seconds_of_date(value)
            if seconds is not None:
                yield range_hash(field, "date"), seconds
        elif value is not None and not isinstance(value, bool):
            yield range_hash(field, "number"), float(value)


def _hash(*parts: str | bytes) -> int:
    """Hash parts so that no two sequences of parts are alike."""
    digest = blake2b(digest_size=8)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(4, "little"))
        digest.update(data)
    return int.from_bytes(digest.digest(), "little")
