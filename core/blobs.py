"""Original files, content-addressed: a blob's name is its SHA-256, and it is whole or absent."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from core.errors import NotFound, StorageFull, TooLarge

_INCOMING = ".incoming-"
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file: its SHA-256 in hex and its size."""

    sha256: str
    size_bytes: int


class BlobStore:
    """A folder of blobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self._folder / sha256[:2] / sha256

    def put(self, data: bytes) -> Blob:
        """Store data durably; raises StorageFull."""
        with _Writing(self._folder) as writing:
            writing.write(data)
            return writing.finish(self._path)

    async def put_stream(self, pieces: AsyncIterator[bytes], limit_bytes: int) -> Blob:
        """Store a stream durably; raises TooLarge past limit_bytes, StorageFull, and leaves nothing then."""
        with _Writing(self._folder) as writing:
            async for piece in pieces:
                if writing.size + len(piece) > limit_bytes:
                    raise TooLarge(f"The file is larger than the {limit_bytes:,} bytes accepted here.")
                await to_thread.run_sync(writing.write, piece)
            return await to_thread.run_sync(writing.finish, self._path)

    def get(self, sha256: str) -> bytes:
        """Return a blob's bytes; raises NotFound."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound("The original file is missing from the blob folder.") from None

    def damage(self, sha256: str, size_bytes: int, *, content: bool) -> str:
        """Return what is wrong with a blob, empty where nothing is; content: read it and compare its checksum."""
        try:
            path = self._path(sha256)
            if path.stat().st_size != size_bytes:
                return f"has {path.stat().st_size} bytes instead of {size_bytes}"
            if content:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                        return "does not match its checksum"
        except FileNotFoundError:
            return "is missing"
        return ""

    def remove(self, sha256: str, before: float = math.inf) -> None:
        """Remove a blob, if it is there and was last written before a time (seconds since the epoch)."""
        path = self._path(sha256)
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()

    def remove_unfinished(self, before: float) -> None:
        """Remove what uploads have left that broke off: nothing was written to it since a time."""
        for path in self._folder.glob(f"{_INCOMING}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def older_than(self, mtime: float) -> Iterable[str]:
        """Names of the blobs last written before mtime (seconds since the epoch)."""
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if path.stat().st_mtime < mtime:
                yield path.name


class _Writing:
    """A blob on its way: a temporary file that becomes the blob or disappears."""

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._hash = hashlib.sha256()
        with _no_space():
            handle, name = tempfile.mkstemp(prefix=_INCOMING, dir=folder)
        self._file = os.fdopen(handle, "wb")
        self._temporary = Path(name)

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            if error.errno != errno.ENOSPC:  # a full disk was reported by write already
                raise
        finally:
            self._temporary.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        with _no_space():
            self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def finish(self, path_of: Callable[[str], Path]) -> Blob:
        sha256 = self._hash.hexdigest()
        path = path_of(sha256)
        with _no_space():
            self._file.flush()
            os.fsync(self._file.fileno())
            path.parent.mkdir(exist_ok=True)
            # Replacing an equal blob renews its time, which protects it from the collector.
            self._temporary.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return Blob(sha256, self.size)


class _no_space:  # noqa: N801 - reads as a block, not as a class
    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: object, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(
                "The disk that holds the data folder is full: free some space and try again."
            ) from error
