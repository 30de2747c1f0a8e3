"""The one file that says what the index is: its segments, their files' checksums and their dead rows.

It is replaced atomically, so that a reader sees the index before a commit or after it, never between.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import Conflict, Unavailable
from indexes.analyse import ANALYSER_VERSION
from indexes.durable import replace_durably, sha256_of

FILE_NAME = "manifest.json"
SEGMENTS = "segments"
FORMAT = 4
# More commits than can follow one that has left a segment: the others have left tombstones, or none.
_BEYOND = 1_000_000


class IndexDamaged(Unavailable):
    """A file of the index is missing or is not what its manifest says."""

    slug, title = "index-damaged", "The index is damaged"


class IndexOutdated(Conflict):
    """The index was written by another version of the program: a reindex makes it anew."""

    slug, title = "index-outdated", "The index must be rebuilt"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of the index: path relative to the index's folder, size, checksum. It never changes."""

    path: str
    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, path: Path) -> FileRecord:
        """Describe a file that has just been written."""
        return cls(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path))


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A segment: rows in one language ("" for none), of which those in the tombstones file are dead."""

    name: str
    language: str
    rows: int
    dead: int
    files: tuple[FileRecord, ...]
    tombstones: FileRecord | None

    @property
    def live_rows(self) -> int:
        """Rows that are not dead."""
        return self.rows - self.dead

    def all_files(self) -> tuple[FileRecord, ...]:
        """The segment's own files and its present tombstones."""
        return (*self.files, self.tombstones) if self.tombstones else self.files

    def check(self, folder: Path) -> None:
        """Compare every file with its checksum, so that no damage is copied; raises IndexDamaged."""
        for file in self.all_files():
            if reason := _damage(folder / file.path, file):
                raise IndexDamaged(f"{file.path}: {reason}. Run `ragstone verify --repair`.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One committed state of the index. version counts commits; dimension is 0 until the first vector."""

    version: int = 0
    analyser: str = ANALYSER_VERSION
    dimension: int = 0
    segments: tuple[SegmentRecord, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest; a folder without one is an empty index.

        Raises IndexDamaged where the file is not whole, IndexOutdated where another version wrote it.
        """
        try:
            return cls.parse((folder / FILE_NAME).read_bytes())
        except FileNotFoundError:
            return cls()

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Read a manifest's content; raises as `read` does."""
        try:
            outer = json.loads(content)
            body = outer["manifest"]
            whole = outer["sha256"] == _digest(body)
        except (ValueError, KeyError, TypeError) as error:
            raise IndexDamaged(f"{FILE_NAME} cannot be read ({error}): rebuild it with a reindex.") from error
        if not whole:
            raise IndexDamaged(f"{FILE_NAME} does not match its checksum: rebuild it with a reindex.")
        if (written := outer.get("format")) != FORMAT:
            raise IndexOutdated(f"The index has format {written}, this version reads {FORMAT}: reindex.")
        return cls(
            version=body["version"],
            analyser=body["analyser"],
            dimension=body["dimension"],
            segments=tuple(map(_segment, body["segments"])),
        )

    @classmethod
    def beyond(cls, folder: Path) -> Manifest:
        """Return an empty state, later than any that the folder can have had: readers know segments by name."""
        numbers = [path.name.partition("-")[0] for path in (folder / SEGMENTS).glob("*-*")]
        newest = max((int(number) for number in numbers if number.isdecimal()), default=0)
        return cls(version=newest + _BEYOND)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files that this state needs."""
        return sum(file.size_bytes for segment in self.segments for file in segment.all_files())

    @property
    def live_rows(self) -> int:
        """Rows that are not dead."""
        return sum(segment.live_rows for segment in self.segments)

    def write(self, folder: Path) -> None:
        """Replace the manifest in folder; every file it names must be on the disk already."""
        body = asdict(self)
        outer = {"format": FORMAT, "sha256": _digest(body), "manifest": body}
        replace_durably(folder / FILE_NAME, json.dumps(outer, indent=1).encode())

    def files(self) -> set[str]:
        """Paths of all files that this state needs, relative to the index's folder."""
        return {file.path for segment in self.segments for file in segment.all_files()}

    def damaged_files(self, folder: Path) -> dict[str, str]:
        """Compare every file with its checksum and return why each that is missing or differs is no good."""
        files = [file for segment in self.segments for file in segment.all_files()]
        return {file.path: reason for file in files if (reason := _damage(folder / file.path, file))}

    def damages(self, folder: Path) -> list[str]:
        """Return a line for each damaged file."""
        return [f"{path}: {reason}" for path, reason in self.damaged_files(folder).items()]


def _damage(path: Path, file: FileRecord) -> str:
    if not path.is_file():
        return "missing"
    if path.stat().st_size != file.size_bytes:
        return f"{path.stat().st_size} bytes instead of {file.size_bytes}"
    return "" if sha256_of(path) == file.sha256 else "content does not match its checksum"


def _segment(body: dict[str, Any]) -> SegmentRecord:
    tombstones = body["tombstones"]
    return SegmentRecord(
        name=body["name"],
        language=body["language"],
        rows=body["rows"],
        dead=body["dead"],
        files=tuple(FileRecord(**file) for file in body["files"]),
        tombstones=FileRecord(**tombstones) if tombstones else None,
    )


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
