"""The commands. Those here are HTTP calls to the running server, so they do what any client could do."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from app.cli import backfill, feeding, generations, serve, up, upkeep
from app.cli.client import checked, connected, fetched, stop, stream_lines
from app.cli.output import JsonFlag, console, print_done, print_json, print_rows

cli = typer.Typer(
    name="ragstone",
    help="Question answering over your own documents, with citations that can be checked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli.command()(up.up)
cli.command()(serve.serve)
cli.command()(serve.worker)
cli.command()(feeding.ingest)
cli.command()(generations.reindex)
cli.command()(generations.rollback)
cli.command()(upkeep.verify)
cli.command()(upkeep.purge)
cli.command()(backfill.backfill)
collections = typer.Typer(help="List, make and delete collections.", no_args_is_help=True)
documents = typer.Typer(help="List, show and delete documents.", no_args_is_help=True)
jobs = typer.Typer(help="List, follow and cancel jobs.", no_args_is_help=True)
keys = typer.Typer(help="Make, list and revoke the keys of applications.", no_args_is_help=True)
for group, name in ((collections, "collections"), (documents, "documents"), (jobs, "jobs"), (keys, "keys")):
    cli.add_typer(group, name=name)
collections.command("generations")(generations.list_generations)
collections.command("golden")(generations.golden_questions)
CollectionOption = Annotated[str, typer.Option("--collection", "-c", help="Name of the collection.")]


@cli.command()
def ask(
    question: str,
    collection: CollectionOption = "examples",
    k: Annotated[int | None, typer.Option(help="Sources to read.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a question and watch the answer stream.

    Example: ragstone ask "年假有几天？" -c examples
    """
    body = {"collection": collection, "question": question, "stream": not as_json} | ({"k": k} if k else {})
    with connected() as client:
        if as_json:
            print_json(fetched(client, "POST", "/v1/answers", json=body))
            return
        with client.stream("POST", "/v1/answers", json=body) as response:
            checked(response)
            _print_answer(response)


def _print_answer(response: httpx.Response) -> None:
    event, sources = "", {}
    for line in stream_lines(response):
        if line.startswith("event:"):
            event = line[6:].strip()
        if not line.startswith("data:"):
            continue
        data: dict[str, Any] = json.loads(line[5:])
        if event == "sources":
            sources = {source["n"]: source for source in data["sources"]}
        elif event == "delta":
            typer.echo(data["text"], nl=False)
        elif event == "done":
            typer.echo("\n")
            cited = sorted({citation["n"] for citation in data["citations"]})
            rows = [
                {"n": f"[{n}]", "document": sources[n]["document_id"], "page": _pages(sources[n])} for n in cited
            ]
            if rows:
                print_rows(rows, ["n", "document", "page"], as_json=False)
        elif event == "error":
            stop(data.get("detail", "the answer broke off"), 4)


def _pages(source: dict[str, Any]) -> str:
    first, last = source["page_from"], source["page_to"]
    return "" if first is None else f"p. {first}" if first == last else f"pp. {first}–{last}"


@cli.command()
def search(
    query: str,
    collection: CollectionOption = "examples",
    k: Annotated[int, typer.Option(help="Hits to show.")] = 10,
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    as_json: JsonFlag = False,
) -> None:
    """Find passages.

    Example: ragstone search E-1042 --mode lexical
    """
    body = {"collection": collection, "query": query, "k": k, "mode": mode}
    with connected() as client:
        found = fetched(client, "POST", "/v1/search", json=body)
    if as_json:
        print_json(found)
        return
    rows = [hit | {"page": _pages(hit), "text": " ".join(hit["text"].split())[:100]} for hit in found["hits"]]
    print_rows(rows, ["document_id", "page", "heading", "text"], as_json=False)


@cli.command()
def status(as_json: JsonFlag = False) -> None:
    """Show what runs, what waits and the settings (secrets masked).

    Example: ragstone status --json
    """
    with connected() as client:
        found = fetched(client, "GET", "/v1/admin/status")
    if as_json:
        print_json(found)
        return
    settings, indexes = found.pop("settings"), found.pop("indexes")
    for name, value in found.items():
        console.print(f"{name:>18}  {value}", markup=False)
    for index in indexes:
        console.print(f"{'index':>18}  {index['collection']}: {_index_line(index)}", markup=False, soft_wrap=True)
    for name, value in settings.items():
        console.print(f"RAGSTONE_{name.upper()}={'' if value is None else value}", markup=False, style="dim")


def _index_line(index: dict[str, Any]) -> str:
    if index["problem"]:
        return str(index["problem"])
    dense = index["dense"]
    vectors = f"{dense['exact_vectors']} vectors compared one by one"
    if dense["listed_vectors"]:
        vectors += (
            f", {dense['listed_vectors']} in {dense['lists']} lists "
            f"({dense['read_share']:.0%} read, recall {dense['recall']:.3f})"
        )
    return f"{index['chunks']} chunks, {index['segments']} segments, {index['size_bytes'] / 1e6:.1f} MB, {vectors}"


@collections.command("list")
def list_collections(as_json: JsonFlag = False) -> None:
    """List the collections. Example: ragstone collections list"""
    with connected() as client:
        found = fetched(client, "GET", "/v1/collections")["collections"]
    print_rows(found, ["name", "title", "documents", "embedder"], as_json=as_json)


