"""One committed state of the index, opened: immutable, so that a running search never sees a change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from core.filters import Filter
from core.types import Embeddings, Ids
from indexes.background import Background
from indexes.columns import Columns, Selection
from indexes.columns.selection import all_of
from indexes.dense import DenseSearch, FaissDevice
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import LexicalSearch, Mask, Matches, Rows
from indexes.lexical.registry import open_lexical_search
from indexes.manifest import IndexDamaged, Manifest, SegmentRecord
from indexes.segments import Segment, read_dead
from indexes.translation.flat import Concepts
from indexes.translation.matching import match_concepts


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """A segment as of one state of the index; postings knows which rows live."""

    record: SegmentRecord
    segment: Segment
    postings: LivePostings

    @classmethod
    def open(cls, folder: Path, record: SegmentRecord, previous: LiveSegment | None) -> LiveSegment:
        """Open a segment, or take over what previous, an earlier state of the same segment, has of it."""
        if previous is not None and previous.record == record:
            return previous
        segment = previous.segment if previous is not None else Segment.open(folder, record, searched=True)
        live = ~read_dead(folder, record) if record.dead else None
        return cls(record, segment, LivePostings(segment.postings, live))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A row's number is its segment's base plus its row there; live is None where no row is dead."""

    manifest: Manifest
    parts: Sequence[LiveSegment]
    segments: Sequence[Segment]
    bases: Sequence[int]
    live: Mask | None
    lexical: LexicalSearch
    dense: DenseSearch
    background: Background

    @classmethod
    def open(cls, folder: Path, lexical: str, device: FaissDevice, previous: Snapshot | None = None) -> Snapshot:
        """Open the state that the manifest names, keeping what previous has mapped already.

        Raises IndexDamaged where a file that the manifest names is missing.
        """
        manifest = Manifest.read(folder)
        while True:
            try:
                return cls._open(folder, manifest, lexical, device, previous)
            except FileNotFoundError as error:
                # A commit since then may have removed files; if there was none, they are lost.
                newer = Manifest.read(folder)
                if newer.version == manifest.version:
                    raise IndexDamaged(f"{error.filename} is missing: rebuild the index with a reindex.") from error
                manifest = newer

    @classmethod
    def _open(
        cls, folder: Path, manifest: Manifest, lexical: str, device: FaissDevice, previous: Snapshot | None
    ) -> Snapshot:
        before = {part.record.name: part for part in previous.parts} if previous else {}
        parts = [LiveSegment.open(folder, record, before.get(record.name)) for record in manifest.segments]
        segments = [part.segment for part in parts]
        postings = [part.postings for part in parts]
        bases = [0, *accumulate(segment.row_count for segment in segments)]
        return cls(
            manifest=manifest,
            parts=parts,
            segments=segments,
            bases=bases,
            live=_joined(postings),
            lexical=open_lexical_search(lexical, postings),
            dense=DenseSearch([segment.dense for segment in segments], device),
            background=Background.of(segments, [each.live for each in postings]),
        )

    @property
    def row_count(self) -> int:
        """Rows of all segments, dead ones included."""
        return self.bases[-1]

    def allowed_rows(self, wanted: Filter | None, groups: Collection[str] | None) -> Mask | None:
        """Return which rows live, meet a filter and may be read by one of the groups; None for every row.

        groups: None for who reads all.
        """
        selected = [_selected(segment.columns, wanted, groups) for segment in self.segments]
        if all(each.count == each.row_count for each in selected):
            return self.live
        allowed = np.zeros(self.row_count, np.bool_)
        for mask, each in zip(np.split(allowed, self.bases[1:-1]), selected, strict=True):
            each.mark(mask)
        if self.live is not None:
            allowed &= self.live
        return allowed

    def match_concepts(self, concepts: Concepts, language: str) -> Matches:
        """Score the passages in a language against the concepts of a question in another one."""
        parts = [
            (base, part.postings)
            for base, part in zip(self.bases, self.parts, strict=False)
            if part.segment.language == language
        ]
        return match_concepts(concepts, parts)

    def by_segment(self, allowed: Mask | None) -> list[Mask | None]:
        """Cut a mask over all rows into the segments' own."""
        return [None if allowed is None else allowed[start:end] for start, end in pairwise(self.bases)]

    def segment_of(self, rows: Rows) -> Rows:
        """Return the place of each row's segment."""
        return np.searchsorted(self.bases, rows, side="right") - 1

    def ids_of(self, rows: Rows) -> Ids:
        """Return the chunk ids of rows (ascending)."""
        ids = np.empty(len(rows), np.int64)
        for span, segment, local in self._local(rows):
            ids[span] = segment.chunk_ids[local]
        return ids

    def vectors_of(self, rows: Rows) -> Embeddings:
        """Return the vectors of rows (ascending), float32 [len(rows), d]."""
        vectors = np.empty((len(rows), self.manifest.dimension), np.float32)
        for span, segment, local in self._local(rows):
            vectors[span] = segment.dense.vectors[local]
        return vectors

    def live_ids(self) -> Ids:
        """Return the chunk ids of all live rows, ascending."""
        ids = np.concatenate([segment.chunk_ids for segment in self.segments] or [np.empty(0, np.int64)])
        return np.sort(ids if self.live is None else ids[self.live])

    def _local(self, rows: Rows) -> Iterator[tuple[slice, Segment, Rows]]:
        """Yield for each segment that holds some of rows (ascending) which of them, and their rows there."""
        borders = np.searchsorted(rows, self.bases).tolist()
        for base, segment, (start, end) in zip(self.bases, self.segments, pairwise(borders), strict=False):
            if start < end:
                yield slice(start, end), segment, rows[start:end] - base


def _selected(columns: Columns, wanted: Filter | None, groups: Collection[str] | None) -> Selection:
    limits = [] if wanted is None else [columns.select(wanted)]
    if groups is not None:
        limits.append(columns.readable(groups))
    return all_of(limits, columns.row_count)


def _joined(postings: Sequence[LivePostings]) -> Mask | None:
    """Return which rows of all segments live, None where all do."""
    if all(each.live is None for each in postings):
        return None
    return np.concatenate(
        [np.ones(each.postings.row_count, np.bool_) if each.live is None else each.live for each in postings]
    )
