"""The embedded hybrid index as a reader sees it: dense and lexical search over one snapshot, fused."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from core.errors import InvalidInput
from core.filters import Filter
from core.language import detect_language
from core.types import Embeddings, Ids, SearchMode
from indexes.ahead import ReadAhead
from indexes.analyse import analyse
from indexes.candidates import Candidates, Depths, PassageVectors, Question
from indexes.dense import FaissDevice
from indexes.evidence import Evidence
from indexes.fusion import Fusion, Ranking
from indexes.hits import Hits
from indexes.manifest import FILE_NAME, IndexDamaged
from indexes.snapshot import Snapshot
from indexes.status import IndexStatus
from indexes.translation.flat import NO_CONCEPTS, Concepts
from indexes.turns import Turns

log = logging.getLogger(__name__)

# Of all indexes of the process. More threads than cores would pass the interpreter's lock around, which costs each
# search a third more; one more makes use of what the others leave while they wait for a page.
SEARCHES_AT_ONCE = len(os.sched_getaffinity(0)) + 1
SEARCHES = Turns(SEARCHES_AT_ONCE)


@dataclass(frozen=True, slots=True)
class HybridQuery:
    """A question to the index.

    embedding: float32 [d], L2-normalised; without one a hybrid search is a lexical one. depth: passages taken from
    each list, unless depths say how many from which. wanted, and the groups of whoever asks (None: one who
    reads all), limit both lists before they are cut at depth. centre: float32 [d], the mean embedding of questions
    in this one's language; None for the origin. concepts: the question's words in the other language, for a hybrid
    search. vectors: whether the result shall hold the passages' vectors. effort: as `DenseSearch.top` takes it.
    """

    text: str
    embedding: Embeddings | None
    depth: int
    mode: SearchMode = "hybrid"
    wanted: Filter | None = None
    groups: Collection[str] | None = None
    fusion: Fusion = field(default_factory=Fusion)
    depths: Depths | None = None
    centre: Embeddings | None = None
    concepts: Concepts = NO_CONCEPTS
    vectors: bool = False
    effort: float = 1.0

    def deeper(self, times: int) -> HybridQuery:
        """Return the same question with so many times as many passages from each list."""
        depths = self.depths and Depths(self.depths.dense * times, self.depths.lexical * times)
        return replace(self, depth=self.depth * times, depths=depths)


@dataclass(frozen=True, slots=True)
class HybridResult:
    """hits: the union of both lists in fused order; evidence about the question.

    exhausted: no deeper search would find more. vectors: float32 [len(hits), d], of length one and less what is
    common to passages in their language; without rows where the query did not ask for them.
    """

    hits: Hits
    evidence: Evidence
    exhausted: bool
    vectors: Embeddings


class HybridIndex:
    """Searches the committed state of one folder; safe to use from any number of threads."""

    def __init__(self, folder: Path, lexical: str, faiss_device: FaissDevice) -> None:
        self._folder = folder
        self._lexical = lexical
        self._device = faiss_device
        self._refreshing = threading.Lock()
        self._manifest_path = str(folder / FILE_NAME)
        self._held: _Held | None = None
        self._ahead = ReadAhead()
        self._snapshot: Snapshot | None = None
        self._closed = False

    @classmethod
    def open(cls, folder: Path, lexical: str = "bm25", faiss_device: FaissDevice = "auto") -> Self:
        """Open the index in a folder; one without a manifest is empty and may get its first commit later.

        lexical: a value of the setting of that name. Raises IndexDamaged, IndexOutdated, MissingExtra.
        """
        index = cls(folder, lexical, faiss_device)
        index.refresh()
        return index

    def refresh(self) -> bool:
        """Serve the latest commit from now on; costs one stat call where there is none. Running searches go on.

        Returns whether there was a newer one. Where that is damaged, what was served before is served on, and the
        log says so. Raises IndexOutdated, and IndexDamaged where nothing was served before.
        """
        with self._refreshing:
            if self._closed or (self._snapshot is not None and not self._manifest_replaced()):
                return False
            held = self._open_manifest()  # before reading: a commit meanwhile is then seen by the next refresh
            before = self._snapshot
            try:
                newest = Snapshot.open(self._folder, self._lexical, self._device, before)
            except IndexDamaged as damage:
                if before is None:
                    _close(held)
                    raise
                log.error("%s: %s Searches go on without it: run `ragstone verify --repair`.", self._folder, damage)
                newest = before
            except BaseException:
                _close(held)
                raise
            _close(self._held)
            self._held, self._snapshot = held, newest
            return before is None or before.manifest.version != newest.manifest.version

    def search(self, query: HybridQuery) -> HybridResult:
        """Search the state as of the last refresh, when it is this search's turn.

        Raises InvalidInput for a dense search without an embedding, or one of another length than the index's.
        """
        with SEARCHES.taken():
            snapshot = self.snapshot
            question = question_of(query, snapshot.manifest.dimension)
            allowed = snapshot.allowed_rows(query.wanted, query.groups)
            candidates = Candidates.of(snapshot, question, depths_of(query), allowed)
            result = result_of(candidates, query, snapshot)
        self._ahead.begin(self._folder, snapshot.manifest.files)
        return result

    def live_ids(self) -> Ids:
        """Return the chunk ids that the state being served holds, ascending."""
        return self.snapshot.live_ids()

    def damages(self) -> list[str]:
        """Compare the files of the state being served with their checksums; a line for each that differs."""
        return self.snapshot.manifest.damages(self._folder)

    @property
    def snapshot(self) -> Snapshot:
        """The state being served."""
        snapshot = self._snapshot
        if snapshot is None:
            raise RuntimeError("the index is closed")
        return snapshot

    @property
    def version(self) -> int:
        """The version of the state being served."""
        return self.snapshot.manifest.version

    def status(self) -> IndexStatus:
        """Describe the state being served."""
        snapshot = self.snapshot
        return IndexStatus.of(snapshot.manifest, [segment.dense.tuning for segment in snapshot.segments])

    def close(self) -> None:
        """Let go of the files; those of a running search stay mapped until it ends. Idempotent."""
        with self._refreshing:
            self._closed = True
            self._ahead.stop()
            self._snapshot = None
            _close(self._held)
            self._held = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _manifest_replaced(self) -> bool:
        """Compare the file at the manifest's path with the one held open, whose inode cannot be used again."""
        try:
            now = os.stat(self._manifest_path)
        except FileNotFoundError:
            return self._held is not None
        return self._held is None or not os.path.samestat(now, self._held.status)

    def _open_manifest(self) -> _Held | None:
        try:
            descriptor = os.open(self._manifest_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        return _Held(descriptor, os.fstat(descriptor))


@dataclass(frozen=True, slots=True)
class _Held:
    """A file that is held open, so that no other file gets its inode; status: what tells it from others."""

    descriptor: int
    status: os.stat_result


def question_of(query: HybridQuery, dimension: int) -> Question:
    """Return a query as the lists read it; dimension: of the index's vectors, 0 while it has none.

    Raises InvalidInput for a dense search without an embedding, or one of another length than the index's.
    """
    if query.mode == "dense" and query.embedding is None:
        raise InvalidInput("A dense search needs the question's embedding.")
    embedding = None if query.mode == "lexical" else query.embedding
    if embedding is not None and dimension and embedding.shape != (dimension,):
        raise InvalidInput(f"The question's embedding has shape {embedding.shape}, the index's ({dimension},).")
    return Question(
        analyse(query.text),
        detect_language(query.text),
        embedding if dimension else None,
        query.concepts if query.mode == "hybrid" else NO_CONCEPTS,
        query.centre,
        query.effort,
    )


def depths_of(query: HybridQuery) -> Depths:
    """Return how many passages a query takes from each list."""
    return query.depths or Depths(query.depth, query.depth)


def result_of(candidates: Candidates, query: HybridQuery, vectors: PassageVectors) -> HybridResult:
    """Rank candidates as the query asks."""
    ranking = _ranking(candidates, query)
    return HybridResult(
        candidates.hits(ranking),
        candidates.evidence(ranking),
        candidates.exhaust(depths_of(query)),
        candidates.vectors(vectors, ranking) if query.vectors else np.empty((0, 0), np.float32),
    )


def _ranking(candidates: Candidates, query: HybridQuery) -> Ranking:
    if candidates.dense is None:
        return candidates.by_lexical()
    if query.mode == "dense":
        return candidates.by_dense()
    return candidates.by_both(query.fusion)


def _close(held: _Held | None) -> None:
    if held is not None:
        os.close(held.descriptor)
