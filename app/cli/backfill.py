"""`ragstone backfill`: embeds ahead, on a Ray cluster, what an index will ask for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.client import load_settings, stop
from app.cli.output import JsonFlag, print_json
from app.cli.upkeep import COULD_NOT_RUN, OneCollection
from core.errors import RagstoneError


def backfill(
    collection: OneCollection = None,
    workers: Annotated[int, typer.Option(min=1, help="Models that embed at the same time.")] = 1,
    address: Annotated[str, typer.Option(help="Address of a Ray cluster; empty: one on this machine.")] = "",
    cpus: Annotated[float, typer.Option(min=0.1, help="Cores that each model takes.")] = 1.0,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs that each model takes.")] = 0.0,
    as_json: JsonFlag = False,
) -> None:
    """Embed the chunks whose vectors are not kept, with Ray; 0: done, 2: it could not run.

    Runs beside a service or without one, and goes on where an earlier run was cut off.
    Example: ragstone backfill -c handbook --workers 4
    """
    from indexes.backfill.service import Cluster  # noqa: PLC0415 - the other commands start faster without it
    from indexes.backfill.service import backfill as embed  # noqa: PLC0415

    try:
        done = embed(load_settings(), collection, Cluster(workers, address, cpus, gpus))
    except RagstoneError as error:
        stop(error.detail, COULD_NOT_RUN)
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(f"embedded {done.embedded:,} of {done.texts:,} texts; the other vectors were kept already")
