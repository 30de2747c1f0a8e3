"""What an index's folder holds, read as far as it can be: damage is an answer here, not an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.types import Ids
from indexes.lexical.matches import Mask
from indexes.manifest import IndexDamaged, IndexOutdated, Manifest, SegmentRecord
from indexes.segments import Segment, read_dead

_BLOCK_ROWS = 8192
# Stored in whatever precision, a vector of length one stays about that long.
_MOST_OFF_ONE = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """A segment that can be read: dead is bool [rows]."""

    segment: Segment
    dead: Mask

    @property
    def live_ids(self) -> Ids:
        """Chunk ids of the rows that are alive."""
        return self.segment.chunk_ids[~self.dead]


@dataclass(frozen=True, slots=True)
class Held:
    """An index's state. unreadable: why the manifest cannot be read, empty where it can.

    damaged: why each file named in the manifest is no good. broken: why each segment named cannot be trusted, by
    its own name; those of them that can still be searched are among the parts too.
    """

    dimension: int = 0
    unreadable: str = ""
    outdated: str = ""
    damaged: Mapping[str, str] = field(default_factory=dict)
    uneven: Mapping[str, str] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    parts: Sequence[Part] = ()

    @classmethod
    def read(cls, folder: Path, analyser: str) -> Held:
        """Read the state that the manifest names, with every file's checksum; analyser: that of the settings."""
        try:
            manifest, parts, failures = _opened(folder)
            damaged = manifest.damaged_files(folder)
            if damaged:  # a commit since then may have removed files
                still = Manifest.read(folder).files()
                damaged = {path: reason for path, reason in damaged.items() if path in still}
        except IndexDamaged as error:
            return cls(unreadable=error.detail)
        except IndexOutdated as error:
            return cls(outdated=error.detail)
        if manifest.analyser != analyser and manifest.segments:
            return cls(outdated=f"It was written by analyser {manifest.analyser}, this is {analyser}.")
        records = {record.name: record for record in manifest.segments}
        broken = {name for name, record in records.items() if any(f.path in damaged for f in record.all_files())}
        damaged |= {name: reason for name, reason in failures.items() if name not in broken}
        uneven = {
            name: reason for part in parts if (reason := _unevenness(part, records[name := part.segment.name]))
        }
        sound = [part for part in parts if part.segment.name not in uneven]
        return cls(
            manifest.dimension, "", "", damaged, uneven, frozenset(broken | set(failures) | set(uneven)), sound
        )

    @property
    def trusted(self) -> list[Part]:
        """The parts whose files are as they were written."""
        return [part for part in self.parts if part.segment.name not in self.broken]

    def live_ids(self, parts: Sequence[Part]) -> Ids:
        """Return the chunk ids alive in parts, ascending, each as often as it is there."""
        return np.sort(np.concatenate([part.live_ids for part in parts] or [np.empty(0, np.int64)]))


def _opened(folder: Path) -> tuple[Manifest, list[Part], dict[str, str]]:
    """Open the segments that the manifest names, with a reason for each that cannot be."""
    while True:
        manifest = Manifest.read(folder)
        parts, failures = [], {}
        for record in manifest.segments:
            try:
                parts.append(Part(Segment.open(folder, record), read_dead(folder, record)))
            except (IndexDamaged, FileNotFoundError) as error:
                failures[record.name] = str(error)
        if not failures or Manifest.read(folder).version == manifest.version:
            return manifest, parts, failures


def _unevenness(part: Part, record: SegmentRecord) -> str:
    rows = part.segment.part_rows() | {"the manifest": record.rows}
    if len(set(rows.values())) > 1:
        return ", ".join(f"{name}: {count} rows" for name, count in rows.items())
    if np.any(np.diff(part.segment.chunk_ids) <= 0):
        return "chunk ids are not in order"
    if (dead := int(np.count_nonzero(part.dead))) != record.dead:
        return f"{dead} rows are dead, the manifest says {record.dead}"
    return ""


def wrong_vectors(part: Part) -> Ids:
    """Return the live chunks whose vector is not finite or not of length one."""
    vectors = part.segment.dense.vectors
    wrong: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for rows in _blocks(np.flatnonzero(~part.dead)):
        lengths = np.linalg.norm(vectors[rows].astype(np.float32), axis=1)
        wrong.append(rows[~(np.abs(lengths - 1) <= _MOST_OFF_ONE)])  # a NaN is wrong too
    return part.segment.chunk_ids[np.concatenate(wrong)]


def _blocks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), _BLOCK_ROWS):
        yield rows[start : start + _BLOCK_ROWS]
