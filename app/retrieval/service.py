"""From a question to sources: embed, search both lists, fuse, hydrate. One call, on one worker thread."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import select

from app.collections import repository
from app.retrieval.options import RankingOptions
from core.database import Database
from core.language import detect_language
from core.models import Chunk, Document, Revision
from core.settings import Settings
from core.telemetry import RETRIEVAL_SECONDS
from core.types import Caller, Hit, Ids, SearchMode, Source
from core.visibility import DocumentFilter, matches, readable_by, readable_chunks
from indexes.candidates import Depths
from indexes.embedders.pool import EmbedderPool
from indexes.evidence import Evidence
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.translation.concepts import concepts
from indexes.translation.dictionary import Dictionary

# Each round of a search that loses hits to the visibility check looks this much deeper.
_DEEPEN = 4
_LEAST_DEPTH = 50
_OPEN_INDEXES = 64
_USUAL = RankingOptions()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The sources of a question, best first, with what the index knows about the question."""

    collection_id: int
    generation_id: int
    prompt: str
    sources: Sequence[Source]
    evidence: Evidence
    embed_ms: float
    search_ms: float
    hydrate_ms: float


@dataclass(frozen=True, slots=True)
class _Target:
    collection_id: int
    generation_id: int
    embedder: str
    fingerprint: str
    prompt: str


