"""The attributes of a revision as the columns hold them: hashes of values, and numbers under hashes of keys."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b

from core.filters import Field, Name, kind_of, seconds_of_date, values_of
from core.types import Attributes, JsonScalar

_REMEMBERED = 4096
_LANG = Field(Name.LANG)
_DOCUMENT_ID = Field(Name.DOCUMENT_ID)


def value_hash(field: Field, value: JsonScalar) -> int:
    """Return the hash of a value of an attribute; 1 and 1.0 are one number, and so are 0 and -0.0."""
    kind = kind_of(value)
    data = struct.pack("<d", float(value or 0)) if kind == "number" else str(value).encode()
    return _hash(_prefix(field.name, field.key, kind) + data)


@lru_cache(_REMEMBERED)
def presence_hash(field: Field) -> int:
    """Return the hash under which stand the rows that have the attribute at all."""
    return _hash(_prefix(field.name, field.key, "any"))


@lru_cache(_REMEMBERED)
def range_hash(field: Field, kind: str) -> int:
    """Return the hash of the numbers or of the dates of an attribute."""
    return _hash(_prefix(field.name, field.key, kind))


def group_hash(group: str) -> int:
    """Return the hash under which stand the rows that a group may read."""
    return _hash(_prefix("group", "", "") + group.encode())


def grouped_hash() -> int:
    """Return the hash under which stand the rows that only members of groups may read."""
    return _hash(_prefix("group", "", "any"))


def hashes_of(attributes: Attributes) -> set[int]:
    """Return the hashes of all that can be asked for by equality."""
    found = {value_hash(_DOCUMENT_ID, attributes.document_id), value_hash(_LANG, attributes.lang)}
    if attributes.lang:
        found.add(presence_hash(_LANG))
    found.update(presence_hash(Field(Name.METADATA, key)) for key in attributes.metadata)
    found.update(value_hash(Field(Name.METADATA, key), value) for key, value in values_of(attributes.metadata))
    if attributes.groups:
        found.add(grouped_hash())
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


@lru_cache(_REMEMBERED)
def _prefix(name: str, key: str, kind: str) -> bytes:
    """Return the beginning of what is hashed: none is the beginning of another one."""
    parts = [part.encode() for part in (name, key, kind)]
    return b"".join(b"%d:%s" % (len(part), part) for part in parts)


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
