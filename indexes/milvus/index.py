"""A generation in Milvus as a reader sees it: Milvus proposes rows by words and by meaning, we score and fuse."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from core.settings import Settings
from core.types import Embeddings, Ids
from indexes.background import SAMPLE_ROWS, Background, Level
from indexes.candidates import Candidates, DenseView, Depths, LexicalView, Question
from indexes.fusion import shares_of_ceiling
from indexes.hybrid import HybridQuery, HybridResult, depths_of, question_of, result_of
from indexes.lexical.bm25 import Floats
from indexes.lexical.matches import Mask, Rows
from indexes.lexical.postings import term_hash
from indexes.milvus import statistics, tables
from indexes.milvus.connection import Milvus
from indexes.milvus.facets import expression
from indexes.milvus.scoring import Meanings, Words, terms_of_concepts
from indexes.milvus.statistics import LANGUAGES, Statistics
from indexes.milvus.tables import MOST_HITS, Names, Passage
from indexes.milvus.terms import counted
from indexes.status import DenseStatus, IndexStatus
from indexes.top import top_places
from indexes.translation.concepts import OTHER

# Of so many times the depth that Milvus proposes by words, the best are taken after scoring.
_BY_WORDS, _BY_TRANSLATION = 2, 4
# While a collection has changed by less than this part, its background is taken as it was.
_STALE_SHARE = 1 / 16


@dataclass(frozen=True, slots=True)
class _Sampled:
    """A background with the state that it was drawn from."""

    version: int
    documents: int
    background: Background


@dataclass(frozen=True, slots=True)
class _Vectors:
    """The vectors of candidates; their rows are places."""

    background: Background
    vectors: Embeddings

    def vectors_of(self, rows: Rows) -> Embeddings:
        return self.vectors[rows]


class MilvusIndex:
    """Searches one generation; safe to use from any number of threads. Every search sees all commits before it."""

    def __init__(self, milvus: Milvus, generation_id: int) -> None:
        self._milvus = milvus
        self._names = Names.of(milvus, generation_id)
        self._lock = threading.Lock()
        self._dimension = 0
        self._version = -1
        self._sampled: _Sampled | None = None

    @classmethod
    def open(cls, settings: Settings, generation_id: int) -> Self:
        """Open a generation; one that nothing was written to is empty. Raises MissingExtra, Unavailable."""
        index = cls(Milvus(settings), generation_id)
        index.refresh()
        return index

    def refresh(self) -> bool:
        """Look whether there was a commit since the last look. Raises Unavailable."""
        version = self._known().version
        with self._lock:
            newer, self._version = version != self._version, version
        return newer

    @property
    def version(self) -> int:
        """The commit that was the latest at the last refresh; a search sees later ones too."""
        return self._version

    def search(self, query: HybridQuery) -> HybridResult:
        """Search what is committed.

        Raises InvalidInput for a dense search without an embedding, or one of another length than the index's, and
        Unavailable.
        """
        question, depths = question_of(query, self._length()), depths_of(query)
        asked = counted(Counter(map(term_hash, question.terms)))
        known = self._known({*asked, *terms_of_concepts(question.concepts)})
        background = self._background(known) if question.embedding is not None or query.vectors else Background({})
        search = _Search(self._milvus, self._names, known, background, expression(query.wanted, query.groups))
        candidates, vectors = search.candidates(question, asked, depths)
        return result_of(candidates, query, _Vectors(background, vectors))

    def live_ids(self) -> Ids:
        """Return the chunk ids that are held, ascending."""
        if not self._length():
            return np.empty(0, np.int64)
        ids = [
            row["chunk_id"] for rows in self._milvus.every_row(self._names.passages, ["chunk_id"]) for row in rows
        ]
        return np.sort(np.array(ids, np.int64))

    def status(self) -> IndexStatus:
        """Describe what is committed, as far as Milvus tells: neither its segments nor its bytes."""
        known = self._known()
        exact = known.documents if self._milvus.is_lite else 0
        dense = DenseStatus(exact, known.documents - exact, 0, None, None)
        return IndexStatus(known.version, known.documents, dead=0, segments=0, size_bytes=0, dense=dense)

    def close(self) -> None:
        """Let the connection go; idempotent."""
        self._milvus.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _length(self) -> int:
        """Return the length of vectors, 0 while there are none."""
        if not self._dimension and self._milvus.exists(self._names.statistics):
            self._dimension = tables.dimension_of(self._milvus, self._names)
        return self._dimension

    def _known(self, terms: Collection[int] = ()) -> Statistics:
        if not self._length():
            return Statistics()
        return statistics.read(self._milvus, self._names.statistics, terms)

    def _background(self, known: Statistics) -> Background:
        with self._lock:
            sampled = self._sampled
        if sampled is not None:
            change = abs(known.documents - sampled.documents)
            languages = {language for language, count in known.documents_in.items() if count}
            small = known.documents < 2 * SAMPLE_ROWS
            if sampled.version == known.version or (
                not small
                and change <= sampled.documents * _STALE_SHARE
                and languages <= sampled.background.samples.keys()
            ):
                return sampled.background
        samples = {lang: self._sample(lang, known.documents_in.get(lang, 0)) for lang in LANGUAGES}
        background = Background({language: vectors for language, vectors in samples.items() if len(vectors)})
        with self._lock:
            self._sampled = _Sampled(known.version, known.documents, background)
        return background

    def _sample(self, language: str, documents: int) -> Embeddings:
        """Return the vectors of the passages that come first in the order that looks random."""
        if not documents:
            return np.empty((0, self._dimension), np.float32)
        below = min(2**63 - 1, 2**63 // documents * 2 * SAMPLE_ROWS)
        with self._milvus.reaching():
            rows = self._milvus.client.query(
                self._names.passages,
                filter=f'language == "{language}" and scattered <= {below}',
                output_fields=["scattered", "dense"],
                limit=MOST_HITS,
            )
        first = sorted(rows, key=lambda row: row["scattered"])[:SAMPLE_ROWS]
        return np.array([row["dense"] for row in first], np.float32).reshape(len(first), self._dimension)


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: with the statistics and the background of its beginning, and what it is limited to."""

    milvus: Milvus
    names: Names
    known: Statistics
    background: Background
    wanted: str

    def candidates(self, question: Question, asked: Counter[int], depths: Depths) -> tuple[Candidates, Embeddings]:
        """Return what either list proposes, and the vectors of it, float32 [len(candidates), d]."""
        words = Words.of(asked, self.known)
        meanings = Meanings.of(question.concepts, OTHER.get(question.language, ""), self.known)
        by_words = self._by_terms(words.query(), depths.lexical * _BY_WORDS, self.wanted)
        by_translation = self._by_terms(
            meanings.query(), depths.lexical * _BY_TRANSLATION, self._limited(meanings.language)
        )
        levels: dict[str, Level] = {}
        by_meaning: list[int] = []
        if question.embedding is not None:
            subject = question.embedding if question.centre is None else question.embedding - question.centre
            levels = self.background.levels(subject)
            by_meaning = self._by_meaning(subject, levels, depths.dense)
        found = self._passages({*by_words, *by_translation, *by_meaning}, levels, question)
        scores, coverages = words.score(found, self.known.mean_length)
        sums, translated = meanings.score(found)
        of_words = _best(found, by_words, scores, coverages > 0, depths.lexical)
        of_translation = _best(found, by_translation, sums, sums > 0, depths.lexical)
        place_of = {passage.chunk_id: place for place, passage in enumerate(found)}
        of_meaning = np.array([place_of[id_] for id_ in by_meaning if id_ in place_of], np.int64)
        kept = np.unique(np.concatenate([of_words, of_translation, of_meaning]))
        passages = [found[place] for place in kept.tolist()]
        vectors = _stacked(passages)
        lexical = LexicalView(
            listed=np.searchsorted(kept, of_words),
            scores=scores[kept],
            shares=shares_of_ceiling(scores[kept], coverages[kept], words.ceiling),
            coverages=coverages[kept],
            translated=translated[kept],
            known_share=words.known_idf / words.asked_idf if words.asked_idf else 0.0,
        )
        dense = None
        if question.embedding is not None:
            similarities = (vectors @ subject).astype(np.float64) if passages else np.empty(0)
            pairs = zip(passages, similarities.tolist(), strict=True)
            deviations = np.array([levels[p.language].standardised(similarity) for p, similarity in pairs])
            cosines = (vectors @ question.embedding).astype(np.float64) if passages else np.empty(0)
            dense = DenseView(np.searchsorted(kept, of_meaning), cosines, deviations)
        ids = np.array([passage.chunk_id for passage in passages], np.int64)
        languages = [passage.language for passage in passages]
        return Candidates(question, np.arange(len(passages)), ids, languages, lexical, dense), vectors

    def _by_terms(self, query: dict[int, float], limit: int, wanted: str) -> list[int]:
        if not query or not self.known.documents:
            return []
        found = self.milvus.search(self.names.passages, "terms", query, min(limit, MOST_HITS), wanted)
        return [id_ for id_, _ in found]

    def _by_meaning(self, subject: Embeddings, levels: dict[str, Level], depth: int) -> list[int]:
        """Return the rows that rise highest above the background of their language, best first."""
        found: list[tuple[float, int]] = []
        for language, level in levels.items():
            hits = self.milvus.search(
                self.names.passages, "dense", subject, min(depth, MOST_HITS), self._limited(language)
            )
            found += [(level.standardised(similarity), id_) for id_, similarity in hits]
        return [id_ for _, id_ in sorted(found, key=lambda each: (-each[0], each[1]))[:depth]]

    def _limited(self, language: str) -> str:
        return f'language == "{language}"' + (f" and {self.wanted}" if self.wanted else "")

    def _passages(self, ids: set[int], levels: dict[str, Level], question: Question) -> list[Passage]:
        """Read proposed rows; what was deleted meanwhile is gone, and so is what is in a language unheard of."""
        found = tables.passages(self.milvus, self.names, sorted(ids), self.known.reference_length, vectors=True)
        if question.embedding is None:
            return found
        return [passage for passage in found if passage.language in levels]


def _best(found: Sequence[Passage], listed: Sequence[int], scores: Floats, held: Mask, depth: int) -> Rows:
    """Return the places of the best of those listed that hold anything, best first, ties by id."""
    proposed = set(listed)
    places = np.array([p for p, passage in enumerate(found) if passage.chunk_id in proposed and held[p]], np.int64)
    return places[top_places(scores[places], depth)]


def _stacked(passages: Sequence[Passage]) -> Embeddings:
    return np.stack([passage.vector for passage in passages]) if passages else np.empty((0, 0), np.float32)
