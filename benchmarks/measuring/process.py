"""What a process holds of the memory, and files out of the page cache (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes: of the process's own, and of files that it maps and shares with others."""

    own: int
    mapped: int

    @property
    def total(self) -> int:
        """Resident set size."""
        return self.own + self.mapped

    def less(self, other: Memory) -> Memory:
        """Return what remains without the other."""
        return Memory(self.own - other.own, self.mapped - other.mapped)


def memory(pid: int | str = "self") -> Memory:
    """Return what a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    kilobytes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Rss")}
    own, mapped, shared = (1024 * int(kilobytes[name]) for name in ("RssAnon", "RssFile", "RssShmem"))
    return Memory(own + shared, mapped)


def written_bytes() -> int:
    """Return how many bytes this process has written, to whatever, since it began."""
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def drop_from_page_cache(folder: Path) -> None:
    """Make the next reader of these files wait for the disk, as after a restart of the machine."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # what is not on the disk yet stays
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def size_of(folder: Path) -> tuple[int, int]:
    """Return how many files a folder holds and how many bytes they have."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
