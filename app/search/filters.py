"""The `filter` that a question or a list of documents may carry, as the outside world writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from app.values import PlainText, Scalar, finite, refusal
from core.errors import InvalidInput
from core.filters import (
    AllOf,
    AnyOf,
    Exists,
    Filter,
    Name,
    Not,
    OneOf,
    Within,
    seconds_of_date,
)
from core.filters import Field as Attribute
from core.types import JsonScalar

MOST_LEVELS = 8
MOST_CONDITIONS = 100
MOST_VALUES = 2_000
_MOST_IN_A_LIST = 1_000


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of a range: a number, or the seconds of a date."""

    kind: Literal["number", "date"]
    number: float


def _bound(value: object) -> Bound:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Bound("number", finite(value))
    return _date(value, expected="a number or a date")


def _date(value: object, *, expected: str = "a date") -> Bound:
    seconds = seconds_of_date(value) if isinstance(value, str) else None
    if seconds is None:
        raise refusal(f"should be {expected}, such as 2025-03-31 or 2025-03-31T09:00:00+02:00")
    return Bound("date", seconds)


_AnyBound = Annotated[Any, PlainValidator(_bound, json_schema_input_type=float | str)]
_DateBound = Annotated[Any, PlainValidator(_date, json_schema_input_type=str)]


class _Condition(BaseModel):
    """Operators on one attribute; all that are given hold together."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _says_something(self) -> _Condition:
        if not self.model_fields_set:
            names = ", ".join(field.alias or name for name, field in type(self).model_fields.items())
            raise refusal(f"has no operator: there are {names}")
        return self

    def parts(self, attribute: Attribute) -> Iterator[Filter]:
        """Yield what each operator says of an attribute."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "eq" in given:
            yield OneOf(attribute, (given["eq"],))
        if "ne" in given:
            yield Not(OneOf(attribute, (given["ne"],)))
        if "in_" in given:
            yield OneOf(attribute, tuple(given["in_"]))
        if "not_in" in given:
            yield Not(OneOf(attribute, tuple(given["not_in"])))
        if "exists" in given:
            yield Exists(attribute) if given["exists"] else Not(Exists(attribute))
        bounds = {name: given[name] for name in ("gt", "gte", "lt", "lte") if name in given}
        if bounds:
            kind = next(iter(bounds.values())).kind
            yield Within(attribute, kind, **{name: bound.number for name, bound in bounds.items()})


class LangCondition(_Condition):
    """Operators on the language."""

    eq: PlainText = ""
    ne: PlainText = ""
    in_: list[PlainText] = Field([], alias="in", max_length=_MOST_IN_A_LIST)
    not_in: list[PlainText] = Field([], max_length=_MOST_IN_A_LIST)
    exists: bool = Field(True, description="Whether the language is known.")


class DateCondition(_Condition):
    """Bounds on a date: ISO 8601; without a zone it is UTC, and a date alone is its first instant."""

    gt: _DateBound = None
    gte: _DateBound = None
    lt: _DateBound = None
    lte: _DateBound = None


class MetadataCondition(_Condition):
    """Operators on the values of a metadata key; a list in the metadata has each of its elements as a value."""

    eq: Scalar = None
    ne: Scalar = None
    in_: list[Scalar] = Field([], alias="in", max_length=_MOST_IN_A_LIST)
    not_in: list[Scalar] = Field([], max_length=_MOST_IN_A_LIST)
    gt: _AnyBound = None
    gte: _AnyBound = None
    lt: _AnyBound = None
    lte: _AnyBound = None
    exists: bool = Field(True, description="Whether there is the key, be its value null.")

    @model_validator(mode="after")
    def _bounds_of_one_kind(self) -> MetadataCondition:
        kinds = {bound.kind for bound in (self.gt, self.gte, self.lt, self.lte) if bound is not None}
        if len(kinds) > 1:
            raise refusal("has a number and a date as bounds: no value can be within both")
        return self


def _spelled_out(value: object) -> object:
    """Return what a value, or a list of values, in place of a condition stands for."""
    if isinstance(value, dict | BaseModel):
        return value
    return {"in": value} if isinstance(value, list) else {"eq": value}


