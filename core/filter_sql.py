"""A filter as a condition on Document and Revision, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    FromClause,
    String,
    and_,
    column,
    exists,
    false,
    not_,
    or_,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.filters import (
    DATE_PATTERN,
    AllOf,
    AnyOf,
    Exists,
    Field,
    Filter,
    Name,
    Not,
    OneOf,
    Within,
    kind_of,
)
from core.models import Document, Revision
from core.types import JsonScalar


def matches(wanted: Filter | None) -> ColumnElement[bool]:
    """Return the documents and revisions for which a filter holds; None holds for all."""
    match wanted:
        case AllOf(parts):
            return and_(true(), *map(matches, parts))
        case AnyOf(parts):
            return or_(false(), *map(matches, parts))
        case Not(part):
            return not_(matches(part))
        case OneOf() | Within() | Exists():
            return _meets(wanted)
    return true()


def _meets(condition: OneOf | Within | Exists) -> ColumnElement[bool]:
    match condition:
        case OneOf(field, values):
            return _has_one_of(field, values)
        case Within():
            return _has_within(condition)
        case Exists(field):
            return Revision.lang != "" if field.name is Name.LANG else _has_key(Revision.meta, field.key)


def _has_one_of(field: Field, values: tuple[JsonScalar, ...]) -> ColumnElement[bool]:
    if field.name is Name.DOCUMENT_ID:
        return Document.external_id.in_(values)
    if field.name is Name.LANG:
        return Revision.lang.in_(values)
    own = _values(field.key)
    by_kind: dict[str, list[JsonScalar]] = {}
    for value in values:
        kind = kind_of(value)
        by_kind.setdefault(str(value).lower() if kind == "boolean" else kind, []).append(value)
    constants = [kind for kind in by_kind if kind not in {"text", "number"}]
    tests: list[ColumnElement[bool]] = [own.c.kind.in_(constants)]
    if "text" in by_kind:
        tests.append(and_(own.c.kind == "text", own.c.value.in_(by_kind["text"])))
    if "number" in by_kind:
        tests.append(own.c.number.in_([float(value or 0) for value in by_kind["number"]]))
    return exists().select_from(own).where(or_(*tests))


def _has_within(bounds: Within) -> ColumnElement[bool]:
    if bounds.field.name is Name.CREATED_AT:
        return _within(bounds, Document.created_at)
    if bounds.field.name is Name.UPDATED_AT:
        return _within(bounds, Revision.created_at)
    own = _values(bounds.field.key)
    number = own.c.number if bounds.kind == "number" else _iso_seconds(own.c.kind, own.c.value)
    # The value itself has to be there: without bounds, its number not being NULL is what says so.
    return exists().select_from(own).where(number.is_not(None), _within(bounds, number))


def _within(bounds: Within, number: Any) -> ColumnElement[bool]:
    tests: list[ColumnElement[bool]] = [true()]
    if bounds.gt is not None:
        tests.append(number > bounds.gt)
    if bounds.gte is not None:
        tests.append(number >= bounds.gte)
    if bounds.lt is not None:
        tests.append(number < bounds.lt)
    if bounds.lte is not None:
        tests.append(number <= bounds.lte)
    return and_(*tests)


def _values(key: str) -> FromClause:
    """Return a revision's values under a metadata key as rows.

    kind: text, number, true, false or null; value: a text's own; number: a number's as a double, else NULL.
    """
    columns = (column("kind", String), column("value", String), column("number", Float))
    return _metadata_values(Revision.meta, key).table_valued(*columns)


class _metadata_values(FunctionElement[Any]):  # noqa: N801 - named like the SQL functions that it stands for
    """The values under a key of a JSON object: the elements where it is a list. None where the key is missing."""

    inherit_cache = True


@compiles(_metadata_values, "sqlite")
def _sqlite_values(values: Any, compiler: SQLCompiler, **options: Any) -> str:
    meta, key = (compiler.process(clause, **options) for clause in values.clauses)
    # A list goes through json_each again, which would read any other text as JSON, too: hence the CASE.
    return f"""(SELECT
        CASE own.type WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' ELSE own.type END AS kind,
        own.value AS value,
        CASE WHEN own.type IN ('integer', 'real') THEN CAST(own.value AS REAL) END AS number
        FROM (
            SELECT type, value FROM json_each({meta}) WHERE key = {key} AND type <> 'array'
            UNION ALL
            SELECT element.type, element.value
            FROM json_each({meta}) AS list,
                json_each(CASE list.type WHEN 'array' THEN list.value ELSE '[]' END) AS element
            WHERE list.key = {key}
        ) AS own)"""  # noqa: S608 - both are compiled


@compiles(_metadata_values, "postgresql")
def _postgresql_values(values: Any, compiler: SQLCompiler, **options: Any) -> str:
    meta, key = (compiler.process(clause, **options) for clause in values.clauses)
    # CASE keeps PostgreSQL from casting a value of another kind, which would fail.
    return f"""(SELECT
        CASE json_typeof(own.value)
            WHEN 'string' THEN 'text' WHEN 'boolean' THEN own.value #>> '{{}}' ELSE json_typeof(own.value)
        END AS kind,
        own.value #>> '{{}}' AS value,
        CASE json_typeof(own.value) WHEN 'number' THEN (own.value #>> '{{}}')::double precision END AS number
        FROM (SELECT {meta} -> {key} AS value) AS found, json_array_elements(
            CASE WHEN found.value IS NULL THEN '[]'
            WHEN json_typeof(found.value) = 'array' THEN found.value
            ELSE json_build_array(found.value) END) AS own(value))"""  # noqa: S608 - both are compiled


class _has_key(FunctionElement[bool]):  # noqa: N801 - named like the SQL function that it stands for
    """Whether a JSON object has a key, whatever its value."""

    inherit_cache = True
    type = Boolean()


@compiles(_has_key, "sqlite")
def _sqlite_has_key(has: Any, compiler: SQLCompiler, **options: Any) -> str:
    meta, key = (compiler.process(clause, **options) for clause in has.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({meta}) WHERE key = {key})"  # noqa: S608 - both are compiled


@compiles(_has_key, "postgresql")
def _postgresql_has_key(has: Any, compiler: SQLCompiler, **options: Any) -> str:
    meta, key = (compiler.process(clause, **options) for clause in has.clauses)
    return f"(({meta} -> {key}) IS NOT NULL)"


class _iso_seconds(FunctionElement[float]):  # noqa: N801 - named like the SQL function that it stands for
    """`filters.seconds_of_date` of a value of a kind; NULL for what is no date."""

    inherit_cache = True
    type = Float()


@compiles(_iso_seconds, "sqlite")
def _sqlite_seconds(seconds: Any, compiler: SQLCompiler, **options: Any) -> str:
    kind, value = (compiler.process(clause, **options) for clause in seconds.clauses)
    return f"CASE {kind} WHEN 'text' THEN iso_seconds({value}) END"  # core/database.py defines it


@compiles(_iso_seconds, "postgresql")
def _postgresql_seconds(seconds: Any, compiler: SQLCompiler, **options: Any) -> str:
    kind, value = (compiler.process(clause, **options) for clause in seconds.clauses)
    # PostgreSQL rounds to the microsecond, Python cuts: the digits beyond go first. No zone is UTC.
    cut = f"regexp_replace({value}, '([.][0-9]{{6}})[0-9]+', '\\1')"
    zoned = f"{cut} || CASE WHEN {value} ~ '(Z|[+-][0-9]{{2}}:[0-9]{{2}})$' THEN '' ELSE ' UTC' END"
    return f"""CASE WHEN {kind} = 'text' AND {value} ~ '^(?:{DATE_PATTERN})$'
        THEN extract(epoch FROM ({zoned})::timestamptz)::double precision END"""
