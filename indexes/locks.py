"""Who may change an index's folder: advisory locks, which the kernel drops when their holder dies."""

from __future__ import annotations

import fcntl
from pathlib import Path

from core.errors import Conflict


class IndexLocked(Conflict):
    """Another process writes to this index."""

    slug, title = "index-locked", "The index has another writer"


class FolderLock:
    """A lock on a file of the folder, held from the start."""

    def __init__(self, folder: Path, name: str) -> None:
        """Raises IndexLocked where another process, or another part of this one, holds it."""
        self._file = (folder / name).open("wb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise IndexLocked(
                f"Another process is writing to the index in {folder}: stop it, or let it finish."
            ) from None

    def release(self) -> None:
        """Let the next one in; idempotent."""
        self._file.close()
