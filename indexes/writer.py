"""Changes the index: collects entries and tombstones, and commits them as new segments under a new manifest."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from core.errors import EmbedderMismatch
from core.language import detect_language
from core.types import Attributes, Embeddings, Ids, IndexEntry
from indexes.columns import Columns
from indexes.dense import EXACT_ROWS
from indexes.durable import naming_full_disk, sync_folder
from indexes.lexical.fields import FieldWeights
from indexes.lexical.matches import Mask
from indexes.lexical.postings import Bag, Postings
from indexes.locks import FolderLock
from indexes.manifest import FILE_NAME, SEGMENTS, IndexDamaged, IndexOutdated, Manifest, SegmentRecord
from indexes.merging import next_merge
from indexes.segments import (
    MergedContent,
    NewContent,
    Segment,
    SegmentContent,
    move_segment,
    read_dead,
    write_segment,
    write_tombstones,
)

log = logging.getLogger(__name__)

LOCK_FILE = "writer.lock"
# A commit merges no more than this itself; larger merges wait for `merge`, which an idle worker calls.
_MERGED_AT_COMMIT_ROWS = 4096
_UNWEIGHTED = FieldWeights()


@dataclass(frozen=True, slots=True)
class _Row:
    """A chunk that waits for the commit."""

    language: str
    bag: Bag
    embedding: Embeddings
    attributes: Attributes

    @classmethod
    def of(cls, entry: IndexEntry, fields: FieldWeights) -> _Row:
        return cls(language_of(entry), fields.bag(entry), entry.embedding, entry.attributes)


def language_of(entry: IndexEntry) -> str:
    """Return the language that a chunk counts as."""
    return detect_language(entry.body or f"{entry.title}\n{entry.heading}")


def dimension_with(entry: IndexEntry, dimension: int) -> int:
    """Return the length of an index's vectors with another entry; dimension: without it, 0 while it has none.

    Raises EmbedderMismatch where the entry's is not as long as those in the index.
    """
    dimension = dimension or len(entry.embedding)
    if entry.embedding.shape != (dimension,):
        raise EmbedderMismatch(
            f"The index holds vectors of {dimension} dimensions, this one has {entry.embedding.shape}."
        )
    return dimension


def check_analyser(written_by: str, fields: FieldWeights) -> None:
    """Raise IndexOutdated where another analyser than ours has written what an index holds."""
    if written_by != fields.analyser:
        raise IndexOutdated(f"The index was written by analyser {written_by}, this is {fields.analyser}: reindex.")


class IndexWriter:
    """The one writer of an index's folder. Nothing that it is given can be found before `commit` returns.

    Not for use from several threads.
    """

    def __init__(
        self,
        folder: Path,
        lock: FolderLock,
        manifest: Manifest,
        fields: FieldWeights,
        without: Collection[str],
        anew: bool,
        exact_rows: int,
    ) -> None:
        self._folder = folder
        self._fields = fields
        self._exact_rows = exact_rows
        self._lock = lock
        self._manifest = manifest
        self._must_write = anew or bool(without)
        kept = [record for record in manifest.segments if record.name not in without]
        self._segments = {record.name: Segment.open(folder, record) for record in kept}
        self._dead = {record.name: read_dead(folder, record) for record in kept}
        self._buffer: dict[int, _Row] = {}
        self._dimension = manifest.dimension

    @classmethod
    def open(
        cls,
        folder: Path,
        fields: FieldWeights = _UNWEIGHTED,
        *,
        without: Collection[str] = (),
        anew: bool = False,
        exact_rows: int = EXACT_ROWS,
    ) -> Self:
        """Open the index in a folder, making it where there is none, and remove what a crash left behind.

        fields: how much the words of titles and headings count. without: names of segments that the next commit
        leaves out; they are not read, and served until then.
        anew: begin with an empty index in place of one whose manifest cannot be read, from the next commit on.
        exact_rows: as the setting of that name.
        Raises IndexLocked where another writer is open, IndexOutdated and IndexDamaged as a reader does.
        """
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
        lock = FolderLock(folder, LOCK_FILE)
        try:
            manifest = Manifest.beyond(folder) if anew else Manifest.read(folder)
            if manifest.segments:
                check_analyser(manifest.analyser, fields)
            writer = cls(folder, lock, manifest, fields, without, anew, exact_rows)
            if not anew:
                writer._remove_unnamed_files()
        except FileNotFoundError as error:  # nobody else removes files while we hold the lock
            lock.release()
            raise IndexDamaged(f"{error.filename} is missing: rebuild the index with a reindex.") from error
        except BaseException:
            lock.release()
            raise
        return writer

    def add(self, entries: Sequence[IndexEntry]) -> None:
        """Take entries in; one whose chunk id is in the index already replaces it.

        Raises EmbedderMismatch where an embedding is not as long as those in the index.
        """
        for entry in entries:
            self._dimension = dimension_with(entry, self._dimension)
            self._buffer[entry.chunk_id] = _Row.of(entry, self._fields)

    def tombstone(self, chunk_ids: Iterable[int]) -> None:
        """Drop chunks; ids that the index does not hold are ignored."""
        ids = np.unique(np.fromiter(chunk_ids, np.int64))
        for id_ in ids.tolist():
            self._buffer.pop(id_, None)
        self._bury(ids)

    def commit(self) -> None:
        """Make everything since the last commit findable at one instant; nothing to commit is no error.

        After an error, StorageFull among them, the last state stands and commit may be called again.
        """
        added = self._write_buffer()
        records = [self._with_tombstones(record) for record in self._records()]
        segments = (*(record for record in records if record.dead < record.rows), *added)
        if segments == self._manifest.segments and not self._must_write:
            return
        self._switch_to(segments)
        self._buffer.clear()
        while self.merge(_MERGED_AT_COMMIT_ROWS):
            pass

    def merge(self, most_rows: int | None = None) -> bool:
        """Do the next merge that is due, if one is, and return whether there was one.

        most_rows: leave merges of more rows than this undone. What is not committed stays so. What is damaged is
        not merged, which would give it a checksum that matches.
        """
        chosen = next_merge(self._records(), most_rows)
        if not chosen:
            return False
        try:
            for record in chosen:
                record.check(self._folder)
        except IndexDamaged as damage:
            log.error("%s: no merge: %s", self._folder, damage)
            return False
        names = [record.name for record in chosen]
        sources = [self._segments[name] for name in names]
        # Only rows that are dead by the manifest may go; tombstones since then are carried over.
        committed = [read_dead(self._folder, record) for record in chosen]
        pending = [s.chunk_ids[self._dead[s.name] & ~gone] for s, gone in zip(sources, committed, strict=True)]
        merged = self._write(MergedContent.of(sources, committed))
        kept = tuple(record for record in self._records() if record.name not in names)
        self._switch_to((*kept, merged))
        self._bury(np.unique(np.concatenate(pending)))
        return True

    def adopt(self, staged: SegmentRecord, sources: Sequence[Segment], dead: Sequence[Mask]) -> bool:
        """Put a segment that was merged elsewhere in the place of those that it was merged from.

        dead: their rows that the merge left out. What was deleted from them since is deleted from it. Returns
        False, and changes nothing, where one of them is no longer there. What is not committed stays so.
        """
        names = {source.name for source in sources}
        if not names <= self._segments.keys():
            return False
        committed = {record.name: record for record in self._records()}
        since = [
            source.chunk_ids[read_dead(self._folder, committed[source.name]) & ~gone]
            for source, gone in zip(sources, dead, strict=True)
        ]
        merged = move_segment(self._folder, staged, self._new_name())
        segment = Segment.open(self._folder, merged)
        buried = np.zeros(merged.rows, np.bool_)
        buried[segment.rows_of(np.unique(np.concatenate(since)))] = True
        if buried.any():
            file = write_tombstones(self._folder, merged.name, self._manifest.version + 1, buried)
            merged = replace(merged, dead=int(np.count_nonzero(buried)), tombstones=file)
        kept = tuple(record for record in self._records() if record.name not in names)
        later = [source.chunk_ids[self._dead[source.name]] for source in sources]
        self._switch_to((*kept, merged) if merged.dead < merged.rows else kept)
        self._bury(np.unique(np.concatenate(later)))
        return True

    def close(self) -> None:
        """Let go of the lock; what was not committed is forgotten. Idempotent."""
        self._buffer.clear()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _records(self) -> tuple[SegmentRecord, ...]:
        """The committed segments that stay."""
        return tuple(record for record in self._manifest.segments if record.name in self._segments)

    def _bury(self, ids: Ids) -> None:
        """Mark ids (ascending) as dead in the segments that hold them."""
        for name, segment in self._segments.items():
            self._dead[name][segment.rows_of(ids)] = True

    def _write_buffer(self) -> list[SegmentRecord]:
        """Write the buffered rows as one segment for each language, and bury those that they replace."""
        if not self._buffer:
            return []
        self._bury(np.array(sorted(self._buffer), np.int64))
        records: list[SegmentRecord] = []
        for language in sorted({row.language for row in self._buffer.values()}):
            ids = sorted(id_ for id_, row in self._buffer.items() if row.language == language)
            content = NewContent(
                language,
                np.array(ids, np.int64),
                Postings.of_bags([self._buffer[id_].bag for id_ in ids]),
                np.stack([self._buffer[id_].embedding for id_ in ids]),
                Columns.of_rows([self._buffer[id_].attributes for id_ in ids]),
            )
            records.append(self._write(content, len(records)))
        return records

    def _write(self, content: SegmentContent, offset: int = 0) -> SegmentRecord:
        path = f"{SEGMENTS}/{self._new_name(offset)}"
        return write_segment(self._folder, path, content, self._exact_rows)

    def _with_tombstones(self, record: SegmentRecord) -> SegmentRecord:
        dead = self._dead[record.name]
        count = int(np.count_nonzero(dead))
        if count in {record.dead, record.rows}:
            return replace(record, dead=count)
        file = write_tombstones(self._folder, record.name, self._manifest.version + 1, dead)
        return replace(record, dead=count, tombstones=file)

    def _switch_to(self, segments: tuple[SegmentRecord, ...]) -> None:
        """Write the manifest that names these segments; then the new state stands, and the old files go."""
        manifest = Manifest(self._manifest.version + 1, self._fields.analyser, self._dimension, segments)
        with naming_full_disk(self._folder):
            manifest.write(self._folder)
        self._manifest = manifest
        self._must_write = False
        mapped = self._segments
        self._segments = {
            record.name: mapped.get(record.name) or Segment.open(self._folder, record) for record in segments
        }
        self._dead = {
            record.name: self._dead.get(record.name, np.zeros(record.rows, np.bool_)) for record in segments
        }
        self._remove_unnamed_files()

    def _new_name(self, offset: int = 0) -> str:
        """Return a name that no committed segment has had."""
        return f"{self._manifest.version + 1:08d}-{offset}"

    def _remove_unnamed_files(self) -> None:
        """Remove files that the manifest does not name; a reader that has them mapped keeps them."""
        named = self._manifest.files()
        segments = {record.name for record in self._manifest.segments}
        for folder in (self._folder / SEGMENTS).glob("*"):
            if folder.name not in segments:
                shutil.rmtree(folder)
                continue
            for path in folder.iterdir():
                if path.relative_to(self._folder).as_posix() not in named:
                    path.unlink()
        (self._folder / f"{FILE_NAME}.tmp").unlink(missing_ok=True)