@collections.command("create")
def create_collection(
    name: str,
    title: Annotated[str | None, typer.Option()] = None,
    description: Annotated[str | None, typer.Option()] = None,
    embedder: Annotated[str | None, typer.Option()] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a collection. Example: ragstone collections create handbook --title Handbook"""
    wanted = {"title": title, "description": description, "embedder": embedder}
    with connected() as client:
        body = {key: value for key, value in wanted.items() if value is not None}
        made = fetched(client, "PUT", f"/v1/collections/{name}", json=body)
    print_rows([made], ["name", "title", "embedder"], as_json=as_json)


@collections.command("delete")
def delete_collection(
    name: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a collection with all its documents. Example: ragstone collections delete handbook --yes"""
    if not yes:
        typer.confirm(f"Delete {name} with all its documents?", abort=True)
    with connected() as client:
        fetched(client, "DELETE", f"/v1/collections/{name}")
    print_done("deleted", name, as_json=as_json)


@documents.command("list")
def list_documents(
    collection: CollectionOption = "examples",
    state: Annotated[str | None, typer.Option(help="queued, processing, ready or failed.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List a collection's documents. Example: ragstone documents list -c examples --state failed"""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    with connected() as client:
        while cursor is not None:
            query = {"limit": 500, "cursor": cursor} | ({"state": state} if state else {})
            found = fetched(client, "GET", f"/v1/collections/{collection}/documents", params=query)
            rows += [d | {"reason": (d["error"] or {}).get("detail", "")} for d in found["documents"]]
            cursor = found["next_cursor"]
    print_rows(rows, ["id", "state", "title", "chunks", "reason"], as_json=as_json)


@documents.command("show")
def show_document(document_id: str, collection: CollectionOption = "examples", as_json: JsonFlag = False) -> None:
    """Show a document's state and report. Example: ragstone documents show hr/leave.md -c examples"""
    with connected() as client:
        found = fetched(client, "GET", _document_path(collection, document_id))
    if as_json:
        print_json(found)
        return
    print_rows(
        [{"field": name, "value": value} for name, value in found.items()], ["field", "value"], as_json=False
    )


@documents.command("delete")
def delete_document(document_id: str, collection: CollectionOption = "examples", as_json: JsonFlag = False) -> None:
    """Delete a document. Example: ragstone documents delete hr/leave.md -c examples"""
    with connected() as client:
        fetched(client, "DELETE", _document_path(collection, document_id))
    print_done("deleted", document_id, as_json=as_json)


def _document_path(collection: str, document_id: str) -> str:
    return f"/v1/collections/{collection}/documents/{quote(document_id, safe='/')}"


@jobs.command("list")
def list_jobs(as_json: JsonFlag = False) -> None:
    """List the newest jobs. Example: ragstone jobs list"""
    with connected() as client:
        found = fetched(client, "GET", "/v1/jobs")["jobs"]
    print_rows(found, ["id", "kind", "collection", "state", "done", "total", "failed"], as_json=as_json)


@jobs.command("follow")
def follow_job(job_id: str, as_json: JsonFlag = False) -> None:
    """Wait for a job's end. Example: ragstone jobs follow JOB"""
    with connected() as client:
        feeding.finish(client, fetched(client, "GET", f"/v1/jobs/{job_id}"), wait=True, as_json=as_json)


@jobs.command("cancel")
def cancel_job(job_id: str, as_json: JsonFlag = False) -> None:
    """Cancel a job. Example: ragstone jobs cancel JOB"""
    with connected() as client:
        fetched(client, "DELETE", f"/v1/jobs/{job_id}")
    print_done("cancelled", job_id, as_json=as_json)


@keys.command("create")
def create_key(
    name: str,
    scope: Annotated[list[str], typer.Option(help="ask, search, ingest or admin; repeat.")],
    collection: Annotated[list[str] | None, typer.Option(help="Limit to a collection; repeat.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Group whose documents it may read; repeat.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="Web origin that may use it; repeat.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key; it is shown this once. Example: ragstone keys create widget --scope ask --origin https://intra.example"""
    wanted = {
        "name": name,
        "scopes": scope,
        "collections": collection or None,
        "groups": group or [],
        "origins": origin or [],
    }
    with connected() as client:
        made = fetched(client, "POST", "/v1/keys", json=wanted)
    print_rows([made], ["id", "name", "key"], as_json=as_json)


@keys.command("list")
def list_keys(as_json: JsonFlag = False) -> None:
    """List the keys. Example: ragstone keys list"""
    with connected() as client:
        found = fetched(client, "GET", "/v1/keys")["keys"]
    print_rows(found, ["id", "name", "scopes", "collections", "origins", "revoked_at"], as_json=as_json)


@keys.command("revoke")
def revoke_key(key_id: str, as_json: JsonFlag = False) -> None:
    """Revoke a key at once. Example: ragstone keys revoke KEY"""
    with connected() as client:
        fetched(client, "DELETE", f"/v1/keys/{key_id}")
    print_done("revoked", key_id, as_json=as_json)


def main() -> None:
    """Run the command line."""
    cli()
