"""How an index stands, from its manifest and what was measured when its segments were written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from indexes.dense import TUNING_FILE, Tuning
from indexes.manifest import Manifest, SegmentRecord


@dataclass(frozen=True, slots=True)
class DenseStatus:
    """Vectors that a search compares one by one, and those that it reads in the lists of an inverted file.

    read_share: the part of the codes in such lists that a search without a filter reads. recall: the part of the
    best ten that this finds, where it is lowest, as measured when the segment was written. None without lists.
    """

    exact_vectors: int
    listed_vectors: int
    lists: int
    read_share: float | None
    recall: float | None

    @classmethod
    def of(cls, segments: Iterable[tuple[int, Tuning | None]]) -> DenseStatus:
        """Sum up segments: the rows of each, and how its inverted file is read, if it has one."""
        exact = listed = lists = 0
        read, recalls = 0.0, []
        for rows, tuning in segments:
            if tuning is None:
                exact += rows
                continue
            listed += rows
            lists += tuning.lists
            read += tuning.share(1.0) * rows
            recalls.append(tuning.recall)
        return cls(exact, listed, lists, read / listed if listed else None, min(recalls, default=None))


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """Figures of one state of an index."""

    version: int
    chunks: int
    dead: int
    segments: int
    size_bytes: int
    dense: DenseStatus

    @classmethod
    def of(cls, manifest: Manifest, tunings: Iterable[Tuning | None]) -> IndexStatus:
        """Describe the state that a manifest names; tunings: of its segments, in their order."""
        rows = [segment.rows for segment in manifest.segments]
        return cls(
            version=manifest.version,
            chunks=manifest.live_rows,
            dead=sum(segment.dead for segment in manifest.segments),
            segments=len(manifest.segments),
            size_bytes=manifest.size_bytes,
            dense=DenseStatus.of(zip(rows, tunings, strict=True)),
        )


def read_status(folder: Path) -> IndexStatus:
    """Describe the last commit without opening the index; raises IndexDamaged, IndexOutdated, FileNotFoundError."""
    manifest = Manifest.read(folder)
    while True:
        try:
            return IndexStatus.of(manifest, [_tuning(folder, segment) for segment in manifest.segments])
        except FileNotFoundError:
            newer = Manifest.read(folder)
            if newer.version == manifest.version:
                raise
            manifest = newer  # a commit since then has removed files


def _tuning(folder: Path, segment: SegmentRecord) -> Tuning | None:
    here = [folder / file.path for file in segment.files if Path(file.path).name == TUNING_FILE]
    return Tuning.read(here[0]) if here else None
