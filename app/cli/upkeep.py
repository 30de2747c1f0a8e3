"""`ragstone verify` and `purge`: what is done to data folder and database themselves, beside a running service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.client import load_settings, stop
from app.cli.output import JsonFlag, print_json
from core.errors import RagstoneError

# Exit codes of `verify`: 0 sound, 1 damage.
COULD_NOT_RUN = 2
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
        stop(error.detail, COULD_NOT_RUN)
    if as_json:
        print_json([report.as_json() for report in reports])
    else:
        for report in reports:
            typer.echo("\n".join(report.lines()))
    raise typer.Exit(0 if all(report.sound for report in reports) else 1)


def purge(
    collection: OneCollection = None,
    prove: Annotated[
        list[Path] | None, typer.Option(help="Then look for pieces of this file everywhere; repeat.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="Then look for this text everywhere; repeat.")] = None,
    only_prove: Annotated[bool, typer.Option("--only-prove", help="Remove nothing, only look.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="PostgreSQL: write the tables anew, each locked meanwhile.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove for good what was deleted, and prove it; 0: done and nothing found, 1: found, 2: it could not run.

    Runs where the data folder is, beside a running service. Example: ragstone purge --prove contract.txt
    """
    from indexes.upkeep.service import Upkeep  # noqa: PLC0415 - the other commands start faster without it

    settings = load_settings()
    texts, files = text or [], prove or []
    if only_prove and not (texts or files):
        stop("--only-prove needs something to look for: --text or --prove.", COULD_NOT_RUN)
    try:
        with Upkeep.open(settings) as upkeep:
            purged = None if only_prove else upkeep.purge(collection, rewrite_tables=full)
            proof = upkeep.prove(texts, files) if texts or files else None
    except RagstoneError as error:
        stop(error.detail, COULD_NOT_RUN)
    if as_json:
        print_json({"purged": purged and purged.as_json(), "proof": proof and proof.as_json()})
    else:
        for part in (purged, proof):
            typer.echo("\n".join(part.lines() if part else []), nl=bool(part))
    raise typer.Exit(1 if (proof and not proof.clean) or (purged and purged.left) else 0)
