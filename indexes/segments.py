"""A segment: the rows of one commit or merge that are in one language. Its files never change once written.

One language each, because cosines of a multilingual model are only comparable among passages of one language
(docs/decisions/fusion.md): a search weighs every segment's cosines against its own language's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from core.types import Embeddings, Ids
from indexes.arrays import map_arrays, save_array, save_arrays
from indexes.background import Sample
from indexes.columns import Columns
from indexes.dense import EXACT_ROWS, DenseSegment
from indexes.durable import naming_full_disk, sync_file, sync_folder
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.merge import Renumbered, merge_postings
from indexes.lexical.postings import Postings
from indexes.manifest import SEGMENTS, FileRecord, IndexDamaged, SegmentRecord

_IDS = "ids.arrays"
_VECTORS_AT_ONCE = 8192


class SegmentContent(Protocol):
    """What a segment is written from: row i of each part is one chunk, chunk ids ascending."""

    @property
    def language(self) -> str: ...  # noqa: D102

    @property
    def chunk_ids(self) -> Ids: ...  # noqa: D102

    def save(self, folder: Path, exact_rows: int) -> None:
        """Write postings, columns, and vectors as `DenseSegment.save` does."""


@dataclass(frozen=True, slots=True)
class NewContent:
    """The rows of one commit; embeddings: float32 [N, d]."""

    language: str
    chunk_ids: Ids
    postings: Postings
    embeddings: Embeddings
    columns: Columns

    def save(self, folder: Path, exact_rows: int) -> None:
        """Write postings, vectors and columns."""
        self.postings.save(folder)
        DenseSegment.save(folder, [self.embeddings], exact_rows)
        self.columns.save(folder)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment's files, mapped. language is "zh", "en" or "" for neither."""

    name: str
    language: str
    chunk_ids: Ids
    sample: Sample
    postings: Postings
    dense: DenseSegment
    columns: Columns

    @classmethod
    def open(cls, folder: Path, record: SegmentRecord, *, searched: bool = False) -> Segment:
        """Map a segment's files; raises FileNotFoundError where they are gone, IndexDamaged where they differ.

        searched: by questions, which read a few lists and a few vectors of many. Sizes are compared here, contents
        only by `Manifest.damages`: reading them all would be no mapping.
        """
        here = folder / SEGMENTS / record.name
        for file in record.files:
            if (folder / file.path).stat().st_size != file.size_bytes:
                raise IndexDamaged(f"{file.path} is not of the size that was written: rebuild it with a reindex.")
        try:
            ids = map_arrays(here / _IDS)
            return cls(
                record.name,
                record.language,
                ids["chunk_ids"],
                Sample(ids["sample_rows"], ids["sample_chunk_ids"], ids["sample_vectors"]),
                Postings.open(here, scattered=searched),
                DenseSegment.open(here, searched=searched),
                Columns.open(here),
            )
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
            "columns": self.columns.row_count,
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


def write_segment(folder: Path, path: str, content: SegmentContent, exact_rows: int = EXACT_ROWS) -> SegmentRecord:
    """Write a segment's files and force them to the disk; nothing names them until a manifest does.

    path: of the segment's own folder, relative to the index's; exact_rows: as the setting of that name. Raises
    StorageFull, and then leaves no file behind.
    """
    here = folder / path
    shutil.rmtree(here, ignore_errors=True)  # left by a commit that failed
    here.mkdir(parents=True)
    try:
        with naming_full_disk(folder):
            content.save(here, exact_rows)
            sample = Sample.of(content.chunk_ids, DenseSegment.vectors_in(here))
            arrays = {"chunk_ids": content.chunk_ids}
            arrays |= {f"sample_{field.name}": getattr(sample, field.name) for field in fields(sample)}
            save_arrays(here / _IDS, arrays)
            written = sorted(here.iterdir())
            for file in written:
                sync_file(file)
            sync_folder(here)
            sync_folder(here.parent)
    except BaseException:
        shutil.rmtree(here, ignore_errors=True)
        raise
    files = tuple(FileRecord.of(folder, file) for file in written)
    return SegmentRecord(here.name, content.language, len(content.chunk_ids), 0, files, None)


def move_segment(folder: Path, staged: SegmentRecord, name: str) -> SegmentRecord:
    """Move a segment that was written elsewhere among the index's own, under a name that none of them has."""
    here = folder / SEGMENTS / name
    shutil.rmtree(here, ignore_errors=True)  # left by a commit that failed
    here.parent.mkdir(exist_ok=True)
    (folder / staged.files[0].path).parent.rename(here)
    sync_folder(here.parent)
    files = [replace(file, path=f"{SEGMENTS}/{name}/{Path(file.path).name}") for file in staged.files]
    return replace(staged, name=name, files=tuple(files))


def write_tombstones(folder: Path, name: str, version: int, dead: Mask) -> FileRecord:
    """Write the dead rows of a segment as of a manifest's version."""
    path = folder / SEGMENTS / name / f"dead.{version:08d}.npy"
    with naming_full_disk(folder):
        save_array(path, np.flatnonzero(dead).astype(np.int32))
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


@dataclass(frozen=True, slots=True)
class MergedContent:
    """The live rows of segments of one language, copied from file to file.

    source and source_rows: for each row the place of its segment and its row there; renumbered: for each segment
    its rows' new numbers, -1 for a dead one.
    """

    chunk_ids: Ids
    segments: Sequence[Segment]
    source: Rows
    source_rows: Rows
    renumbered: Sequence[Renumbered]

    @classmethod
    def of(cls, segments: Sequence[Segment], dead: Sequence[Mask]) -> MergedContent:
        """Put the rows that are not dead in the order of their ids."""
        alive = [np.flatnonzero(~gone) for gone in dead]
        ids = np.concatenate([segment.chunk_ids[rows] for segment, rows in zip(segments, alive, strict=True)])
        order = np.argsort(ids, kind="stable")
        places = np.empty(len(ids), np.int64)
        places[order] = np.arange(len(ids))
        renumbered = []
        for segment, rows, ends in zip(segments, alive, np.cumsum([len(rows) for rows in alive]), strict=True):
            numbers = np.full(segment.row_count, -1, np.int64)
            numbers[rows] = places[ends - len(rows) : ends]
            renumbered.append(numbers)
        source = np.repeat(np.arange(len(segments)), [len(rows) for rows in alive])
        return cls(ids[order], segments, source[order], np.concatenate(alive)[order], renumbered)

    @property
    def language(self) -> str:
        """The language of all of them."""
        return self.segments[0].language

    def save(self, folder: Path, exact_rows: int) -> None:
        """Write postings, vectors and columns."""
        parts = [(s.postings, numbers) for s, numbers in zip(self.segments, self.renumbered, strict=True)]
        merge_postings(parts, len(self.chunk_ids), folder)
        DenseSegment.save(folder, self._vectors(), exact_rows)
        columns = [(s.columns, numbers) for s, numbers in zip(self.segments, self.renumbered, strict=True)]
        Columns.merged(columns, len(self.chunk_ids)).save(folder)

    def _vectors(self) -> Iterator[Embeddings]:
        """Yield the vectors of all rows in blocks."""
        for start in range(0, len(self.chunk_ids), _VECTORS_AT_ONCE):
            source = self.source[start : start + _VECTORS_AT_ONCE]
            rows = self.source_rows[start : start + _VECTORS_AT_ONCE]
            block = np.empty((len(rows), self.segments[0].dense.vectors.shape[1]), np.float32)
            for place in np.unique(source).tolist():
                chosen = source == place
                block[chosen] = self.segments[place].dense.vectors[rows[chosen]]
            yield block
