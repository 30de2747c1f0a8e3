"""parse → clean → chunk → embed → commit → visible, for a batch of revisions of one collection.

Every step keeps its result before the next begins and is skipped when its result is there, so that a worker
that takes over a dead one's lease goes on where that one stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from core.blobs import BlobStore
from core.database import Database
from core.errors import DocumentRejected, EmbedderMismatch, MissingExtra, NotFound, RagstoneError
from core.job_queue import LeasedItem, finish_item
from core.models import Collection, Generation, Job, JobItem
from core.settings import Settings
from core.types import IndexEntry
from indexes.embedders.base import Embedder
from indexes.embedders.pool import EmbedderPool
from indexes.embedding import ChunkEmbedder
from indexes.passages import StoredChunk, index_entries
from indexes.writing import check_readable, commit_to_index
from ingest import revisions
from ingest.chunk import ChunkerConfig, chunk
from ingest.revisions import Work
from ingest.sandbox import ParserProcess

logger = logging.getLogger("ragstone.worker")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Target:
    """The generation that a batch goes into."""

    collection_id: int
    generation_id: int
    embedder: str
    fingerprint: str
    dimension: int
    chunker: ChunkerConfig


@dataclass(frozen=True, slots=True)
class Cut:
    """A revision whose chunks are stored."""

    item: LeasedItem
    work: Work
    chunks: Sequence[StoredChunk]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A revision whose chunks are stored and embedded."""

    item_id: int
    work: Work
    entries: Sequence[IndexEntry]


def target_of(generation: Generation) -> Target:
    """Return a generation as a target."""
    chunker = ChunkerConfig(generation.chunk_target_tokens, generation.chunk_max_tokens)
    return Target(
        generation.collection_id,
        generation.id,
        generation.embedder,
        generation.fingerprint,
        generation.dimension,
        chunker,
    )


