"""Golden questions: what a new index must find before it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Self

from sqlalchemy import select

from core.database import Database
from core.models import Chunk, Document, Generation
from core.settings import Settings
from core.types import Hit
from indexes.asking import hybrid_query
from indexes.backends import Index, open_index
from indexes.embedders.pool import EmbedderPool
from indexes.translation.dictionary import Dictionary

_LEAST_DEPTH = 50
# A document may fill the list with its passages; so much deeper is looked for others.
_PASSAGES_EACH = 10


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """Passes where one of the documents is among the first `top` documents that the search finds."""

    question: str
    document_ids: Sequence[str]
    top: int


@dataclass(frozen=True, slots=True)
class Golden:
    """Questions, and the share of them (0 to 1) that must pass."""

    questions: Sequence[GoldenQuestion]
    min_pass: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls([GoldenQuestion(**question) for question in data["questions"]], float(data["min_pass"]))

    def as_json(self) -> dict[str, Any]:
        """Return plain data for the database."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that did not pass: the documents that were expected, and those that came first."""

    question: str
    expected: Sequence[str]
    top: int
    found: Sequence[str]


@dataclass(frozen=True, slots=True)
class GoldenReport:
    """How a generation answered its golden questions."""

    asked: int
    passed: int
    min_pass: float
    failed: Sequence[Failure]

    @property
    def good_enough(self) -> bool:
        """Whether the asked share has passed."""
        return self.passed >= self.min_pass * self.asked

    def as_json(self) -> dict[str, Any]:
        """Return plain data for the job."""
        return asdict(self)


class Examiner:
    """Asks golden questions as the service asks questions, of any generation."""

    def __init__(self, settings: Settings, database: Database, embedders: EmbedderPool) -> None:
        self._settings = settings
        self._database = database
        self._embedders = embedders
        self._dictionary: Dictionary | None = None

    def ask(self, golden: Golden, generation: Generation) -> GoldenReport:
        """Search a generation with every question; raises as the embedder and the index do."""
        self._dictionary = self._dictionary or Dictionary.open(self._settings.models_dir)
        failed = []
        with closing(open_index(self._settings, generation.id)) as index:
            for wanted in golden.questions:
                found = self._documents(index, generation, wanted)
                if not set(found) & set(wanted.document_ids):
                    failed.append(Failure(wanted.question, wanted.document_ids, wanted.top, found))
        asked = len(golden.questions)
        return GoldenReport(asked, asked - len(failed), golden.min_pass, failed)

    def _documents(self, index: Index, generation: Generation, wanted: GoldenQuestion) -> list[str]:
        """Return the first documents that a question finds, best first."""
        embedder = self._embedders.bound(generation.embedder, generation.fingerprint)
        query = hybrid_query(
            wanted.question,
            embedder.embed_query(wanted.question),
            max(_LEAST_DEPTH, wanted.top * _PASSAGES_EACH),
            "hybrid",
            self._embedders.reference(embedder),
            self._dictionary,
        )
        names = self._names(index.search(query).hits, generation)
        return list(dict.fromkeys(names))[: wanted.top]

    def _names(self, hits: Sequence[Hit], generation: Generation) -> list[str]:
        ids = [hit.chunk_id for hit in hits]
        statement = (
            select(Chunk.id, Document.external_id)
            .join(Document, Document.live_revision_id == Chunk.revision_id)
            .where(Chunk.id.in_(ids), Chunk.generation_id == generation.id)
        )
        with self._database.read() as session:
            names = dict(session.execute(statement).all())
        return [names[id_] for id_ in ids if id_ in names]
