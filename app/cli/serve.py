"""`ragstone serve` and `ragstone worker`: one part of the service alone."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Annotated

import typer

from app.cli.checks import check_data_dir, check_database, listen
from app.cli.client import load_settings, own_address


def serve(
    fd: Annotated[int | None, typer.Option(hidden=True, help="A socket that listens, from `ragstone up`.")] = None,
) -> None:
    """Run the HTTP server alone.

    Example: RAGSTONE_HOST=0.0.0.0 ragstone serve
    """
    import uvicorn  # noqa: PLC0415 - the other commands start faster without it

    settings = load_settings()
    check_data_dir(settings)
    listening = listen(settings) if fd is None else socket.socket(fileno=fd)
    check_database(settings)
    if fd is None and settings.log_format == "text":
        typer.echo(f"Ragstone listens on {own_address(settings)}", err=True)
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):  # raised again once all is closed
        server.run(sockets=[listening])
    if not server.started:
        raise typer.Exit(1)


def worker() -> None:
    """Run one ingestion worker alone; several may run at once.

    Example: ragstone worker
    """
    settings = load_settings()
    check_data_dir(settings)
    check_database(settings)
    os.execv(sys.executable, [sys.executable, "-m", "ingest"])  # noqa: S606 - our own interpreter and module
