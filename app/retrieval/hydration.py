"""From hits to passages: their text, fetched by the query that checks who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.database import Database
from core.filter_sql import matches
from core.filters import Filter
from core.models import Chunk, Document, Revision
from core.types import Caller, Hit, Source
from core.visibility import readable_chunks

# Hits whose text is fetched at once, at most; at first so many more than are wanted: the check seldom drops any.
_BATCH = 200
_SPARE = 4


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a question found: ordinal is its place among the chunks of its revision, from 0."""

    source: Source
    revision_id: int
    ordinal: int
    token_count: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may show: one generation of one collection, to one caller."""

    caller: Caller
    collection_id: int
    generation_id: int


def hydrate(
    database: Database, scope: Scope, wanted: Filter | None, hits: Sequence[Hit], most: int
) -> tuple[list[Passage], bool]:
    """Fetch the first `most` hits that the caller may see and wants; tells whether the check dropped any."""
    passages: list[Passage] = []
    seen, batch_size = 0, min(most + _SPARE, _BATCH)
    statement = readable_chunks(scope.caller, scope.collection_id, scope.generation_id)
    with database.read() as session:
        while seen < len(hits) and len(passages) < most:
            batch = {hit.chunk_id: hit for hit in hits[seen : seen + batch_size]}
            rows = session.execute(statement.where(Chunk.id.in_(batch), matches(wanted)))
            visible = {chunk.id: (chunk, document, revision) for chunk, document, revision in rows}
            passages += [_passage(*visible[i], hit) for i, hit in batch.items() if i in visible]
            seen += len(batch)
            batch_size = _BATCH
    return passages[:most], len(passages) < seen


def heading_of(path: Sequence[str]) -> str:
    """Return the headings above a passage in one line, outermost first."""
    return " › ".join(path)


def _passage(chunk: Chunk, document: Document, revision: Revision, hit: Hit) -> Passage:
    source = Source(
        document_id=document.external_id,
        chunk_id=chunk.id,
        title=revision.title,
        uri=revision.uri,
        text=chunk.text,
        heading=heading_of(chunk.heading_path),
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
        chunk_ids=(chunk.id,),
    )
    return Passage(source, revision.id, chunk.ordinal, chunk.token_count)