class Retriever:
    """Searches the active generation of any collection; safe to use from several threads."""

    def __init__(self, settings: Settings, database: Database, embedders: EmbedderPool) -> None:
        self._settings = settings
        self._database = database
        self.embedders = embedders
        self._indexes: OrderedDict[int, HybridIndex] = OrderedDict()
        self._dictionary: Dictionary | None = None
        self._lock = threading.Lock()
        self._opening_dictionary = threading.Lock()  # building it takes seconds: no other search waits for that

    def warm_up(self) -> None:
        """Load what the first question would wait for: the embedder of the settings and the dictionary."""
        self._translations()
        self.embedders.reference(self.embedders.get(self._settings.embedder))

    def search(
        self,
        caller: Caller,
        collection: str,
        query: str,
        *,
        k: int,
        mode: SearchMode = "hybrid",
        wanted: DocumentFilter | None = None,
        ranking: RankingOptions = _USUAL,
    ) -> Retrieved:
        """Return up to k sources that the caller may read.

        Raises NotFound for an unknown collection, EmbedderMismatch or EmbedderUnavailable.
        """
        started = time.perf_counter()
        target = self._target(collection)
        asked = self._ask(target, query, mode, max(k, _LEAST_DEPTH), ranking)
        embedded = time.perf_counter()
        while True:
            found, hydrate_s = self._search_generation(caller, target, asked, k, wanted)
            current = self._target(collection)
            # A generation that was replaced and collected while we searched finds nothing: ask the new one.
            if found.sources or current.generation_id == target.generation_id:
                break
            target = current
        finished = time.perf_counter()
        RETRIEVAL_SECONDS.observe(finished - started)
        return replace(
            found,
            embed_ms=(embedded - started) * 1000,
            search_ms=(finished - embedded - hydrate_s) * 1000,
            hydrate_ms=hydrate_s * 1000,
        )

    def _ask(
        self, target: _Target, query: str, mode: SearchMode, depth: int, ranking: RankingOptions
    ) -> HybridQuery:
        """Return a question as the index takes it: embedded, and its words translated, as far as the mode asks."""
        depths = Depths(ranking.dense_depth or depth, ranking.lexical_depth or depth)
        if mode == "lexical":
            return HybridQuery(query, None, depth, mode, depths=depths)
        language = detect_language(query)
        embedder = self.embedders.bound(target.embedder, target.fingerprint)
        translated = mode == "hybrid" and ranking.translate
        return HybridQuery(
            query,
            embedder.embed_query(query),
            depth,
            mode,
            fusion=ranking.fusion,
            depths=depths,
            centre=self.embedders.reference(embedder).centre(language),
            concepts=concepts(query, language, self._translations()) if translated else (),
        )

    def _search_generation(
        self, caller: Caller, target: _Target, asked: HybridQuery, k: int, wanted: DocumentFilter | None
    ) -> tuple[Retrieved, float]:
        index = self._index(target.generation_id)
        asked = replace(asked, allowed=self._allowed(caller, target, wanted))
        hydrate_s, first, again = 0.0, True, True
        while again:
            index.refresh()
            result = index.search(asked)
            began = time.perf_counter()
            sources, dropped = self._hydrate(caller, target, result.hits, k)
            hydrate_s += time.perf_counter() - began
            # A hit that the check dropped was deleted or replaced: the index, read again, holds its successor.
            # After that, only a gap is worth looking deeper, for as long as there is something to look at.
            again = dropped and (first or (len(sources) < k and not result.exhausted))
            asked, first = asked.deeper(_DEEPEN), False
        retrieved = Retrieved(
            target.collection_id,
            target.generation_id,
            target.prompt,
            sources,
            result.evidence,
            0.0,
            0.0,
            0.0,
        )
        return retrieved, hydrate_s

    def _target(self, collection: str) -> _Target:
        with self._database.read() as session:
            row = repository.by_name(session, collection)
            generation = repository.active_generation(session, row)
            return _Target(
                row.id, generation.id, generation.embedder, generation.fingerprint, row.settings.get("prompt", "")
            )

    def _allowed(self, caller: Caller, target: _Target, wanted: DocumentFilter | None) -> Ids | None:
        """Chunk ids that filter and groups leave, sorted; None where nothing limits the caller."""
        with self._database.read() as session:
            if not wanted and (caller.is_admin or not repository.has_groups(session, target.collection_id)):
                return None
            statement = (
                select(Chunk.id)
                .join(Revision, Revision.id == Chunk.revision_id)
                .join(Document, Document.live_revision_id == Revision.id)
                .where(
                    Document.collection_id == target.collection_id,
                    Chunk.generation_id == target.generation_id,
                    readable_by(caller),
                    matches(wanted or DocumentFilter()),
                )
                .order_by(Chunk.id)
            )
            return np.fromiter(session.scalars(statement), dtype=np.int64)

    def _hydrate(self, caller: Caller, target: _Target, hits: Sequence[Hit], k: int) -> tuple[list[Source], bool]:
        """Fetch the first k hits that the caller may see, in the query that checks it; tells of dropped ones."""
        sources: list[Source] = []
        seen = 0
        with self._database.read() as session:
            for start in range(0, len(hits), 200):
                batch = {hit.chunk_id: hit for hit in hits[start : start + 200]}
                statement = readable_chunks(caller, target.collection_id, target.generation_id)
                rows = session.execute(statement.where(Chunk.id.in_(batch)))
                visible = {chunk.id: (chunk, document, revision) for chunk, document, revision in rows}
                sources += [_source(*visible[i], hit) for i, hit in batch.items() if i in visible]
                seen += len(batch)
                if len(sources) >= k:
                    break
        return sources[:k], len(sources) < seen

    def _translations(self) -> Dictionary:
        with self._opening_dictionary:
            if self._dictionary is None:
                self._dictionary = Dictionary.open(self._settings.models_dir)
            return self._dictionary

    def _index(self, generation_id: int) -> HybridIndex:
        with self._lock:
            found = self._indexes.get(generation_id)
            if found is None:
                found = HybridIndex.open(
                    self._settings.index_folder(generation_id),
                    self._settings.lexical,
                    self._settings.faiss_device,
                )
                self._indexes[generation_id] = found
                if len(self._indexes) > _OPEN_INDEXES:
                    self._indexes.popitem(last=False)  # its files stay mapped until its last search ends
            self._indexes.move_to_end(generation_id)
            return found

    def close(self) -> None:
        """Close every index; idempotent. The embedders belong to the caller."""
        with self._lock:
            for index in self._indexes.values():
                index.close()
            self._indexes.clear()


def _source(chunk: Chunk, document: Document, revision: Revision, hit: Hit) -> Source:
    return Source(
        document_id=document.external_id,
        chunk_id=chunk.id,
        title=revision.title,
        uri=revision.uri,
        text=chunk.text,
        heading=" › ".join(chunk.heading_path),
        context=chunk.context,
        lang=revision.lang,
        page_from=chunk.page_from,
        page_to=chunk.page_to,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        score=hit.score,
        ranks=hit.ranks,
        dense_score=hit.dense_score,
        lexical_score=hit.lexical_score,
    )
