"""Changes to a generation's index: one writer at a time, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from core.errors import Unavailable
from core.settings import Settings
from core.types import IndexEntry
from indexes.backends import open_any_writer, open_embedded_writer
from indexes.lexical.fields import FieldWeights
from indexes.locks import IndexLocked
from indexes.manifest import IndexOutdated, Manifest
from indexes.writer import IndexWriter

_LONGEST_WAIT_S = 30.0
_W = TypeVar("_W")


def open_writer(
    settings: Settings, generation_id: int, *, without: Collection[str] = (), anew: bool = False
) -> IndexWriter:
    """Open the writer of an embedded generation as `IndexWriter.open`, waiting for another to finish.

    Raises Unavailable.
    """
    return _waiting(lambda: open_embedded_writer(settings, generation_id, without=without, anew=anew))


def _waiting(open_: Callable[[], _W]) -> _W:
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while True:
        try:
            return open_()
        except IndexLocked:
            if time.monotonic() > deadline:
                raise Unavailable("Another process has been writing to this index for long.") from None
            time.sleep(0.05)


def check_readable(settings: Settings, generation_id: int) -> None:
    """Raise IndexOutdated or IndexDamaged where an index's manifest says that it cannot be searched or written."""
    manifest = Manifest.read(settings.index_folder(generation_id))
    analyser = FieldWeights.of(settings).analyser
    if manifest.analyser != analyser and manifest.segments:
        raise IndexOutdated(f"The index was written by analyser {manifest.analyser}, this is {analyser}: reindex.")


def commit_to_index(settings: Settings, generation_id: int, entries: Sequence[IndexEntry]) -> None:
    """Add entries and commit: when this returns, every reader that looks finds them."""
    with _waiting(lambda: open_any_writer(settings, generation_id)) as writer:
        writer.add(entries)
        writer.commit()


def remove_from_index(settings: Settings, generation_id: int, chunk_ids: Sequence[int]) -> None:
    """Remove chunks and commit."""
    with _waiting(lambda: open_any_writer(settings, generation_id)) as writer:
        writer.tombstone(chunk_ids)
        writer.commit()
