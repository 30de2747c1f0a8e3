"""Mends an index from the database beside a service that goes on. The writer's lock is held for commits alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import insert, select

from core.database import Database
from core.errors import Conflict, RagstoneError
from core.generations import Recipe, begin_reindex
from core.models import Chunk, Generation, IndexDeletion
from core.settings import Settings
from core.types import Ids, IndexEntry
from indexes.embedders.pool import EmbedderPool
from indexes.lexical.fields import FieldWeights
from indexes.passages import embedding_text, index_entries, stored_chunks
from indexes.upkeep.report import Report
from indexes.upkeep.verify import Examined
from indexes.writing import open_writer

logger = logging.getLogger("ragstone.upkeep")

# What is embedded anew for one commit. More than that is built beside the index, which answers meanwhile as it can.
MOST_IN_PLACE = 10_000
_CHUNKS_AT_ONCE = 500


class Repair:
    """Mends what `examine` has found."""

    def __init__(self, settings: Settings, database: Database, embedders: EmbedderPool) -> None:
        self._settings = settings
        self._database = database
        self._embedders = embedders

    def mend(self, examined: Examined, report: Report) -> Report:
        """Mend what can be, and return the report with a line for each thing done, or why it could not be.

        An index that is damaged beyond a few thousand chunks, or whose documents are cut by half, is built anew by
        a worker: in one commit, readers never find less than before.
        """
        held, to_embed = examined.held, examined.to_embed
        if held.outdated or examined.half or len(to_embed) > MOST_IN_PLACE:
            return replace(report, mended=[self._build_anew(examined.generation)])
        if not report.findings:
            return report
        try:
            return replace(report, mended=self._in_place(examined))
        except RagstoneError as error:
            return replace(report, mended=[f"not mended: {error.detail}"])

    def _in_place(self, examined: Examined) -> list[str]:
        held, differences, generation = examined.held, examined.differences, examined.generation
        entries = self._entries(examined.to_embed, generation)
        dropped = np.union1d(differences.extra, differences.stale)
        entries += self._entries(np.setdiff1d(differences.doubled, examined.to_embed), generation)
        with open_writer(self._settings, generation.id, without=held.broken, anew=bool(held.unreadable)) as writer:
            writer.tombstone(dropped.tolist())
            writer.add(entries)
            writer.commit()
        self._forget_deleted(entries, generation)
        done = []
        if held.unreadable:
            done.append("mended: the index was written anew from the database")
        if held.broken:
            done.append(f"mended: {len(held.broken):,} damaged segments were replaced")
        if entries:
            done.append(f"mended: {len(entries):,} chunks were embedded and added")
        if len(dropped):
            done.append(f"mended: {len(dropped):,} entries were removed")
        return done

    def _entries(self, chunk_ids: Ids, generation: Generation) -> list[IndexEntry]:
        """Embed chunks as if for the first time: a kept vector may be what is wrong."""
        entries: list[IndexEntry] = []
        for ids in _batches(chunk_ids):
            with self._database.read() as session:
                chunks = stored_chunks(session, Chunk.id.in_(ids))
            embedder = self._embedders.bound(generation.embedder, generation.fingerprint)
            # From the texts alone: what is mended must not depend on vectors that were kept.
            entries += index_entries(chunks, embedder.embed_passages([embedding_text(chunk) for chunk in chunks]))
        return entries

    def _forget_deleted(self, entries: Sequence[IndexEntry], generation: Generation) -> None:
        """Note for removal what was deleted, and drained, while it was embedded here."""
        ids = np.array([entry.chunk_id for entry in entries], np.int64)
        with self._database.write() as session:
            known: set[int] = set()
            for part in _batches(ids):
                known.update(session.scalars(select(Chunk.id).where(Chunk.id.in_(part))))
            gone = [id_ for id_ in ids.tolist() if id_ not in known]
            if gone and session.get(Generation, generation.id) is not None:
                rows = [{"generation_id": generation.id, "chunk_id": id_} for id_ in gone]
                session.execute(insert(IndexDeletion), rows)

    def _build_anew(self, generation: Generation) -> str:
        if generation.state != "active":
            with self._database.write() as session:
                kept = session.get(Generation, generation.id, with_for_update=True)
                if kept is not None and kept.state != "active":
                    kept.state, kept.retired_at = "abandoned", time.time()
            return "given up: nothing can be rolled back to it"
        try:
            embedder = self._embedders.get(generation.embedder)
            recipe = Recipe(
                generation.embedder,
                embedder.fingerprint,
                embedder.dimension,
                generation.chunk_target_tokens,
                generation.chunk_max_tokens,
                FieldWeights.of(self._settings).analyser,
            )
            with self._database.write() as session:
                job = begin_reindex(session, generation.collection_id, recipe, "", None)
            return f"a worker builds it anew: ragstone jobs follow {job.id}"
        except Conflict:
            return "a worker builds it anew already: ragstone jobs list"
        except RagstoneError as error:
            return f"not mended: {error.detail}"


def _batches(ids: Ids) -> Iterator[list[int]]:
    for start in range(0, len(ids), _CHUNKS_AT_ONCE):
        yield ids[start : start + _CHUNKS_AT_ONCE].tolist()
