"""Texts and values from outside that both databases can hold and compare."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator
from pydantic_core import PydanticCustomError

from core.types import JsonScalar


def refusal(message: str) -> PydanticCustomError:
    """Return an error that pydantic shows as it is, after the name of what is wrong."""
    return PydanticCustomError("value", message)


def plain_text(text: str) -> str:
    """Return a text that can be kept; raises PydanticCustomError for one that cannot."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise refusal("may not contain U+0000 nor half a surrogate pair")
    return text


def finite(number: float) -> float:
    """Return a number as PostgreSQL's double precision takes it; raises PydanticCustomError for one beyond it."""
    try:
        double = float(number)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        raise refusal("should be a number that fits into 64 bits")
    return double


def scalar(value: object) -> JsonScalar:
    """Return a value of metadata as it is; raises PydanticCustomError for anything else."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        finite(value)
    elif value is not None and not isinstance(value, bool):
        raise refusal("should be a text, a number, true, false or null")
    return value


def _scalars(value: object) -> JsonScalar | list[JsonScalar]:
    return [scalar(element) for element in value] if isinstance(value, list) else scalar(value)


PlainText = Annotated[str, AfterValidator(plain_text)]
Scalar = Annotated[Any, PlainValidator(scalar, json_schema_input_type=JsonScalar)]
Scalars = Annotated[Any, PlainValidator(_scalars, json_schema_input_type=JsonScalar | list[JsonScalar])]
