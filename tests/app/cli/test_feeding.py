"""`ragstone ingest`, `documents`, `collections`, `jobs` and `reindex` over a running service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.cli.commands import Commands
from tests.examples.texts import DOCUMENTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("handbook")
    (root / "hr").mkdir()
    (root / "hr" / "年假 2025#1.md").write_text("# 年假\n\n员工每年有二十天年假。", encoding="utf-8")
    (root / "travel.txt").write_text("Taxis need a receipt above 20 euros.")
    (root / "table.csv").write_text("code,meaning\nE-1042,Sensor broken\n")
    (root / ".hidden.txt").write_text("Not for anybody.")
    return root


def test_folder_is_fed_and_the_same_folder_again_changes_nothing(commands: Commands, folder: Path) -> None:
    first = commands.run("ingest", str(folder), "-c", "handbook")
    assert (first.code, first.out.strip()) == (0, "3 of 3 files searchable.")
    again = commands.json("ingest", str(folder), "-c", "handbook")
    assert (again["files"], again["failed"], again["unchanged"], again["errors"]) == (3, 0, 3, [])
    listed = commands.json("documents", "list", "-c", "handbook")
    assert {document["id"] for document in listed} == {"hr/年假 2025#1.md", "travel.txt", "table.csv"}
    assert all(document["state"] == "ready" for document in listed)


def test_changed_file_replaces_what_was_there(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "fee.txt"
    for words in ("The fee is four euros.", "The fee is nine euros."):
        file.write_text(words)
        assert commands.run("ingest", str(file), "-c", "fees").code == 0
    (hit,) = commands.json("search", "fee", "-c", "fees")["hits"]
    assert "nine euros" in hit["text"]


def test_each_bad_file_is_one_line_and_the_others_are_searchable(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("The north gate opens at seven.")
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (tmp_path / "contract.pdf").write_text("not a PDF")
    ended = commands.run("ingest", str(tmp_path), "-c", "mixed")
    assert (ended.code, ended.out.strip()) == (1, "1 of 4 files searchable.")
    lines = dict(line.split(": ", 1) for line in ended.err.strip().splitlines())
    assert sorted(lines) == ["contract.pdf", "empty.pdf", "photo.png"]
    assert all(reason.endswith(".") for reason in lines.values())
    found = commands.json("ingest", str(tmp_path), "-c", "mixed", code=1)
    assert found["failed"] == 3
    assert {error["document_id"]: error["detail"] for error in found["errors"]} == lines
    failed = commands.run("documents", "list", "-c", "mixed", "--state", "failed")
    assert "PNG" in failed.out


def test_path_that_is_not_there_is_named(commands: Commands, tmp_path: Path) -> None:
    assert commands.line("ingest", str(tmp_path / "nowhere"), "-c", "x", code=2).endswith("nowhere does not exist.")
    (tmp_path / "empty").mkdir()
    assert "no files" in commands.line("ingest", str(tmp_path / "empty"), "-c", "x", code=2)


def test_job_can_be_followed_listed_and_cancelled(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Follow me.")
    (job_id,) = commands.json("ingest", str(tmp_path), "-c", "jobs", "--no-wait")["jobs"]
    assert commands.json("jobs", "follow", job_id)["state"] == "succeeded"
    assert "succeeded" in commands.run("jobs", "follow", job_id).out
    assert job_id in {job["id"] for job in commands.json("jobs", "list")}
    assert commands.json("jobs", "cancel", job_id) == {"cancelled": job_id}
    assert commands.json("jobs", "follow", job_id)["state"] == "succeeded"
    assert "no job" in commands.line("jobs", "follow", "nope", code=4).lower()


def test_document_is_shown_and_deleted_by_its_id(commands: Commands, folder: Path) -> None:
    commands.run("ingest", str(folder), "-c", "shown")
    name = "hr/年假 2025#1.md"
    assert commands.json("documents", "show", name, "-c", "shown")["title"] == "年假"
    assert "年假" in commands.run("documents", "show", name, "-c", "shown").out
    assert commands.json("documents", "delete", name, "-c", "shown") == {"deleted": name}
    assert commands.run("documents", "show", name, "-c", "shown").code == 4
    assert commands.json("search", "年假", "-c", "shown", "--mode", "lexical")["hits"] == []


def test_collection_is_made_listed_reindexed_and_deleted(commands: Commands) -> None:
    commands.json("collections", "create", "prices", "--title", "Price lists")
    commands.run("ingest", str(DOCUMENTS / "products" / "spare-parts.csv"), "-c", "prices")
    before = commands.json("documents", "list", "-c", "prices")[0]["chunks"]
    ended = commands.json("reindex", "prices", "--chunk-target-tokens", "64", "--chunk-max-tokens", "128")
    assert (ended["kind"], ended["state"]) == ("reindex", "succeeded")
    assert commands.json("documents", "list", "-c", "prices")[0]["chunks"] > before
    listed = {row["name"]: row for row in commands.json("collections", "list")}
    assert (listed["prices"]["title"], listed["prices"]["documents"]) == ("Price lists", 1)
    assert commands.json("collections", "delete", "prices", "--yes") == {"deleted": "prices"}
    assert "prices" not in {row["name"] for row in commands.json("collections", "list")}
    assert "prices" in commands.line("collections", "delete", "prices", "--yes", code=4)


def test_rollback_lets_the_index_before_answer_again(commands: Commands) -> None:
    commands.service.create_collection("returning")
    commands.service.put("returning", "heron.txt", b"The heron nests in the north tower.")
    (first,) = commands.json("collections", "generations", "returning")
    assert "no" in commands.line("rollback", "returning", code=4).lower()
    commands.json("reindex", "returning", "--chunk-target-tokens", "60")
    states = {each["id"]: each["state"] for each in commands.json("collections", "generations", "returning")}
    assert states.pop(first["id"]) != "active"
    assert list(states.values()) == ["active"]
    assert commands.json("rollback", "returning")["state"] == "succeeded"
    states = {each["id"]: each["state"] for each in commands.json("collections", "generations", "returning")}
    assert states.pop(first["id"]) == "active"
    assert "active" not in states.values()
    assert commands.service.search("returning", "heron")[0]["document_id"] == "heron.txt"
