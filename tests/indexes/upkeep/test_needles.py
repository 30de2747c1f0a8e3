"""The search of a proof finds what is there, whatever lies around it, and takes nothing for something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.upkeep import needles
from indexes.upkeep.needles import Haystack, Needle, spellings, windows

NEEDLES = st.lists(st.binary(min_size=6, max_size=40), min_size=1, max_size=20, unique=True)


@given(contents=NEEDLES, around=st.lists(st.binary(max_size=30), min_size=2, max_size=20), data=st.data())
def test_every_place_is_found_as_by_plain_search(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], around: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(piece + data.draw(st.sampled_from([*contents, b""])) for piece in around)
    path = tmp_path_factory.mktemp("hay") / "stack"
    path.write_bytes(whole)
    found = sorted((at, n.content) for at, n in Haystack(Needle(c, "") for c in contents).found_in(path))
    plain = [(at, c) for c in contents for at in range(len(whole)) if whole.startswith(c, at)]
    assert found == sorted(plain)


@pytest.mark.parametrize("size", range(6))
def test_a_file_too_short_for_a_needle_holds_none(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"needle"[:size])
    assert not list(Haystack([Needle(b"needle", "")]).found_in(path))


def test_places_across_blocks_of_a_large_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needles, "_BLOCK", 64)
    path = tmp_path / "file"
    whole = b".".join(b"%05d needle" % n for n in range(200))
    path.write_bytes(whole)
    found = sorted(at for at, _ in Haystack([Needle(b"needle", "")]).found_in(path))
    assert found == [at for at in range(len(whole)) if whole.startswith(b"needle", at)]


def test_a_text_is_looked_for_in_every_spelling() -> None:
    contents = {needle.content for needle in spellings("年假 10 days")}
    assert contents == {
        "年假 10 days".encode(),
        "年假 10 days".encode("utf-16-le"),
        "年假 10 days".encode("utf-16-be"),
        b"\\u5e74\\u5047 10 days",
    }
    assert spellings("ab") == []


def test_windows_are_pieces_of_the_text_in_whatever_encoding_it_came() -> None:
    text = "The leave policy grants twenty days.\n年假共有二十天，入职满一年之后可以提前申请。\nshort\n"
    for encoding in ("utf-8", "utf-16", "gb18030"):
        pieces = windows(text.encode(encoding))
        assert len(pieces) >= 2
        assert all(piece in text for piece in pieces)
    assert windows(b"\x00\x01\xff" * 100) == []
