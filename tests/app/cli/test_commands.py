"""Every command: its help, its JSON, its exit code, and what it says when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
import typer

from app.cli.main import cli
from tests.app.cli.commands import Commands
from tests.support.service import free_port

TEXT = "# Leave\n\nEmployees have twenty days of paid leave a year.\n\n# 报销\n\n报销须在四十五天内提交。"
# They run until they are stopped, and print no result.
WITHOUT_RESULT = {"up", "serve", "worker"}


def leaves(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    for name, sub in getattr(command, "commands", {}).items():
        if hasattr(sub, "commands"):
            yield from leaves(sub, (*path, name))
        else:
            yield (*path, name), sub


COMMANDS = list(leaves(typer.main.get_command(cli)))


@pytest.fixture(scope="module", autouse=True)
def _document(commands: Commands) -> None:
    commands.service.create_collection("leave")
    commands.service.put("leave", "leave.md", TEXT.encode(), "text/markdown")


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_help_says_what_it_does_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    text = " ".join((command.help or "").split())
    example = text.partition("Example: ")[2]
    assert f"ragstone {' '.join(path)}" in example, text
    if path[0] not in WITHOUT_RESULT:
        assert any("--json" in parameter.opts for parameter in command.params), path


def test_these_are_the_commands() -> None:
    names = {path[0] for path, _ in COMMANDS}
    assert names == {
        *("up", "serve", "worker", "ingest", "ask", "search", "status"),
        *("collections", "documents", "jobs", "reindex", "rollback", "keys", "verify", "purge", "backfill"),
    }


def test_help_lists_the_commands_and_needs_no_service(commands: Commands) -> None:
    shown = commands.run("--help", RAGSTONE_PORT="1")
    assert shown.code == 0
    assert all(path[0] in shown.out for path, _ in COMMANDS)


def test_answer_streams_with_its_source(commands: Commands) -> None:
    shown = commands.run("ask", "How many days of paid leave do employees have?", "-c", "leave")
    assert shown.code == 0
    assert "twenty days" in shown.out
    assert "leave.md" in shown.out
    answer = commands.json("ask", "报销须在多少天内提交？", "-c", "leave")
    assert answer["grounded"] is True
    assert "四十五天" in answer["text"]
    assert answer["citations"][0]["document_id"] == "leave.md"


def test_answer_is_read_whatever_a_title_holds(commands: Commands) -> None:
    commands.service.create_collection("odd")
    with commands.service.client() as client:
        query = {"title": "Line\u2028separator and next\u0085line"}
        reply = client.put(
            "/v1/collections/odd/documents/odd.txt", params=query, content=b"The odd fee is ten euros."
        )
        commands.service.wait_for_job(reply.json()["id"])
    shown = commands.run("ask", "How much is the odd fee?", "-c", "odd")
    assert (shown.code, "ten euros" in shown.out) == (0, True), shown


def test_passages_are_found_in_every_mode(commands: Commands) -> None:
    for mode in ("hybrid", "dense", "lexical"):
        found = commands.json("search", "paid leave", "-c", "leave", "--mode", mode, "--k", "1")
        assert found["hits"][0]["document_id"] == "leave.md"
    assert "leave.md\t" in commands.run("search", "paid leave", "-c", "leave").out


def test_status_counts_and_keeps_secrets(commands: Commands) -> None:
    assert commands.json("status")["documents"] >= 1
    shown = commands.run("status")
    assert f"RAGSTONE_PORT={commands.service.port}" in shown.out
    assert "vectors compared one by one" in shown.out
    assert commands.service.admin_key not in shown.out


def test_key_is_made_limited_and_revoked(commands: Commands) -> None:
    commands.service.create_collection("other")
    (made,) = commands.json("keys", "create", "app", "--scope", "search", "--collection", "leave")
    key = {"RAGSTONE_KEY": made["key"]}
    assert commands.run("search", "leave", "-c", "leave", **key).code == 0
    assert "(HTTP 40" in commands.line("search", "leave", "-c", "other", code=4, **key)
    assert "(HTTP 403)" in commands.line("ask", "leave?", "-c", "leave", code=4, **key)
    assert "(HTTP 403)" in commands.line("keys", "list", code=4, **key)
    listed = {row["id"]: row for row in commands.json("keys", "list")}
    assert (listed[made["id"]]["scopes"], listed[made["id"]]["collections"]) == (["search"], ["leave"])
    assert "key" not in listed[made["id"]]
    assert commands.json("keys", "revoke", made["id"]) == {"revoked": made["id"]}
    assert "(HTTP 401)" in commands.line("search", "leave", "-c", "leave", code=4, **key)


def test_what_is_wrong_is_one_plain_line(commands: Commands) -> None:
    wrong = commands.line("status", code=4, RAGSTONE_KEY="rs_wrong")
    assert "(HTTP 401)" in wrong
    missing = commands.line("search", "x", "-c", "nowhere", code=4)
    assert "nowhere" in missing
    assert "(HTTP 404)" in missing
    assert "mode" in commands.line("search", "x", "-c", "leave", "--mode", "psychic", code=4)
    down = commands.line("status", code=3, RAGSTONE_PORT=str(free_port()))
    assert "nothing answers" in down
    assert "ragstone up" in down
    unset = commands.line("status", code=2, RAGSTONE_ADMIN_KEY="", RAGSTONE_DATA_DIR="/nonexistent")
    assert "RAGSTONE_KEY" in unset
    assert "RAGSTONE_PORT" in commands.line("status", code=2, RAGSTONE_PORT="http")


def test_wrong_use_is_explained_and_ends_with_2(commands: Commands) -> None:
    for arguments in (["ask"], ["nonsense"], ["documents", "list", "--stat", "x"], ["ingest"]):
        ended = commands.run(*arguments)
        assert ended.code == 2, arguments
        assert "Usage" in ended.err
