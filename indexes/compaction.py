"""Merges segments while others write and read: the work is done beside the index, only the switch is a write."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from core.errors import Unavailable
from core.heap import give_back
from core.settings import Settings
from indexes.locks import FolderLock, IndexLocked
from indexes.manifest import FILE_NAME, IndexDamaged, Manifest, SegmentRecord
from indexes.merging import next_merge, next_merge_at_rest
from indexes.segments import MergedContent, Segment, read_dead, write_segment
from indexes.writing import open_writer

# Not among the segments, of which a writer removes those that no manifest names.
STAGING = "merging"
_LOCK_FILE = "merge.lock"
_LONGEST_WAIT_S = 600.0


def merge_segments(settings: Settings, generation_id: int) -> bool:
    """Do the next merge that is due in a generation's index; returns whether there may be more to do.

    More is due in an index to which nothing has been committed for `merge_at_rest_s`. Others may write meanwhile;
    what they delete from the merged segments is carried over. Raises StorageFull, IndexDamaged, Unavailable.
    """
    folder = settings.index_folder(generation_id)
    if settings.index != "embedded" or not folder.is_dir():  # Milvus merges its own segments
        return False
    try:
        lock = FolderLock(folder, _LOCK_FILE)
    except IndexLocked:
        return False  # another worker merges here
    try:
        shutil.rmtree(folder / STAGING, ignore_errors=True)  # left by a process that was killed
        chosen = _due(folder, settings.merge_at_rest_s)
        return bool(chosen) and _replace(settings, generation_id, folder, chosen)
    finally:
        lock.release()


def rewrite_dead(settings: Settings, generation_id: int) -> int:
    """Write every segment that holds dead rows anew without them; returns how many.

    Merges do this where it pays; here it is done so that nothing of what was deleted stays on the disk. No merge is
    under way when this returns that could hold it still. Raises as `merge_segments`.
    """
    folder = settings.index_folder(generation_id)
    if not folder.is_dir():
        return 0
    lock = _waited_for(folder)
    try:
        shutil.rmtree(folder / STAGING, ignore_errors=True)
        names = [record.name for record in Manifest.read(folder).segments]
        rewritten = 0
        for name in names:
            chosen = [record for record in Manifest.read(folder).segments if record.name == name and record.dead]
            rewritten += bool(chosen) and _replace(settings, generation_id, folder, chosen)
        return rewritten
    finally:
        lock.release()


def _due(folder: Path, at_rest_s: float) -> list[SegmentRecord]:
    segments = Manifest.read(folder).segments
    chosen = next_merge(segments)
    if not chosen and time.time() - (folder / FILE_NAME).stat().st_mtime >= at_rest_s:
        chosen = next_merge_at_rest(segments)
    return chosen


def _waited_for(folder: Path) -> FolderLock:
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while True:
        try:
            return FolderLock(folder, _LOCK_FILE)
        except IndexLocked:
            if time.monotonic() > deadline:
                raise Unavailable(f"A merge in {folder} takes long: try again later.") from None
            time.sleep(0.1)


def _replace(settings: Settings, generation_id: int, folder: Path, chosen: Sequence[SegmentRecord]) -> bool:
    try:
        sources = [Segment.open(folder, record) for record in chosen]
        dead = [read_dead(folder, record) for record in chosen]
    except FileNotFoundError:
        return True  # a commit has merged them meanwhile
    for record in chosen:
        try:
            record.check(folder)
        except IndexDamaged:
            if record not in Manifest.read(folder).segments:
                return True  # a commit has replaced its files meanwhile
            raise
    content = MergedContent.of(sources, dead)
    staged = write_segment(folder, f"{STAGING}/{uuid.uuid4().hex}", content, settings.exact_rows)
    with open_writer(settings, generation_id) as writer:
        writer.adopt(staged, sources, dead)
    shutil.rmtree(folder / STAGING, ignore_errors=True)
    give_back()
    return True
