"""From a question to sources: embed, search, fuse, hydrate, arrange, join. One call, on one worker thread."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.collections import repository
from app.retrieval.arranging import Arranger
from app.retrieval.hydration import Passage, Scope, hydrate
from app.retrieval.near_duplicates import collapse
from app.retrieval.neighbours import merge_neighbours
from app.retrieval.options import PassageOptions, RankingOptions
from app.retrieval.questions import QuestionVectors
from app.retrieval.reranking import Reranking
from core.database import Database
from core.filters import Filter
from core.settings import Settings
from core.telemetry import RETRIEVAL_SECONDS
from core.types import Caller, Embeddings, SearchMode, Source
from indexes.asking import hybrid_query
from indexes.backends import Index, open_index
from indexes.candidates import Depths
from indexes.embedders.pool import EmbedderPool
from indexes.hybrid import HybridQuery
from indexes.loops import LOOPS
from indexes.translation.dictionary import Dictionary

# Each round of a search that loses hits to the visibility check looks this much deeper.
_DEEPEN = 4
_LEAST_DEPTH = 50
# So often a search is repeated for documents that were replaced while it ran; each time takes another commit.
_MOST_LOOKS = 8
# With near-duplicates left out, no more candidates are compared than this: each costs a comparison with the others.
_MOST_COMPARED = 400
_OPEN_INDEXES = 64
_USUAL_RANKING, _USUAL_PASSAGES = RankingOptions(), PassageOptions()


@dataclass(frozen=True, slots=True)
class RetrievalTimings:
    """Where the time of a search went, in milliseconds."""

    embed_ms: float
    search_ms: float
    hydrate_ms: float
    rerank_ms: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The sources of a question, best first.

    coverage: the largest share of the question's words, or their translations, that a source holds, 0 to 1.
    reranked: whether the reranker had its say.
    """

    collection_id: int
    prompt: str
    sources: Sequence[Source]
    coverage: float
    reranked: bool
    timings: RetrievalTimings


@dataclass(frozen=True, slots=True)
class _Target:
    collection_id: int
    generation_id: int
    embedder: str
    fingerprint: str
    prompt: str
    collapse: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """Visible candidates, best first; the vectors, by chunk, are there where they were asked for."""

    passages: Sequence[Passage]
    coverages: Mapping[int, float]
    vectors: Mapping[int, Embeddings]
    hydrate_s: float


