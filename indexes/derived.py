"""Files that are computed from a model's package once and kept: any of them can be deleted at any time."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

_DIGEST_BYTES = hashlib.sha256().digest_size

log = logging.getLogger(__name__)


def derived_file(path: Path, build: Callable[[], bytes]) -> bytes:
    """Return the content kept at path, or build it and keep it there.

    A file that is torn or corrupt is built again: its last 32 bytes are the SHA-256 of the rest. It is replaced
    in one step, so that processes that start together each find a whole file or none. Where it cannot be
    written, the content is built at every start, with a warning.
    """
    content = _read(path)
    if content is None:
        content = build()
        try:
            _write(path, content)
        except OSError as error:
            log.warning("%s cannot be kept and is computed at every start: %s", path, error)
    return content


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(max(0, os.fstat(file.fileno()).st_size - _DIGEST_BYTES))
            digest = file.read()
    except OSError:
        return None
    if hashlib.sha256(content).digest() != digest:
        log.warning("%s is damaged and is computed again", path)
        return None
    return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.write(hashlib.sha256(content).digest())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
