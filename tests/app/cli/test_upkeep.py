"""`ragstone verify` on the data folder of a running service: what it prints and how it ends."""

from __future__ import annotations

from pathlib import Path

from indexes.manifest import Manifest
from tests.app.cli.commands import Commands
from tests.support.stored import index_folder


def test_verify_tells_damage_by_its_exit_code_and_mends_it(commands: Commands) -> None:
    commands.service.create_collection("tended")
    commands.service.put("tended", "heron.txt", b"The heron nests in the north tower.")
    (report,) = commands.json("verify", "-c", "tended", "--deep")
    assert (report["documents"], report["chunks"], report["sound"]) == (1, 1, True)
    said = commands.run("verify", "-c", "tended")
    assert (said.code, said.out) == (0, "tended: index: sound: 1 documents, 1 chunks\n")

    folder = index_folder(commands.service, "tended")
    lost = next(iter(Manifest.read(folder).files()))
    (folder / lost).unlink()
    said = commands.run("verify", "-c", "tended")
    assert said.code == 1
    assert lost in said.out
    assert commands.run("verify", "-c", "tended", "--repair").code == 0
    assert commands.run("verify", "-c", "tended").code == 0
    assert commands.service.search("tended", "heron")[0]["document_id"] == "heron.txt"


def test_verify_says_why_it_could_not_run(commands: Commands, tmp_path: Path) -> None:
    assert "nowhere" in commands.line("verify", "-c", "nowhere", code=2)
    assert "no database" in commands.line("verify", code=2, RAGSTONE_DATA_DIR=str(tmp_path))
