"""`ragstone ingest`: files and folders into a collection, with a progress bar."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.client import checked, connected, fetched, stop, stream_lines
from app.cli.output import JsonFlag, print_json


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    collection: Annotated[str, typer.Option("--collection", "-c")],
    wait: Annotated[bool, typer.Option(help="Wait until the documents are searchable.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Feed files and folders; a file's path below the folder is its id, so that the same path replaces.

    Example: ragstone ingest ./handbook -c handbook
    """
    files = [found for path in paths for found in _files(path)]
    if not files:
        stop("no files found there.", 2)
    with connected() as client, _progress() as progress:
        if client.get(f"/v1/collections/{collection}").status_code == 404:
            fetched(client, "PUT", f"/v1/collections/{collection}", json={})
        bar = progress.add_task("uploading", total=len(files))
        queued: list[dict[str, Any]] = []
        errors: list[dict[str, str]] = []
        for document_id, path in files:
            reply = _upload(client, collection, document_id, path)
            if reply.status_code in {413, 422}:
                errors.append({"document_id": document_id, "detail": reply.json().get("detail", "")})
                _print_errors(progress, errors[-1:])
            else:
                queued.append(checked(reply).json())
            progress.advance(bar)
        ended = [_follow(client, job, progress) for job in queued] if wait else queued
    errors += [error for job in ended for error in job["errors"]]
    unchanged = sum(job["unchanged"] for job in ended)
    if as_json:
        counts = {"files": len(files), "failed": len(errors), "unchanged": unchanged}
        print_json(counts | {"errors": errors, "jobs": [job["id"] for job in ended]})
    else:
        same = f" ({unchanged} unchanged)" if unchanged else ""
        done = "searchable" if wait else "queued"
        typer.echo(f"{len(files) - len(errors)} of {len(files)} files {done}{same}.")
    if errors:
        raise typer.Exit(1)


def _upload(client: httpx.Client, collection: str, document_id: str, path: Path) -> httpx.Response:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    with path.open("rb") as file:
        return client.put(
            f"/v1/collections/{collection}/documents/{quote(document_id, safe='/')}",
            content=file,
            headers={"Content-Type": media_type},
        )


def _print_errors(progress: Progress, errors: Sequence[Mapping[str, str]]) -> None:
    """Print why documents failed, a line each, beside what a program reads on standard output."""
    for error in errors:
        line = f"{error['document_id']}: {error['detail']}"
        progress.console.print(line, markup=False, highlight=False, soft_wrap=True, style="red")


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
    elif path.is_dir():
        for found in sorted(path.rglob("*")):
            relative = found.relative_to(path)
            if found.is_file() and not any(part.startswith(".") for part in relative.parts):
                yield relative.as_posix(), found
    else:
        stop(f"{path} does not exist.", 2)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _follow(client: httpx.Client, job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Follow one job's events to its end and print why its documents failed."""
    bar = progress.add_task(job["kind"], total=job["total"] or None)
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as response:
        checked(response)
        for line in stream_lines(response):
            if line.startswith("data:"):
                job = json.loads(line[5:])
                progress.update(bar, completed=job["done"], total=job["total"] or None, description=job["stage"])
    progress.remove_task(bar)
    _print_errors(progress, job["errors"])
    return job


def finish(client: httpx.Client, job: dict[str, Any], *, wait: bool, as_json: bool) -> None:
    """Wait for a job where asked to, print it, and end with a code that tells how it went."""
    if wait:
        with _progress() as progress:
            job = _follow(client, job, progress)
    if as_json:
        print_json(job)
    else:
        typer.echo(f"{job['id']}  {job['state']}  {job['done']} of {job['total']}")
    if job["state"] in {"failed", "partial", "cancelled"}:
        raise typer.Exit(1)
