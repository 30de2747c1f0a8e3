"""Reads an index's files into the page cache after its first question.

Questions read lists and vectors here and there, and each page that is on the disk alone costs one as much as a
thousand additions. Read from end to end, the files of a million passages are there in seconds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

_PIECE_BYTES = 4 << 20
# What is read ahead takes no more than this part of the memory that nothing else needs.
_MOST_OF_MEMORY = 0.5
_AVAILABLE = "MemAvailable:"
# The part of a container's memory that the system cannot take back for a file.
_KEPT = "anon "


class ReadAhead:
    """Reads the files of one state of an index once, in a thread of its own."""

    def __init__(self) -> None:
        self._begun = threading.Lock()
        self._stopped = threading.Event()

    def begin(self, folder: Path, files: Callable[[], Iterable[str]]) -> None:
        """Begin if this is the first time; does nothing where the system cannot be told (macOS, Windows).

        files: names them by their paths in the folder; called the first time alone, for every search begins.
        """
        if not hasattr(os, "posix_fadvise") or not self._begun.acquire(blocking=False):
            return
        paths = [folder / path for path in files()]
        threading.Thread(target=self._read, args=(paths,), name="read-ahead", daemon=True).start()

    def stop(self) -> None:
        """Leave off, now or when it begins."""
        self._stopped.set()

    def _read(self, paths: list[Path]) -> None:
        """Read the small ones first: each question needs a part of those."""
        left = _MOST_OF_MEMORY * available_bytes()
        with ExitStack() as stack:
            files = []
            for path in paths:
                with suppress(FileNotFoundError):  # a commit since then has removed it
                    descriptor = stack.enter_context(path.open("rb")).fileno()
                    files.append((os.fstat(descriptor).st_size, descriptor))
            for size, descriptor in sorted(files):
                left -= size
                for start in range(0, size if left >= 0 else 0, _PIECE_BYTES):
                    if self._stopped.is_set():
                        return
                    _fetch(descriptor, start, min(_PIECE_BYTES, size - start))


def _fetch(descriptor: int, start: int, count: int) -> None:
    """Have a piece read and wait for it, so that a question's own reads wait for one piece at most."""
    os.posix_fadvise(descriptor, start, count, os.POSIX_FADV_WILLNEED)
    os.pread(descriptor, 1, start + count - 1)


def available_bytes(system: Path = Path("/")) -> int:
    """Return how much memory nothing else needs: of the machine, or of the container that this runs in.

    system: the folder of proc and sys (Linux; a container's limit by cgroup v2).
    """
    available = 1024 * _number(system / "proc/meminfo", _AVAILABLE)
    with suppress(OSError, ValueError):  # there is no such limit, or it is "max"
        limit = int((system / "sys/fs/cgroup/memory.max").read_text("ascii"))
        return min(available, limit - _number(system / "sys/fs/cgroup/memory.stat", _KEPT))
    return available


def _number(path: Path, name: str) -> int:
    """Return the number after a name at the start of a line, 0 where there is none."""
    lines = path.read_text("ascii").splitlines()
    return next((int(line.removeprefix(name).split()[0]) for line in lines if line.startswith(name)), 0)
