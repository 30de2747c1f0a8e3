"""A segment: the rows of one commit or merge that are in one language. Its files never change once written.

One language each, because cosines of a multilingual model are only comparable among passages of one language
(docs/decisions/fusion.md): a search weighs every segment's cosines against its own language's.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.types import Embeddings, Ids
from indexes.dense import DenseSegment
from indexes.durable import naming_full_disk, sync_file, sync_folder
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import Postings
from indexes.manifest import SEGMENTS, FileRecord, IndexDamaged, SegmentRecord

_CHUNK_IDS = "chunk_ids.npy"


@dataclass(frozen=True, slots=True)
class SegmentContent:
    """What a segment is written from: row i of each part is one chunk, chunk ids ascending."""

    language: str
    chunk_ids: Ids
    postings: Postings
    embeddings: Embeddings


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment's files, mapped. language is "zh", "en" or "" for neither."""

    name: str
    language: str
    chunk_ids: Ids
    postings: Postings
    dense: DenseSegment

    @classmethod
    def open(cls, folder: Path, record: SegmentRecord) -> Segment:
        """Map a segment's files; raises FileNotFoundError where they are gone, IndexDamaged where they differ.

        Sizes are compared here, contents only by `Manifest.damages`: reading them all would be no mapping.
        """
        here = folder / SEGMENTS / record.name
        for file in record.files:
            if (folder / file.path).stat().st_size != file.size_bytes:
                raise IndexDamaged(f"{file.path} is not of the size that was written: rebuild it with a reindex.")
        try:
            chunk_ids = np.load(here / _CHUNK_IDS, "r").view(np.ndarray)
            return cls(record.name, record.language, chunk_ids, Postings.open(here), DenseSegment.open(here))
        except (ValueError, RuntimeError) as error:
            raise IndexDamaged(f"{here} cannot be read ({error}): rebuild the index with a reindex.") from error

    @property
    def row_count(self) -> int:
        """Rows, dead ones included."""
        return len(self.chunk_ids)

    def part_rows(self) -> dict[str, int]:
        """Return the rows of each part, which are as many in every one unless something is wrong."""
        return {
            "chunk ids": self.row_count,
            "postings": self.postings.row_count,
            "vectors": len(self.dense.vectors),
        }

    def rows_of(self, chunk_ids: Ids) -> Rows:
        """Return the rows of those of chunk_ids (ascending) that the segment holds."""
        if len(chunk_ids) > self.row_count:
            return np.flatnonzero(_contains(chunk_ids, self.chunk_ids))
        places = np.searchsorted(self.chunk_ids, chunk_ids)
        return places[_contains(self.chunk_ids, chunk_ids)]


def _contains(ascending: Ids, wanted: Ids) -> Mask:
    """Return for each wanted id whether it is among the ascending ones, which are not empty."""
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    found: Mask = ascending[places] == wanted
    return found


def write_segment(folder: Path, name: str, content: SegmentContent) -> SegmentRecord:
    """Write a segment's files and force them to the disk; nothing names them until a manifest does.

    Raises StorageFull, and then leaves no file behind.
    """
    here = folder / SEGMENTS / name
    shutil.rmtree(here, ignore_errors=True)  # left by a commit that failed
    here.mkdir(parents=True)
    try:
        with naming_full_disk(folder):
            np.save(here / _CHUNK_IDS, content.chunk_ids)
            content.postings.save(here)
            DenseSegment.save(here, content.embeddings)
            paths = sorted(here.iterdir())
            for path in paths:
                sync_file(path)
            sync_folder(here)
            sync_folder(here.parent)
    except BaseException:
        shutil.rmtree(here, ignore_errors=True)
        raise
    files = tuple(FileRecord.of(folder, path) for path in paths)
    return SegmentRecord(name, content.language, len(content.chunk_ids), 0, files, None)


def write_tombstones(folder: Path, name: str, version: int, dead: Mask) -> FileRecord:
    """Write the dead rows of a segment as of a manifest's version."""
    path = folder / SEGMENTS / name / f"dead.{version:08d}.npy"
    with naming_full_disk(folder):
        np.save(path, np.flatnonzero(dead).astype(np.int32))
        sync_file(path)
        sync_folder(path.parent)
    return FileRecord.of(folder, path)


def read_dead(folder: Path, record: SegmentRecord) -> Mask:
    """Return which rows of a segment are dead, bool [rows]; raises FileNotFoundError, IndexDamaged."""
    dead = np.zeros(record.rows, np.bool_)
    if record.tombstones:
        path = folder / record.tombstones.path
        try:
            dead[np.load(path)] = True
        except (ValueError, IndexError, EOFError) as error:
            raise IndexDamaged(f"{path} cannot be read ({error}): rebuild the index with a reindex.") from error
    return dead


def merged_content(segments: Sequence[Segment], dead: Sequence[Mask]) -> SegmentContent:
    """Return the live rows of segments of one language as one."""
    ids = np.concatenate([segment.chunk_ids[~gone] for segment, gone in zip(segments, dead, strict=True)])
    order = np.argsort(ids)
    places = np.empty(len(ids), np.int64)
    places[order] = np.arange(len(ids))
    parts: list[tuple[Postings, NDArray[np.int64]]] = []
    used = 0
    for segment, gone in zip(segments, dead, strict=True):
        renumbered = np.full(segment.row_count, -1, np.int64)
        count = int(np.count_nonzero(~gone))
        renumbered[~gone] = places[used : used + count]
        used += count
        parts.append((segment.postings, renumbered))
    embeddings = np.concatenate([s.dense.vectors[~gone] for s, gone in zip(segments, dead, strict=True)])
    return SegmentContent(segments[0].language, ids[order], Postings.merged(parts, len(ids)), embeddings[order])
