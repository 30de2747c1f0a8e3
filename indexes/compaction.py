"""Merges segments while others write and read: the work is done beside the index, only the switch is a write."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from core.settings import Settings
from indexes.locks import FolderLock, IndexLocked
from indexes.manifest import Manifest
from indexes.merging import next_merge
from indexes.segments import MergedContent, Segment, read_dead, write_segment
from indexes.writing import open_writer

# Not among the segments, of which a writer removes those that no manifest names.
STAGING = "merging"
_LOCK_FILE = "merge.lock"


def merge_segments(settings: Settings, generation_id: int) -> bool:
    """Do the next merge that is due in a generation's index; returns whether there may be more to do.

    Others may write meanwhile; what they delete from the merged segments is carried over. Raises StorageFull,
    IndexDamaged, Unavailable.
    """
    folder = settings.index_folder(generation_id)
    if not folder.is_dir():
        return False
    try:
        lock = FolderLock(folder, _LOCK_FILE)
    except IndexLocked:
        return False  # another worker merges here
    try:
        shutil.rmtree(folder / STAGING, ignore_errors=True)  # left by a process that was killed
        return _merge(settings, generation_id, folder)
    finally:
        lock.release()


def _merge(settings: Settings, generation_id: int, folder: Path) -> bool:
    chosen = next_merge(Manifest.read(folder).segments)
    if not chosen:
        return False
    try:
        sources = [Segment.open(folder, record) for record in chosen]
        dead = [read_dead(folder, record) for record in chosen]
    except FileNotFoundError:
        return True  # a commit has merged them meanwhile
    content = MergedContent.of(sources, dead)
    staged = write_segment(folder, f"{STAGING}/{uuid.uuid4().hex}", content, settings.exact_rows)
    with open_writer(settings, generation_id) as writer:
        writer.adopt(staged, sources, dead)
    shutil.rmtree(folder / STAGING, ignore_errors=True)
    return True
