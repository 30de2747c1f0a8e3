"""`ragstone up`: server and workers together, the example collection at the first start."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Annotated

import httpx
import typer

from app.cli.checks import check_data_dir, listen
from app.cli.children import Children
from app.cli.client import admin_key_of, connected_to, load_settings, own_address
from app.cli.examples import load_examples
from app.cli.greeting import greet, invite, wait_for_examples
from core.settings import Settings

_CORES_PER_WORKER, _MOST_BY_CORES = 4, 8


def up(
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Workers; else RAGSTONE_WORKERS.")] = None,
) -> None:
    """Start server and workers, load the examples once, and run until Ctrl-C.

    Example: RAGSTONE_PORT=8090 ragstone up --workers 2
    """
    settings = load_settings()
    check_data_dir(settings)
    listening = listen(settings)
    stopping: list[int] = []
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda received, _frame: stopping.append(received))
    # The port is ours from here on: a second `ragstone up` cannot take it, nor our questions, and a server that
    # died finds those waiting that came meanwhile.
    with listening, Children() as children:

        def goes_on() -> bool:
            """Whether nobody has asked to stop; starts again what has died."""
            if not stopping:
                children.check()
            return not stopping

        fd = listening.fileno()
        children.start("server", "app.cli", "serve", "--fd", str(fd), inherits=(fd,))
        _wait_for_server(settings, goes_on)
        # Second, because the server has the first word on a database that is missing or has to be migrated.
        count = workers or settings.workers or _workers_by_cores()
        for number in range(1, count + 1):
            children.start("worker" if count == 1 else f"worker {number}", "ingest")
        if goes_on():
            _welcome(settings, goes_on)
        while goes_on():
            time.sleep(0.2)
        typer.echo("\nStopping ...")
    typer.echo("Stopped.")


def _workers_by_cores() -> int:
    """A worker embeds on every core, but reads and cuts documents on one: several overlap the two."""
    return min(_MOST_BY_CORES, max(1, len(os.sched_getaffinity(0)) // _CORES_PER_WORKER))


def _wait_for_server(settings: Settings, goes_on: Callable[[], bool]) -> None:
    with httpx.Client(base_url=own_address(settings), trust_env=False) as client:
        while goes_on():
            try:
                if client.get("/healthz").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)


def _welcome(settings: Settings, goes_on: Callable[[], bool]) -> None:
    with connected_to(own_address(settings), admin_key_of(settings)) as client:
        if settings.examples:
            load_examples(settings, client)
        greet(settings)
        wait_for_examples(client, goes_on)
        if goes_on():
            invite(settings, client)
