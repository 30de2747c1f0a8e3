"""Who may see what: one statement, joined into every query that returns text of a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, false, null, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.models import Chunk, Document, Revision, RevisionGroup
from core.types import Caller, JsonScalar


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What a question is limited to; empty parts limit nothing. A metadata list means any of its values."""

    document_ids: Sequence[str] = ()
    lang: str = ""
    metadata: Mapping[str, JsonScalar | Sequence[JsonScalar]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.document_ids or self.lang or self.metadata)


def readable_by(caller: Caller) -> ColumnElement[bool]:
    """Revisions without groups, or with one of the caller's; an administrator reads all."""
    if caller.is_admin:
        return Revision.id.is_not(None)
    groups = select(RevisionGroup.name).where(RevisionGroup.revision_id == Revision.id)
    return or_(~groups.exists(), groups.where(RevisionGroup.name.in_(caller.groups)).exists())


def readable_documents(caller: Caller, collection_id: int) -> Select[Document, Revision]:
    """Live documents of a collection, with their live revision, that the caller's groups may read."""
    return (
        select(Document, Revision)
        .join(Revision, Revision.id == Document.live_revision_id)
        .where(Document.collection_id == collection_id, readable_by(caller))
    )


def readable_chunks(caller: Caller, collection_id: int, generation_id: int) -> Select[Chunk, Document, Revision]:
    """Chunks of live revisions of live documents that the caller's groups may read, in one generation."""
    return (
        select(Chunk, Document, Revision)
        .join(Revision, Revision.id == Chunk.revision_id)
        .join(Document, Document.live_revision_id == Revision.id)
        .where(
            Document.collection_id == collection_id,
            Chunk.generation_id == generation_id,
            readable_by(caller),
        )
    )


def matches(wanted: DocumentFilter) -> ColumnElement[bool]:
    """The filter as a condition on Document and Revision."""
    conditions: list[ColumnElement[bool]] = [Document.id.is_not(None)]
    if wanted.document_ids:
        conditions.append(Document.external_id.in_(wanted.document_ids))
    if wanted.lang:
        conditions.append(Revision.lang == wanted.lang)
    for key, value in wanted.metadata.items():
        values = value if isinstance(value, list | tuple) else [value]
        conditions.append(or_(false(), *(_metadata_equals(key, v) for v in values)))
    return and_(*conditions)


class _json_kind(FunctionElement[str]):  # noqa: N801 - named like the SQL functions that it stands for
    """The kind of a JSON value, as the database names it; NULL where the key is missing."""

    inherit_cache = True
    type = String()


@compiles(_json_kind)
def _postgresql_kind(kind: Any, compiler: SQLCompiler, **options: Any) -> str:
    (value,) = kind.clauses
    return f"json_typeof({compiler.process(value, **options)})"


@compiles(_json_kind, "sqlite")
def _sqlite_kind(kind: Any, compiler: SQLCompiler, **options: Any) -> str:
    # json_extract makes 1 of true; only json_type, given the path itself, still knows.
    (value,) = kind.clauses
    return f"json_type({compiler.process(value.left, **options)}, {compiler.process(value.right, **options)})"


# What SQLite and PostgreSQL call each kind.
_STRINGS, _NUMBERS = ("text", "string"), ("integer", "real", "number")
_BOOLEANS, _NULLS = ("true", "false", "boolean"), ("null",)


def _metadata_equals(key: str, value: object) -> ColumnElement[bool]:
    """Equal in kind and value: the text "2025" is not the number, and 1 is not true."""
    element = Revision.meta[key]
    kind = _json_kind(element)
    if value is None:
        return kind.in_(_NULLS)
    # CASE keeps PostgreSQL from casting a value of another kind, which would fail.
    if isinstance(value, bool):
        return case((kind.in_(_BOOLEANS), element.as_boolean()), else_=null()) == value
    if isinstance(value, int | float):
        return case((kind.in_(_NUMBERS), element.as_float()), else_=null()) == float(value)
    return and_(kind.in_(_STRINGS), element.as_string() == str(value))
