"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
console = Console()


def print_json(value: Any) -> None:
    """Print a value as JSON, one line a document."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_done(what: str, name: str, *, as_json: bool) -> None:
    """Print that something was deleted, cancelled or revoked."""
    if as_json:
        print_json({what: name})
    else:
        typer.echo(f"{what} {name}")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows: JSON where asked for, a table on a terminal, tab-separated lines into a pipe."""
    if as_json:
        print_json(list(rows))
    elif sys.stdout.isatty():
        table = Table(*columns, header_style="bold", box=None)
        for row in rows:
            table.add_row(*(escape(_cell(row.get(column))) for column in columns))
        console.print(table)
    else:
        for row in rows:
            typer.echo("\t".join(_cell(row.get(column)) for column in columns))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    # A title may hold control characters that would steer the reader's terminal.
    return "".join(c if c.isprintable() else " " for c in str(value))
