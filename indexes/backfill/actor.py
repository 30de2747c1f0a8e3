"""What a machine does: read a range of chunks, embed those whose vectors are not kept, keep them."""

from __future__ import annotations

from dataclasses import dataclass

from core.database import Database
from core.models import Chunk
from core.settings import Settings
from core.vectors import content_hash, stored_vectors
from indexes.embedders.pool import EmbedderPool
from indexes.embedding import ChunkEmbedder
from indexes.passages import embedding_text, stored_chunks


@dataclass(frozen=True, slots=True)
class Range:
    """Chunks of a generation by the first and the last of their ids, and what embeds them."""

    generation_id: int
    first: int
    last: int
    embedder: str
    fingerprint: str
    dimension: int


class RangeEmbedder:
    """Holds a model and a connection to the database; a process of its own for each."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.resolved_database_url)
        self._embedders = EmbedderPool(settings)
        self._embedding = ChunkEmbedder(settings, self._database, stopping=lambda: False)

    def embed(self, wanted: Range) -> tuple[int, int]:
        """Return how many texts there are in a range, and how many of them were embedded here.

        Each piece is kept as it is done, so that whoever is stopped has lost one piece. Raises EmbedderMismatch,
        EmbedderUnavailable.
        """
        embedder = self._embedders.bound(wanted.embedder, wanted.fingerprint)
        here = (Chunk.generation_id == wanted.generation_id, Chunk.id.between(wanted.first, wanted.last))
        with self._database.read() as session:
            chunks = {
                content_hash(embedding_text(chunk)): chunk
                for chunk in stored_chunks(session, *here, Chunk.content_hash.is_not(None))
            }
            kept = stored_vectors(session, wanted.fingerprint, chunks, wanted.dimension)
        missing = [chunk for key, chunk in chunks.items() if key not in kept]
        self._embedding.embed(missing, embedder, wanted.dimension)
        return len(chunks), len(missing)