class Retriever:
    """Searches the active generation of any collection; safe to use from several threads."""

    def __init__(self, settings: Settings, database: Database, embedders: EmbedderPool) -> None:
        self._settings = settings
        self._database = database
        self.embedders = embedders
        self.questions = QuestionVectors()
        self._indexes: OrderedDict[int, Index] = OrderedDict()
        self._dictionary: Dictionary | None = None
        self._lock = threading.Lock()
        self._reranking = Reranking(settings)
        self._arranger = Arranger(settings, self._reranking)
        self._opening_dictionary = threading.Lock()  # building it takes seconds: no other search waits for that

    def warm_up(self) -> None:
        """Load what the first question would wait for, and begin with the compiled loops, for which none waits."""
        self._translations()
        self.embedders.reference(self.embedders.get(self._settings.embedder))
        self._reranking.warm_up()
        LOOPS.load()

    def search(
        self,
        caller: Caller,
        collection: str,
        query: str,
        *,
        k: int,
        mode: SearchMode = "hybrid",
        wanted: Filter | None = None,
        ranking: RankingOptions = _USUAL_RANKING,
        passages: PassageOptions = _USUAL_PASSAGES,
    ) -> Retrieved:
        """Return the sources of up to k chunks that the caller may read; fewer where neighbours are joined.

        Raises NotFound for an unknown collection, EmbedderMismatch or EmbedderUnavailable.
        """
        started = time.perf_counter()
        target = self._target(collection)
        without_copies = target.collapse if ranking.collapse is None else ranking.collapse
        count = self._arranger.candidates(k, ranking, collapse=without_copies)
        asked = self._ask(target, query, mode, max(count, _LEAST_DEPTH), ranking)
        embedded = time.perf_counter()
        while True:
            found = self._find(caller, target, asked, wanted, k, count, without_copies=without_copies)
            current = self._target(collection)
            # In a generation that was replaced meanwhile, what has changed since is not found: ask the new one.
            if current.generation_id == target.generation_id:
                break
            if current.fingerprint != target.fingerprint:
                asked = self._ask(current, query, mode, max(count, _LEAST_DEPTH), ranking)
            target = current
        arranged = self._arranger.arrange(query, found.passages, found.vectors, k, ranking)
        joining = time.perf_counter()
        sources = self._sources(
            Scope(caller, target.collection_id, target.generation_id), arranged.passages, passages
        )
        finished = time.perf_counter()
        RETRIEVAL_SECONDS.observe(finished - started)
        hydrate_s = found.hydrate_s + finished - joining
        rerank_s = arranged.rerank_ms / 1000
        return Retrieved(
            target.collection_id,
            target.prompt,
            sources,
            max((found.coverages[passage.source.chunk_id] for passage in arranged.passages), default=0.0),
            arranged.reranked,
            RetrievalTimings(
                embed_ms=(embedded - started) * 1000,
                search_ms=(finished - embedded - hydrate_s - rerank_s) * 1000,
                hydrate_ms=hydrate_s * 1000,
                rerank_ms=arranged.rerank_ms,
            ),
        )

    def _ask(
        self, target: _Target, query: str, mode: SearchMode, depth: int, ranking: RankingOptions
    ) -> HybridQuery:
        """Return a question as the index takes it: embedded, and its words translated, as far as the mode asks."""
        if mode == "lexical":
            asked = HybridQuery(query, None, depth, mode)
        else:
            embedder = self.embedders.bound(target.embedder, target.fingerprint)
            embedding = self.questions.embed(embedder, query)
            dictionary = self._translations() if mode == "hybrid" and ranking.translate else None
            asked = hybrid_query(query, embedding, depth, mode, self.embedders.reference(embedder), dictionary)
        depths = Depths(ranking.dense_depth or depth, ranking.lexical_depth or depth)
        return replace(
            asked,
            fusion=ranking.fusion,
            depths=depths,
            vectors=ranking.diversity is not None,
            effort=ranking.effort,
        )

    def _find(
        self,
        caller: Caller,
        target: _Target,
        asked: HybridQuery,
        wanted: Filter | None,
        k: int,
        count: int,
        *,
        without_copies: bool,
    ) -> _Found:
        """Return `count` visible candidates of one generation, and k at least where there are so many."""
        index = self._index(target.generation_id)
        scope = Scope(caller, target.collection_id, target.generation_id)
        asked = replace(asked, wanted=wanted, groups=None if caller.is_admin else caller.groups)
        hydrate_s, looks, again = 0.0, 0, True
        while again:
            index.refresh()
            version = index.version
            result = index.search(asked)
            began = time.perf_counter()
            visible, dropped = hydrate(self._database, scope, wanted, result.hits, count)
            hydrate_s += time.perf_counter() - began
            passages = collapse(visible) if without_copies else visible
            # A hit that the check dropped was deleted or replaced: an index committed since, if there is one,
            # holds its successor. Otherwise only a gap is worth looking deeper, while there is something there.
            looks += 1
            replaced = dropped and looks < _MOST_LOOKS and _newer(index, version)
            more = len(visible) >= count or not result.exhausted
            gap = len(passages) < k and more and (dropped or without_copies)
            if without_copies and gap:
                gap = len(visible) < max(_MOST_COMPARED, k)
                count = min(count * _DEEPEN, max(_MOST_COMPARED, k))
            again = replaced or gap
            asked = asked.deeper(_DEEPEN) if gap else asked
        ids = result.hits.chunk_ids.tolist()
        return _Found(
            passages,
            dict(zip(ids, result.evidence.hits.coverages.tolist(), strict=True)),
            dict(zip(ids, result.vectors, strict=False)),
            hydrate_s,
        )

    def _sources(self, scope: Scope, found: Sequence[Passage], options: PassageOptions) -> Sequence[Source]:
        if not options.merge_neighbours:
            return [passage.source for passage in found]
        most = options.max_tokens or self._settings.passage_max_tokens
        return merge_neighbours(self._database, scope, found, window=options.window, max_tokens=most)

    def _target(self, collection: str) -> _Target:
        with self._database.read() as session:
            row = repository.by_name(session, collection)
            generation = repository.active_generation(session, row)
            return _Target(
                row.id,
                generation.id,
                generation.embedder,
                generation.fingerprint,
                row.settings.get("prompt", ""),
                row.settings.get("collapse_duplicates", self._settings.collapse_duplicates),
            )

    def _translations(self) -> Dictionary:
        with self._opening_dictionary:
            if self._dictionary is None:
                self._dictionary = Dictionary.open(self._settings.models_dir)
            return self._dictionary

    def _index(self, generation_id: int) -> Index:
        with self._lock:
            found = self._indexes.get(generation_id)
            if found is None:
                found = open_index(self._settings, generation_id)
                self._indexes[generation_id] = found
                if len(self._indexes) > _OPEN_INDEXES:
                    self._indexes.popitem(last=False)  # its files stay mapped until its last search ends
            self._indexes.move_to_end(generation_id)
            return found

    def close(self) -> None:
        """Close every index and the reranker; idempotent. The embedders belong to the caller."""
        self._reranking.close()
        with self._lock:
            for index in self._indexes.values():
                index.close()
            self._indexes.clear()


def _newer(index: Index, version: int) -> bool:
    index.refresh()
    return index.version != version
