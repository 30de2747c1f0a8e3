"""`ragstone verify`: what is done to the data folder and the database themselves, beside a running service."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.client import load_settings, stop
from app.cli.output import JsonFlag, print_json
from core.errors import RagstoneError

# Exit codes of `verify`: 0 sound, 1 damage.
_COULD_NOT_RUN = 2
OneCollection = Annotated[str | None, typer.Option("--collection", "-c", help="One collection; all by default.")]


def verify(
    collection: OneCollection = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend from the database; the service goes on.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare with every chunk's text, a sample of vectors, and originals.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare database, index and original files, both ways; 0: sound, 1: damage, 2: it could not run.

    Runs where the data folder is, beside a running service or without one. Example: ragstone verify --repair
    """
    from indexes.upkeep.service import Upkeep  # noqa: PLC0415 - the other commands start faster without it

    settings = load_settings()
    try:
        with Upkeep.open(settings) as upkeep:
            reports = upkeep.verify(collection, repair=repair, deep=deep)
    except RagstoneError as error:
        stop(error.detail, _COULD_NOT_RUN)
    if as_json:
        print_json([report.as_json() for report in reports])
    else:
        for report in reports:
            typer.echo("\n".join(report.lines()))
    raise typer.Exit(0 if all(report.sound for report in reports) else 1)
