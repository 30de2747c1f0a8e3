"""Attributes and filters for tests: generated ones, and what a filter means, read off its definition."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from core.filters import AllOf, AnyOf, Exists, Field, Filter, Name, Not, OneOf, Within
from core.types import Attributes, JsonScalar

KEYS = ("team", "year", "a'b\"c.d", "键 $.x[0]", "")
_TEXTS = ("a", "2025", "true", "null", "", "2024-02-29", "2024-03-01T01:00:00+02:00", "2023-02-29", "数 %_", "NaN")
_NUMBERS = (0, 1, -0.0, 2025, 2025.0, 1.5, -3, 2**53 + 1, 2.0**53, 1e300, 0.1)
_DATES = (0.0, 1709164800.0, 1709247600.0, 1.7e9, 1764172800.123456)
_LANGUAGES = ("", "en", "zh")
GROUPS = ("board", "legal", "Board")

scalars: st.SearchStrategy[JsonScalar] = st.sampled_from((*_TEXTS, *_NUMBERS, True, False, None))
metadata = st.dictionaries(st.sampled_from(KEYS), scalars | st.lists(scalars, max_size=3), max_size=4)
groups = st.lists(st.sampled_from(GROUPS), unique=True, max_size=2)


def attributes(number: int) -> st.SearchStrategy[Attributes]:
    """Generate the attributes of the document with a number."""
    return st.builds(
        Attributes,
        document_id=st.just(f"d{number}"),
        lang=st.sampled_from(_LANGUAGES),
        created_at=st.sampled_from(_DATES),
        updated_at=st.sampled_from(_DATES),
        metadata=metadata,
        groups=groups,
    )


_fields = st.sampled_from(KEYS).map(lambda key: Field(Name.METADATA, key))
_maybe = st.none() | st.sampled_from((*map(float, _NUMBERS), *_DATES))
_conditions = st.one_of(
    st.builds(OneOf, _fields, st.lists(scalars, max_size=3).map(tuple)),
    st.builds(OneOf, st.just(Field(Name.LANG)), st.lists(st.sampled_from(_LANGUAGES), max_size=2).map(tuple)),
    st.builds(
        OneOf,
        st.just(Field(Name.DOCUMENT_ID)),
        st.lists(st.integers(0, 30).map(lambda number: f"d{number}"), max_size=5).map(tuple),
    ),
    st.builds(Exists, _fields | st.just(Field(Name.LANG))),
    st.builds(Within, _fields, st.sampled_from(("number", "date")), _maybe, _maybe, _maybe, _maybe),
    st.builds(
        Within,
        st.sampled_from((Field(Name.CREATED_AT), Field(Name.UPDATED_AT))),
        st.just("date"),
        _maybe,
        _maybe,
        _maybe,
        _maybe,
    ),
)


def _combined(part: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(part, max_size=3).map(tuple)
    return st.builds(AllOf, parts) | st.builds(AnyOf, parts) | st.builds(Not, part)


filters: st.SearchStrategy[Filter] = st.recursive(_conditions, _combined, max_leaves=8)


def holds(wanted: Filter, of: Attributes) -> bool:
    """Whether a filter holds for attributes, condition by condition as the words of its definition have it."""
    match wanted:
        case AllOf(parts):
            return all(holds(part, of) for part in parts)
        case AnyOf(parts):
            return any(holds(part, of) for part in parts)
        case Not(part):
            return not holds(part, of)
        case OneOf() | Within() | Exists():
            return _met(wanted, of)


def readable(of: Attributes, groups: frozenset[str]) -> bool:
    """Whether a member of groups may read what has these attributes."""
    return not of.groups or bool(groups.intersection(of.groups))


def _met(condition: OneOf | Within | Exists, of: Attributes) -> bool:
    match condition:
        case Exists(field):
            return field.key in of.metadata if field.name is Name.METADATA else bool(of.lang)
        case OneOf(field, values):
            return any(_equal(own, value) for own in _values(field, of) for value in values)
        case Within(field, kind):
            if field.name is not Name.METADATA:
                return _within(condition, getattr(of, field.name))
            numbers = (_number(own, kind) for own in _values(field, of))
            return any(number is not None and _within(condition, number) for number in numbers)


def _values(field: Field, of: Attributes) -> list[JsonScalar]:
    if field.name is not Name.METADATA:
        return [getattr(of, field.name)]
    if field.key not in of.metadata:
        return []
    value = of.metadata[field.key]
    return value if isinstance(value, list) else [value]


def _equal(one: JsonScalar, other: JsonScalar) -> bool:
    numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other)]
    if all(numbers):
        return float(one or 0) == float(other or 0)
    return type(one) is type(other) and one == other


def _number(value: JsonScalar, kind: str) -> float | None:
    if kind == "number":
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if not isinstance(value, str) or len(value) < len("2024-02-29"):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _within(bounds: Within, number: float) -> bool:
    return (
        (bounds.gt is None or number > bounds.gt)
        and (bounds.gte is None or number >= bounds.gte)
        and (bounds.lt is None or number < bounds.lt)
        and (bounds.lte is None or number <= bounds.lte)
    )