class Pipeline:
    """The steps, with what they share. stopping() is asked between documents."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        blobs: BlobStore,
        embedders: EmbedderPool,
        parser: ParserProcess,
        stopping: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._database = database
        self._blobs = blobs
        self._embedders = embedders
        self._parser = parser
        self._stopping = stopping
        self._chunk_embedder = ChunkEmbedder(settings, database, stopping)

    def run(self, items: Sequence[LeasedItem]) -> None:
        """Make a batch of leased items visible, or record why not.

        Raises Unavailable, StorageFull and the like for what time mends, and Stopped; the items stay leased then.
        """
        target = self._active_target(items[0].job_id)
        if target is None:
            return
        check_readable(self._settings, target.generation_id)  # before anything is embedded in vain
        cut = [ready for item in items if (ready := self._cut_item(item, target)) is not None]
        prepared = self._embed_together(cut, target)
        entries = [entry for one in prepared for entry in one.entries]
        if entries:
            self._stage([one.item_id for one in prepared], "commit")
            commit_to_index(self._settings, target.generation_id, entries)
        for one in prepared:
            self._publish(one, target)

    def _active_target(self, job_id: str) -> Target | None:
        with self._database.read() as session:
            job = session.get(Job, job_id)
            collection = session.get(Collection, job.collection_id) if job else None
            if collection is None:
                return None
            return target_of(session.get_one(Generation, collection.active_generation_id))

    def _cut_item(self, item: LeasedItem, target: Target) -> Cut | None:
        if self._stopping():
            return None
        with self._database.read() as session:
            work = revisions.load_work(session, item.revision_id)
        if work is None:
            with self._database.write() as session:
                finish_item(session, item.item_id, "succeeded", detail="deleted or replaced meanwhile")
            return None
        stage = ["parse"]

        def parse_and_cut() -> Cut:
            if item.attempts > self._settings.max_attempts:
                raise DocumentRejected(
                    "gave-up", f"Processing this document was cut off {item.attempts - 1} times."
                )
            return Cut(item, work, self.cut(work, target, lambda name: self._note_stage(item.item_id, stage, name)))

        return self._guarded(item, work, stage, parse_and_cut)

    def _embed_together(self, cut: Sequence[Cut], target: Target) -> list[Prepared]:
        """Embed the chunks of all documents as one, so that batches of like lengths can be made of them."""
        if not cut:
            return []
        self._stage([one.item.item_id for one in cut], "embed")
        try:
            entries = iter(self.entries([chunk for one in cut for chunk in one.chunks], target))
        except RagstoneError:
            raise
        except Exception:
            logger.exception("documents could not be embedded together: each is tried alone")
            alone = [
                self._guarded(one.item, one.work, ["embed"], partial(self._embed_alone, one, target)) for one in cut
            ]
            return [ready for ready in alone if ready is not None]
        return [Prepared(one.item.item_id, one.work, list(islice(entries, len(one.chunks)))) for one in cut]

    def _embed_alone(self, one: Cut, target: Target) -> Prepared:
        return Prepared(one.item.item_id, one.work, self.entries(one.chunks, target))

    def _guarded(self, item: LeasedItem, work: Work, stage: list[str], step: Callable[[], _T]) -> _T | None:
        """Return what a step makes of one document, or record why it failed. Raises what time mends."""
        try:
            return step()
        except DocumentRejected as rejected:
            self._fail(item, stage[0], rejected.code, rejected.detail)
        except (EmbedderMismatch, MissingExtra) as error:  # an administrator mends these, not time
            self._fail(item, stage[0], error.slug, error.detail)
        except RagstoneError:
            raise
        except Exception:
            # One document's surprise must not hold up its batch: it is tried again, a bounded number of times.
            logger.exception("document %s failed at %s", work.filename, stage[0])
            if item.attempts >= self._settings.max_attempts:
                self._fail(item, stage[0], "internal", "Processing failed; the worker's log says why.")
        return None

    def _fail(self, item: LeasedItem, stage: str, code: str, detail: str) -> None:
        with self._database.write() as session:
            revisions.fail(session, item.item_id, item.revision_id, stage, code, detail)

    def _note_stage(self, item_id: int, stage: list[str], name: str) -> None:
        stage[0] = name
        self._stage([item_id], name)

    def cut(self, work: Work, target: Target, note_stage: Callable[[str], None]) -> list[StoredChunk]:
        """Parse and chunk what is not yet; returns the chunks. Raises DocumentRejected."""
        embedder = self._embedder(target)
        with self._database.read() as session:
            chunks = revisions.load_chunks(session, work.revision_id, target.generation_id)
        return chunks or self._cut(work, target, embedder, note_stage)

    def entries(self, chunks: Sequence[StoredChunk], target: Target) -> list[IndexEntry]:
        """Embed chunks of any number of documents, each text once; returns their index entries in order."""
        vectors = self._chunk_embedder.embed(chunks, self._embedder(target), target.dimension)
        return index_entries(chunks, vectors)

    def _embedder(self, target: Target) -> Embedder:
        return self._embedders.bound(target.embedder, target.fingerprint)

    def _cut(
        self, work: Work, target: Target, embedder: Embedder, note_stage: Callable[[str], None]
    ) -> list[StoredChunk]:
        parsed = work.parsed
        if parsed is None:
            note_stage("parse")
            try:
                data = self._blobs.get(work.blob_sha256)
            except NotFound as missing:
                raise DocumentRejected("original-missing", missing.detail) from missing
            parsed = self._parser.parse(data, work.filename, work.content_type)
            with self._database.write() as session:
                revisions.save_text(session, work, parsed)
        note_stage("chunk")
        drafts = chunk(parsed, target.chunker, embedder.count_tokens)
        if not drafts:
            raise DocumentRejected("no-text", "The document holds no text.")
        with self._database.write() as session:
            revisions.save_chunks(session, work.revision_id, target.generation_id, drafts)
        with self._database.read() as session:
            return revisions.load_chunks(session, work.revision_id, target.generation_id)

    def _publish(self, ready: Prepared, target: Target) -> None:
        with self._database.write() as session:
            revisions.mark_indexed(session, ready.work.revision_id, target.generation_id)
            outcome = revisions.go_live(session, ready.work, target.collection_id, target.generation_id)
            if outcome == "gone":
                revisions.forget_entries(session, target.generation_id, [e.chunk_id for e in ready.entries])
            if outcome == "moved":
                item = session.get_one(JobItem, ready.item_id)
                item.state, item.attempts, item.lease_until = "queued", item.attempts - 1, 0.0
            else:
                finish_item(session, ready.item_id, "succeeded")

    def _stage(self, item_ids: Sequence[int], stage: str) -> None:
        with self._database.write() as session:
            for item_id in item_ids:
                item = session.get(JobItem, item_id)
                if item is not None:
                    item.stage = stage
