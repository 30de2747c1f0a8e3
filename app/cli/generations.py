"""`ragstone reindex`, `rollback`, and what `ragstone collections` tells of a collection's indexes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import feeding
from app.cli.client import connected, fetched, stop
from app.cli.output import JsonFlag, print_json, print_rows

Wait = Annotated[bool, typer.Option(help="Wait for the end.")]
_COLUMNS = ["id", "state", "embedder", "chunks", "missing", "segments", "size", "created_at", "kept_until"]


def reindex(
    collection: str,
    embedder: Annotated[str | None, typer.Option(help="e5, st:<model> or openai:<model>.")] = None,
    chunk_target_tokens: Annotated[int | None, typer.Option()] = None,
    chunk_max_tokens: Annotated[int | None, typer.Option()] = None,
    golden: Annotated[
        Path | None, typer.Option(help="JSON file of golden questions, in place of the collection's own.")
    ] = None,
    min_pass: Annotated[float | None, typer.Option(help="Share of them that must pass, 0 to 1.")] = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Build a collection's index anew while the old one answers.

    Example: ragstone reindex handbook --chunk-target-tokens 160
    """
    wanted = {
        "collection": collection,
        "embedder": embedder,
        "chunk_target_tokens": chunk_target_tokens,
        "chunk_max_tokens": chunk_max_tokens,
        "golden": None if golden is None else _questions(golden).get("questions"),
        "min_pass": min_pass,
    }
    with connected() as client:
        body = {name: value for name, value in wanted.items() if value is not None}
        job = fetched(client, "POST", "/v1/admin/reindex", json=body)
        feeding.finish(client, job, wait=wait, as_json=as_json)


def rollback(
    collection: str,
    generation: Annotated[int | None, typer.Option(help="One that is kept; the one before by default.")] = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Let the index that answered before answer again.

    Example: ragstone rollback handbook
    """
    body = {"collection": collection} | ({} if generation is None else {"generation": generation})
    with connected() as client:
        job = fetched(client, "POST", "/v1/admin/rollback", json=body)
        feeding.finish(client, job, wait=wait, as_json=as_json)


def list_generations(name: str, as_json: JsonFlag = False) -> None:
    """List the builds of a collection's index. Example: ragstone collections generations handbook"""
    with connected() as client:
        found = fetched(client, "GET", f"/v1/collections/{name}/generations")["generations"]
    if as_json:
        print_json(found)
        return
    rows = [row | {"size": row["damage"] or f"{row['size_bytes'] / 2**20:.1f} MB"} for row in found]
    print_rows(rows, _COLUMNS, as_json=False)


def golden_questions(
    name: str,
    file: Annotated[Path | None, typer.Argument(help="JSON file of questions to keep; without one: show.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show or set what every new index of a collection must find. Example: ragstone collections golden handbook"""
    path = f"/v1/collections/{name}/golden"
    with connected() as client:
        found = (
            fetched(client, "GET", path) if file is None else fetched(client, "PUT", path, json=_questions(file))
        )
    if as_json:
        print_json(found)
        return
    print_rows(found["questions"], ["question", "document_ids", "top"], as_json=False)


def _questions(file: Path) -> dict[str, Any]:
    """Read a list of questions, or an object with `questions` and `min_pass`."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        stop(f"{file} cannot be read: {error.strerror}.", 2)
    except ValueError as error:
        stop(f"{file} is not JSON: {error}.", 2)
    questions: dict[str, Any] = found if isinstance(found, dict) else {"questions": found}
    return questions
