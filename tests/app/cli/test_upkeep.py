"""`ragstone verify` and `purge` beside a running service: what they print and how they end."""

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


def test_purge_proves_by_its_exit_code_that_a_deleted_document_is_gone(commands: Commands, tmp_path: Path) -> None:
    secret = tmp_path / "contract.txt"
    secret.write_text("The merger of Ondrej and Vaclav closes on Friday at the notary.", encoding="utf-8")
    commands.service.create_collection("purged")
    commands.service.put("purged", "contract.txt", secret.read_bytes())
    with commands.service.client() as client:
        assert client.delete("/v1/collections/purged/documents/contract.txt").status_code == 204
    found = commands.json("purge", "--only-prove", "--prove", str(secret), code=1)
    assert found["purged"] is None
    assert not found["proof"]["clean"]
    said = commands.run("purge", "--prove", str(secret))
    assert said.code == 0, said
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["purged", "not found"]
    gone = commands.json("purge", "--only-prove", "--prove", str(secret), "--text", "Ondrej and Vaclav")
    assert gone["proof"]["clean"]


def test_purge_says_why_it_could_not_run(commands: Commands, tmp_path: Path) -> None:
    assert "--only-prove needs" in commands.line("purge", "--only-prove", code=2)
    assert "too short" in commands.line("purge", "--only-prove", "--text", "a", code=2)
    assert "UTF-8" in commands.line("purge", "--only-prove", "--text", "not \udcff text", code=2)
    missing = tmp_path / "missing.txt"
    assert str(missing) in commands.line("purge", "--prove", str(missing), code=2)
    assert "nowhere" in commands.line("purge", "-c", "nowhere", code=2)
