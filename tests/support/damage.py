"""Damage to a file of an index."""

from __future__ import annotations

from pathlib import Path


def flip(file: Path) -> None:
    """Put a file with another last byte into a file's place; whoever has the old one mapped keeps it."""
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