def _lang(value: object) -> object:
    return None if value == "" else _spelled_out(value)  # the simple form's way to say nothing


class FilterIn(BaseModel):
    """What a question is limited to. All parts that are given hold together."""

    model_config = ConfigDict(extra="forbid")

    document_ids: list[PlainText] | None = Field(None, max_length=_MOST_IN_A_LIST, description="Any of these.")
    lang: Annotated[LangCondition | None, BeforeValidator(_lang, json_schema_input_type=str | LangCondition)] = (
        Field(None, description="`zh` or `en`, or a condition on it.")
    )
    created_at: DateCondition | None = Field(None, description="When the document first came.")
    updated_at: DateCondition | None = Field(None, description="When its present state came.")
    metadata: dict[
        PlainText,
        Annotated[
            MetadataCondition,
            BeforeValidator(_spelled_out, json_schema_input_type=JsonScalar | list[JsonScalar] | MetadataCondition),
        ],
    ] = Field({}, description="For each key a value, a list of which any will do, or a condition.")
    and_: list[FilterIn] | None = Field(None, alias="and", min_length=1, description="All of these hold.")
    or_: list[FilterIn] | None = Field(None, alias="or", min_length=1, description="One of these holds.")
    not_: FilterIn | None = Field(None, alias="not", description="This does not hold.")

    def to_domain(self) -> Filter | None:
        """Return the filter as index and database take it, None where it limits nothing; raises InvalidInput."""
        parts = self._parts(1)
        if not parts:
            return None
        wanted = parts[0] if len(parts) == 1 else AllOf(tuple(parts))
        conditions, values = _size(wanted)
        if conditions > MOST_CONDITIONS:
            raise InvalidInput(f"filter has {conditions:,} conditions: at most {MOST_CONDITIONS} are accepted.")
        if values > MOST_VALUES:
            raise InvalidInput(f"filter has {values:,} values: at most {MOST_VALUES:,} are accepted.")
        return wanted

    def _parts(self, level: int) -> list[Filter]:
        if level > MOST_LEVELS:
            raise InvalidInput(f"filter is nested deeper than the {MOST_LEVELS} levels accepted.")
        parts: list[Filter] = []
        if self.document_ids is not None:
            parts.append(OneOf(Attribute(Name.DOCUMENT_ID), tuple(self.document_ids)))
        if self.lang is not None:
            parts += self.lang.parts(Attribute(Name.LANG))
        if self.created_at is not None:
            parts += self.created_at.parts(Attribute(Name.CREATED_AT))
        if self.updated_at is not None:
            parts += self.updated_at.parts(Attribute(Name.UPDATED_AT))
        for key, condition in self.metadata.items():
            parts += condition.parts(Attribute(Name.METADATA, key))
        if self.and_ is not None:
            parts += [AllOf(tuple(each._parts(level + 1))) for each in self.and_]
        if self.or_ is not None:
            parts.append(AnyOf(tuple(AllOf(tuple(each._parts(level + 1))) for each in self.or_)))
        if self.not_ is not None:
            parts.append(Not(AllOf(tuple(self.not_._parts(level + 1)))))
        return parts


def _of_query(
    filter: Annotated[str, Query(max_length=20_000, description="As that of a search, in JSON.")] = "",  # noqa: A002
) -> FilterIn:
    try:
        return FilterIn.model_validate_json(filter or "{}")
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("query", "filter", *item["loc"])} for item in error.errors(include_url=False)]
        ) from error


FilterInQuery = Annotated[FilterIn, Depends(_of_query)]


def _size(wanted: Filter) -> tuple[int, int]:
    """Return how many conditions and how many values a filter has."""
    match wanted:
        case AllOf(parts) | AnyOf(parts):
            sizes = [_size(part) for part in parts]
            return sum(conditions for conditions, _ in sizes), sum(values for _, values in sizes)
        case Not(part):
            return _size(part)
        case OneOf(values=values):
            return 1, len(values)
    return 1, 0
