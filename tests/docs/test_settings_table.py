from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.settings import Settings
from tests.docs.pages import ROOT

_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def test_the_table_holds_every_setting_with_its_default_and_meaning() -> None:
    """What it should hold is in the message: paste it."""
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    shown = [line for line in page.splitlines() if line.startswith("| `RAGSTONE_")]
    wanted = [_row(name, field) for name, field in Settings.model_fields.items()]
    assert shown == wanted, "docs/operating.md, the settings:\n" + "\n".join(wanted)


def _row(name: str, field: FieldInfo) -> str:
    return f"| `RAGSTONE_{name.upper()}` | {_default(field.default)} | {_values(field)} | {field.description} |"


def _default(value: Any) -> str:
    assert value is not PydanticUndefined
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value is None or value == "":
        return "–"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{int(value) if isinstance(value, bool) else value}`"


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    if field.annotation is bool:
        return "`0`, `1`"
    bounds = [
        f"{sign} {getattr(bound, name):,}"
        for bound in field.metadata
        for name, sign in _SIGNS.items()
        if hasattr(bound, name)
    ]
    return ", ".join(bounds)
