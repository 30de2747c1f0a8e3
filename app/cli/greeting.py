"""What `ragstone up` tells the person who started it: where the service is, the key, a line to paste."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import typer

from app.cli.client import admin_key_of, fetched, own_address
from app.cli.examples import COLLECTION
from core.settings import Settings

_QUESTION = "How many days of annual leave do I get?"


def greet(settings: Settings) -> None:
    """Print the addresses and the admin key."""
    address = own_address(settings)
    typer.echo(
        f"\nRagstone is ready.\n\n  Page       {address}/\n  API        {address}/openapi.json\n"
        f"  Admin key  {admin_key_of(settings)}\n"
    )


def wait_for_examples(client: httpx.Client, goes_on: Callable[[], bool]) -> None:
    """Show how the example documents become searchable, until they are or goes_on says no."""
    said = False
    while goes_on():
        loading = [job for job in _example_jobs(client) if job["finished_at"] is None]
        if not loading:
            break
        done, total = sum(job["done"] for job in loading), sum(job["total"] for job in loading)
        if sys.stdout.isatty():
            typer.echo(f"\r\033[K  Reading the example documents: {done} of {total}", nl=False)
        elif not said:
            typer.echo(f"  Reading {total} example documents ...")
        if not said:
            client.get("/readyz")  # meanwhile the server loads what the first question would wait for
        said = True
        time.sleep(0.2)
    if said and sys.stdout.isatty():
        typer.echo("\r\033[K", nl=False)


def invite(settings: Settings, client: httpx.Client) -> None:
    """Print a curl line that works as it stands: a question to the examples, or the list of collections."""
    address, key = own_address(settings), shlex.quote(f"Authorization: Bearer {admin_key_of(settings)}")
    if client.get(f"/v1/collections/{COLLECTION}").is_success:
        body = json.dumps({"collection": COLLECTION, "question": _QUESTION, "stream": False})
        line = (
            f"curl -s {address}/v1/answers -H {key} \\\n"
            f"    -H 'Content-Type: application/json' -d {shlex.quote(body)}"
        )
    else:
        line = f"curl -s {address}/v1/collections -H {key}"
    typer.echo(f"  Try it:\n\n  {line}\n\n  Ctrl-C stops it.\n")


def _example_jobs(client: httpx.Client) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = fetched(client, "GET", "/v1/jobs")["jobs"]
    return [job for job in jobs if job["collection"] == COLLECTION]
