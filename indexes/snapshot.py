"""One committed state of the index, opened: immutable, so that a running search never sees a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from core.types import Embeddings, Ids
from indexes.background import Background
from indexes.dense import DenseSearch, FaissDevice
from indexes.lexical.bm25 import VARIANTS
from indexes.lexical.matches import LexicalSearch, Mask, Matches, Rows
from indexes.lexical.search import Bm25Search
from indexes.manifest import IndexDamaged, Manifest
from indexes.segments import Segment, read_dead
from indexes.translation.concepts import Concept
from indexes.translation.matching import match_concepts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A row's number is its segment's base plus its row there; live is None where no row is dead."""

    manifest: Manifest
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
        mapped = {segment.name: segment for segment in previous.segments} if previous else {}
        segments = [mapped.get(record.name) or Segment.open(folder, record) for record in manifest.segments]
        live = None
        if any(record.dead for record in manifest.segments):
            live = ~np.concatenate([read_dead(folder, record) for record in manifest.segments])
        bases = [0, *accumulate(segment.row_count for segment in segments)]
        return cls(
            manifest=manifest,
            segments=segments,
            bases=bases,
            live=live,
            lexical=_lexical_search(lexical, segments, live),
            dense=DenseSearch([segment.dense for segment in segments], device),
            background=Background.of(segments, _by_segment(live, bases)),
        )

    @property
    def row_count(self) -> int:
        """Rows of all segments, dead ones included."""
        return self.bases[-1]

    def allowed_rows(self, chunk_ids: Ids | None) -> Mask | None:
        """Return which rows are alive and among chunk_ids (ascending; None for any), None for every row."""
        if chunk_ids is None:
            return self.live
        allowed = np.zeros(self.row_count, np.bool_)
        for base, segment in zip(self.bases, self.segments, strict=False):
            allowed[segment.rows_of(chunk_ids) + base] = True
        return allowed if self.live is None else allowed & self.live

    def match_concepts(self, concepts: Sequence[Concept], language: str) -> Matches:
        """Score the passages in a language against the concepts of a question in another one."""
        parts = [
            (base, segment.postings)
            for base, segment in zip(self.bases, self.segments, strict=False)
            if segment.language == language
        ]
        return match_concepts(concepts, parts, self.live)

    def by_segment(self, allowed: Mask | None) -> list[Mask | None]:
        """Cut a mask over all rows into the segments' own."""
        return _by_segment(allowed, self.bases)

    def segment_of(self, rows: Rows) -> Rows:
        """Return the place of each row's segment."""
        return np.searchsorted(self.bases, rows, side="right") - 1

    def ids_of(self, rows: Rows) -> Ids:
        """Return the chunk ids of rows."""
        ids = [self.segments[place].chunk_ids[row] for place, row in self._local(rows)]
        return np.array(ids, np.int64)

    def vectors_of(self, rows: Rows) -> Embeddings:
        """Return the vectors of rows, float32 [len(rows), d]."""
        if not len(rows):
            return np.empty((0, self.manifest.dimension), np.float32)
        return np.stack([self.segments[place].dense.vectors[row] for place, row in self._local(rows)])

    def live_ids(self) -> Ids:
        """Return the chunk ids of all live rows, ascending."""
        ids = np.concatenate([segment.chunk_ids for segment in self.segments] or [np.empty(0, np.int64)])
        return np.sort(ids if self.live is None else ids[self.live])

    def _local(self, rows: Rows) -> Iterator[tuple[int, int]]:
        """Yield each row's segment and its row there."""
        for place, row in zip(self.segment_of(rows).tolist(), rows.tolist(), strict=True):
            yield place, row - self.bases[place]


def _lexical_search(name: str, segments: Sequence[Segment], live: Mask | None) -> LexicalSearch:
    postings = [segment.postings for segment in segments]
    if name == "rank-bm25":
        from indexes.lexical.rank_bm25 import RankBm25Search  # noqa: PLC0415 - only where it is chosen

        return RankBm25Search(postings, live)
    return Bm25Search(postings, live, VARIANTS[name])


def _by_segment(mask: Mask | None, bases: Sequence[int]) -> list[Mask | None]:
    return [None if mask is None else mask[start:end] for start, end in pairwise(bases)]
